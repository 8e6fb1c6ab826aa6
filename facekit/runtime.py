"""The one place that chooses the inference runtime and loads a network file into it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class Network(Protocol):
    """A loaded network: one input, one output, any batch size."""

    def __call__(self, batch: Array) -> Array: ...


class _OnnxRuntime:
    def __init__(self, network: Path | bytes, threads: int) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events() if os.name == "nt" else None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = network if isinstance(network, bytes) else str(network)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: Array) -> Array:
        return np.asarray(self._session.run(None, {self._input: batch})[0])


class _OpenVino:
    def __init__(self, network: Path | bytes, threads: int, precision: str) -> None:
        import openvino

        model = openvino.Core().read_model(network if isinstance(network, bytes) else str(network))
        shape = model.inputs[0].partial_shape
        shape[0] = -1
        model.reshape(shape)
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if precision != "auto":
            config["INFERENCE_PRECISION_HINT"] = precision
        self._model = openvino.Core().compile_model(model, "CPU", config)

    def __call__(self, batch: Array) -> Array:
        return np.array(self._model([batch])[0])


def load(network: Path | bytes, *, runtime: str = "onnxruntime", threads: int = 0, precision: str = "f32") -> Network:
    """Load an ONNX file for the CPU.

    `runtime` is `onnxruntime` or `openvino`; `threads` 0 means one per usable core; `precision`
    (`f32`, `bf16`, `auto`) is a hint that only OpenVINO takes.
    """
    threads = threads or len(os.sched_getaffinity(0))
    if runtime == "openvino":
        return _OpenVino(network, threads, precision)
    return _OnnxRuntime(network, threads)
