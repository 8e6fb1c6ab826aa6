"""A network that facekit did not bring tells people apart, or is refused in a line that names its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from facekit.errors import WeightsError
from facekit.faces.embedding import Embedder
from facekit.models import runtime, weights

node = helper.make_node
MEAN = node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0)
ZERO = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
HUGE = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "shape")


def written(
    path: Path,
    nodes: Sequence[NodeProto],
    constants: Sequence[TensorProto] = (),
    *,
    inputs: Sequence[str] = ("x",),
    kind: int = TensorProto.FLOAT,
    output: Sequence[int | str] = ("n", 3),
) -> Path:
    """A network from pictures of 16 pixels to `y`, with its description beside it."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, kind, ["n", 3, 16, 16]) for name in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    path.with_suffix(".toml").write_text("[embedder]\ndimension = 3\nside = 16\n")
    return path


def endless() -> list[NodeProto]:
    """A loop that counts to 2⁶²."""
    flag = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    value = helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n", 3])
    body = helper.make_graph(
        [node("Identity", ["c"], ["d"]), node("Sin", ["v"], ["w"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), flag, value],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n", 3]),
        ],
    )
    return [MEAN, node("Loop", ["count", "", "m"], ["y"], body=body)]


NETWORKS: dict[str, tuple[dict[str, Any], str]] = {
    "same vector": (
        {"nodes": [MEAN, node("Mul", ["m", "zero"], ["z"]), node("Exp", ["z"], ["y"])],
         "constants": [ZERO]},
        "gives every picture the same vector",
    ),
    "zero": (
        {"nodes": [MEAN, node("Mul", ["m", "zero"], ["y"])], "constants": [ZERO]},
        "zero or not finite",
    ),
    "not a number": (
        {"nodes": [MEAN, node("Mul", ["m", "zero"], ["z"]), node("Div", ["z", "z"], ["y"])],
         "constants": [ZERO]},
        "zero or not finite",
    ),
    "infinite": (
        {"nodes": [MEAN, node("Div", ["m", "zero"], ["y"])], "constants": [ZERO]},
        "zero or not finite",
    ),
    "other size": (
        {"nodes": [node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)], "output": ("n", 16)},
        r"gives \(16,\) numbers a face, not 3",
    ),
    "a map": ({"nodes": [node("Relu", ["x"], ["y"])], "output": ("n", 3, 16, 16)}, "numbers a face"),
    "two inputs": (
        {"nodes": [node("Add", ["x", "u"], ["s"]),
                   node("ReduceMean", ["s"], ["y"], axes=[2, 3], keepdims=0)],
         "inputs": ("x", "u")},
        "where one batch of float pictures goes in",
    ),
    "whole numbers": (
        {"nodes": [node("Cast", ["x"], ["f"], to=1),
                   node("ReduceMean", ["f"], ["y"], axes=[2, 3], keepdims=0)],
         "kind": TensorProto.UINT8},
        "where one batch of float pictures goes in",
    ),
    "unknown operation": (
        {"nodes": [node("Own", ["x"], ["y"], domain="own")]},
        "is no network that can be run",
    ),
    "no room": (
        {"nodes": [MEAN, node("ConstantOfShape", ["shape"], ["big"]),
                   node("ReduceSum", ["big"], ["s"], keepdims=0),
                   node("Add", ["m", "s"], ["y"])],
         "constants": [HUGE]},
        "does not take crops as its description says",
    ),
    "no end": (
        {"nodes": endless(), "constants": [numpy_helper.from_array(np.array(1 << 62), "count")]},
        "stopped after 0.2 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_that_tells_nobody_apart_is_refused_by_its_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_SECONDS", 0.2)
    monkeypatch.setattr(runtime, "_SECONDS_EACH", 0)
    graph, told = NETWORKS[kind]
    path = written(tmp_path / "net.onnx", **graph)
    with pytest.raises(WeightsError, match=told) as caught:
        Embedder(weights.user_embedder(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_network_that_tells_colors_apart_is_taken(tmp_path: Path) -> None:
    nodes = [node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)]
    embedder = Embedder(weights.user_embedder(written(tmp_path / "net.onnx", nodes)))
    assert embedder(np.full((1, 16, 16, 3), 200, np.uint8)).shape == (1, 3)
