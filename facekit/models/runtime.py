"""The one place that chooses the inference runtime and loads a network file into it."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import threading
import zlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facekit import extras, settings
from facekit.errors import DependencyError
from facekit.files.untrusted import reason
from facekit.models import external_data
from facekit.models.pool import Pool

Array = NDArray[Any]

# ONNX Runtime counts its uses and writes a device number to the home folder unless it is told not to.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


# What a network that is not ours may use: bytes in all, seconds a batch and more for each picture in it.
_MEMORY = 4 << 30
_SECONDS, _SECONDS_EACH = 60, 10
_QUANTIZED = b"QuantizeLinear"
_EXACT = "session.x64quantprecision"
# A convolution of 64 ones with 64 ones in int8, as ONNX, packed; tests/test_runtime.py makes it again.
_SUM_OF_64 = (
    "c-p0qKMR6D7>E1m4aXbRbr3Dl;OIxF2(cy!qP4B^h!#WhPr78^y0O!6$+ixj<$d7yz;Ql%88ji>2{%F^5nBCSatPu}p*EL59U__%!p8c"
    "RSgWw*GeS&AB+?&#K=28v#K~f-YmipC6CtVx)vugtY~G%eINMzT7dMYR%W`gWVYnzfbnGn$cQg>Di_CK#f4)yA_82p;&>g*+RGs=9)%o"
    "SV`a3zM5r-U-DG`vt9Stgu+UDOD4KAaO=)D1kq+q8"
)


class LoadError(Exception):
    """The bytes are no network that this runtime can load."""


class RunError(Exception):
    """The network does not take this batch."""


class Network(Protocol):
    """A loaded network with one input and any batch size.

    `input_shape` has None where the file leaves a side open; `output_count` is the number of its outputs.
    """

    input_shape: tuple[int | None, ...]
    output_count: int

    def __call__(self, batch: Array) -> Array:
        """The first output."""
        ...

    def outputs(self, batch: Array) -> list[Array]:
        """All outputs, in the order of the file."""
        ...


class _OnnxRuntime:
    def __init__(self, network: bytes, threads: int, *, foreign: bool) -> None:
        import onnxruntime

        self._limited = foreign
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # By itself a thread that waits for work keeps its core busy for many milliseconds: of the time in
        # which a network is loaded, most is that. ONNX Runtime before 1.26 does not know this entry.
        options.add_session_config_entry("session.intra_op.spin_duration_us", "100")
        if _QUANTIZED in network and int8_overflows():
            options.add_session_config_entry(_EXACT, "1")
        if foreign:
            _limit_memory()
            options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        # ONNX Runtime raises a dozen classes of its own here, with no common base but Exception.
        except Exception as error:
            raise LoadError(reason(error)) from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            kinds = ", ".join(f"{item.name} {item.type}" for item in inputs)
            raise LoadError(f"it takes {kinds or 'nothing'}, where one batch of float pictures goes in"[:200])
        first = inputs[0]
        self._input = first.name
        self.input_shape = tuple(side if isinstance(side, int) else None for side in first.shape)
        self.output_count = len(self._session.get_outputs())

    def outputs(self, batch: Array) -> list[Array]:
        # Many published networks are made for exactly one picture.
        if self.input_shape[:1] == (1,) and len(batch) > 1:
            rows = [self._run(batch[number : number + 1]) for number in range(len(batch))]
            return [np.concatenate(parts) for parts in zip(*rows, strict=True)]
        return self._run(batch)

    def _run(self, batch: Array) -> list[Array]:
        import onnxruntime

        options = onnxruntime.RunOptions()
        limit = _SECONDS + _SECONDS_EACH * len(batch)
        # A loop in the file may have no end.
        timer = threading.Timer(limit, lambda: setattr(options, "terminate", True))
        timer.daemon = True
        if self._limited:
            timer.start()
        try:
            outputs: list[Array] = self._session.run(None, {self._input: batch}, options)
        except Exception as error:
            raise RunError(f"stopped after {limit} s" if options.terminate else reason(error)) from None
        finally:
            timer.cancel()
        if not all(isinstance(output, np.ndarray) and output.dtype.kind in "fiub" for output in outputs):
            raise RunError("it gives something else than numbers")
        return outputs

    def __call__(self, batch: Array) -> Array:
        return self.outputs(batch)[0]


class _OpenVino:
    def __init__(self, network: bytes, threads: int, precision: str) -> None:
        try:
            import openvino
        except ImportError:
            raise DependencyError(f"OpenVINO is not installed: {extras.install('openvino')}") from None
        core = openvino.Core()
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if precision != "auto":
            config["INFERENCE_PRECISION_HINT"] = precision
        try:
            model = core.read_model(network)
            shape = model.inputs[0].partial_shape
            shape[0] = -1
            model.reshape(shape)
            compiled = core.compile_model(model, "CPU", config)
            self._requests: Pool[Any] = Pool(compiled.create_infer_request)
            self.input_shape = tuple(side.get_length() if side.is_static else None for side in shape)
            self.output_count = len(model.outputs)
        except RuntimeError as error:
            raise LoadError(reason(error)) from None

    def outputs(self, batch: Array) -> list[Array]:
        try:
            with self._requests.borrowed() as request:
                return [np.array(output) for output in request.infer([batch]).values()]
        except RuntimeError as error:
            raise RunError(reason(error)) from None

    def __call__(self, batch: Array) -> Array:
        return self.outputs(batch)[0]


@functools.cache
def int8_overflows() -> bool:
    """Whether ONNX Runtime's usual int8 kernels are wrong on this processor.

    On x86 without VNNI they add products in 16 bits, which overflow: the shipped embedder's vectors then have
    cosines of 0.80 to 0.98 to what they should be (scripts/prove_processors.py). Its other kernels are exact,
    and take 2.6 times as long where nothing is wrong, so that it is tried which are needed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    network = zlib.decompress(base64.b85decode(_SUM_OF_64))
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    product = session.run(None, {"x": np.ones((1, 64, 1, 1), np.float32)})[0]
    return bool(abs(float(product.item()) - 64) > 1)


@functools.cache
def _limit_memory() -> None:
    """Let the networks that are not ours use no more than _MEMORY bytes, all together: a file of a hundred
    bytes can ask for any amount."""
    import onnxruntime

    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # Two threads may come here at once, and the second is refused.
    with contextlib.suppress(RuntimeError):
        onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg({"max_mem": _MEMORY}))


def require_complete(network: bytes) -> None:
    """Raise LoadError for an ONNX file that keeps tensors in other files, which are never read."""
    try:
        elsewhere = external_data.is_used(network)
    except ValueError as error:
        raise LoadError(f"it is no ONNX file: {error}") from None
    if elsewhere:
        raise LoadError("it keeps weights in other files, which are not read: save it as one file")


def load(
    network: bytes,
    *,
    runtime: str = "onnxruntime",
    threads: int = 0,
    precision: str = "f32",
    foreign: bool = False,
) -> Network:
    """Load the bytes of an ONNX file for the CPU. Raises LoadError.

    A `foreign` network, which facekit did not bring, has limits of memory and time. `runtime` is
    `onnxruntime` or `openvino`; `threads` 0 means one per usable core; `precision` (`f32`, `bf16`, `auto`) is
    a hint that only OpenVINO takes.
    """
    require_complete(network)
    threads = threads or settings.default_threads()
    if runtime == "openvino":
        return _OpenVino(network, threads, precision)
    return _OnnxRuntime(network, threads, foreign=foreign)
