"""A network is one file: what it says lies in other files is never read, wherever in the graph it says so."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facekit import detection
from facekit.errors import WeightsError
from facekit.faces.embedding import Embedder
from facekit.models import external_data, runtime
from facekit.models.weights import EmbedderSpec
from facekit.training import restore

PLACES = ("initializer", "constant", "sparse", "branch", "function", "key only")


def elsewhere(location: str, dims: tuple[int, ...] = (3, 2)) -> TensorProto:
    """A tensor in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def network(tensor: TensorProto, place: str = "initializer") -> bytes:
    """Crops to vectors of two numbers, by weights (3, 2) that stand in some place of the graph."""
    mean = helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0)
    nodes = [mean, helper.make_node("MatMul", ["m", "w"], ["y"])]
    initializers, sparse, functions = [], [], []
    if place == "constant":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    elif place == "branch":
        inner = helper.make_graph(
            [helper.make_node("Constant", [], ["v"], value=tensor)],
            "inner",
            [],
            [helper.make_tensor_value_info("v", TensorProto.FLOAT, [3, 2])],
        )
        nodes.insert(0, helper.make_node("If", ["yes"], ["w"], then_branch=inner, else_branch=inner))
        initializers.append(numpy_helper.from_array(np.array(True), "yes"))
    elif place == "sparse":
        sparse.append(
            helper.make_sparse_tensor(tensor, numpy_helper.from_array(np.zeros(1, np.int64)), [3, 2])
        )
    elif place == "function":
        body = [helper.make_node("Constant", [], ["v"], value=tensor)]
        functions.append(helper.make_function("own", "F", [], ["v"], body, [helper.make_opsetid("", 17)]))
        nodes.insert(0, helper.make_node("F", [], ["w"], domain="own"))
    else:
        initializers.append(tensor)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        initializers,
        sparse_initializer=sparse,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/etc/passwd"])
def test_tensors_in_other_files_are_refused(
    place: str, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime, given the bytes of a network, would look in the folder that the program runs in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.bin").write_bytes(np.arange(6, dtype=np.float32).tobytes())
    tensor = elsewhere(location, (1,) if place == "sparse" else (3, 2))
    if place == "key only":  # an older way, without the mark
        tensor.ClearField("data_location")
    data = network(tensor, place)
    assert external_data.is_used(data)
    with pytest.raises(runtime.LoadError, match="keeps weights in other files"):
        runtime.load(data)
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    spec = EmbedderSpec(path, "net", hashlib.sha256(data).hexdigest(), 2, side=16)
    with pytest.raises(WeightsError, match=r"net\.onnx: .* other files"):
        Embedder(spec)
    with pytest.raises(WeightsError, match=r"net\.onnx: .* other files"):
        restore._model(path)
    for kind in ("yunet", "yolo", "retinaface"):
        with pytest.raises(WeightsError, match=r"net\.onnx: .* other files"):
            detection.create(f"{kind}={path}")


def test_a_name_that_is_called_location_is_no_other_file() -> None:
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    data = onnx.load_from_string(network(weights))
    data.graph.doc_string = "location"
    data.graph.node[1].name = "location"
    assert not external_data.is_used(data.SerializeToString())


@pytest.mark.parametrize(
    "data", [b"location", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfflocation", b"\x3alocation"]
)
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(runtime.LoadError):
        runtime.load(data)
