"""The runtime keeps to itself, and computes the same on every processor."""

import base64
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facekit.models import runtime


def test_loading_the_runtime_writes_nothing_to_the_home_folder(tmp_path: Path) -> None:
    code = "from facekit.models import runtime; import onnxruntime; onnxruntime.SessionOptions()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    subprocess.run([sys.executable, "-c", code], env=environment | home, check=True)
    assert list(tmp_path.rglob("*")) == []


def sum_of_64() -> bytes:
    """A convolution of 64 ones with 64 ones whose products, added two by two, do not fit into 16 bits."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "t", "u"], ["v"]),
        helper.make_node("Conv", ["d", "v"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", "r", "z"], ["e"]),
        helper.make_node("DequantizeLinear", ["e", "r", "z"], ["y"]),
    ]
    values = {
        "s": np.float32(1 / 255),
        "z": np.uint8(0),
        "w": np.full((1, 64, 1, 1), 127, np.int8),
        "t": np.float32(1 / 127),
        "u": np.int8(0),
        "r": np.float32(64 / 255),
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64, 1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def test_the_sum_that_older_processors_get_wrong_is_that_of_64_ones() -> None:
    kept = zlib.decompress(base64.b85decode(runtime._SUM_OF_64))
    assert onnx.load_from_string(kept) == onnx.load_from_string(sum_of_64())
    assert runtime.load(kept)(np.ones((2, 64, 1, 1), np.float32)) == pytest.approx(64)


@pytest.mark.parametrize("overflows", [False, True])
def test_where_int8_sums_overflow_exact_kernels_are_asked_for(
    overflows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scripts/prove_processors.py compares the vectors under emulation."""
    monkeypatch.setattr(runtime, "int8_overflows", lambda: overflows)
    options = runtime.load(sum_of_64())._session.get_session_options()  # type: ignore[attr-defined]
    if overflows:
        assert options.get_session_config_entry(runtime._EXACT) == "1"
    else:
        with pytest.raises(RuntimeError, match=runtime._EXACT):
            options.get_session_config_entry(runtime._EXACT)
