"""From a checkpoint to a file that ships: ONNX in float32, float16 weights or int8, and what that costs.

Only ONNX Runtime's quantizer and the ONNX package are needed beside torch. The file takes float
(n, 3, side, side) RGB in −1 … 1, any n, and gives `vector` (n, dimension), not normalized.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.errors import WeightsError
from facekit.evaluation import metrics
from facekit.faces.embedding import normalized
from facekit.files import untrusted
from facekit.models import runtime
from facekit.results import CROP_SIDE
from facekit.training import checkpoint, networks
from facekit.training.batches import prepare
from facekit.training.config import Config

OPSET = 17
INPUT, OUTPUT = "faces", "vector"
MEAN, SCALE = 127.5, 127.5

Crops = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Named = tuple[str, dict[int, str]]


def load_network(saved: checkpoint.Checkpoint) -> nn.Module:
    """The averaged network of a checkpoint, ready to run. WeightsError if its tensors do not fit."""
    network = networks.create(saved.config["network"], saved.config["dimension"])
    weights = saved.under("averaged")
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        what = untrusted.reason(error)
        raise WeightsError(f"the checkpoint does not fit {saved.config['network']}: {what}") from None
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise WeightsError("the checkpoint holds numbers that are not finite")
    return network.eval()


def trained_side(saved: checkpoint.Checkpoint) -> int:
    """The size of the faces that the checkpoint saw last: it is good for no other."""
    return Config.from_dict(saved.config).side_at(max(0, saved.facts["step"] - 1))


def to_onnx(network: nn.Module, *, side: int = CROP_SIDE) -> bytes:
    """A network of aligned faces as ONNX in float32."""
    return as_onnx(network, torch.zeros(2, 3, side, side), (INPUT, {0: "n"}), (OUTPUT, {0: "n"}))


def as_onnx(network: nn.Module, example: Tensor, inputs: Named, outputs: Named) -> bytes:
    """A network as ONNX in float32, batch norms folded into the convolutions before them: what it makes of an
    input like the example. Input and output have names, and names of those axes that may have any length."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder, "network.onnx")
        # The exporter that needs no further package announces its successor, which needs one.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            network.eval(),
            (example,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[inputs[0]],
            output_names=[outputs[0]],
            dynamic_axes=dict([inputs, outputs]),
        )
        return path.read_bytes()


def half_weights(network: bytes) -> bytes:
    """The same network with its weights stored as float16 and widened when it is loaded: half the size.

    It computes in float32 as before; only the rounding of the weights is lost.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(network)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def quantized(network: bytes, crops: Crops, *, side: int = CROP_SIDE) -> bytes:
    """The same network in int8: weights per channel, activations by what `crops` (n, side, side, 3) show.

    Static quantization with QDQ nodes (Jacob et al. 2018, "Quantization and training of neural networks
    for efficient integer-arithmetic-only inference"), which ONNX Runtime and OpenVINO both read.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    class CropReader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = iter(_batches(crops, 32, side))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch}

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(network))
        add_pre_process_metadata(model)
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            CropReader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": True},
        )
        return target.read_bytes()


def _batches(crops: Crops, size: int, side: int) -> Iterator[NDArray[np.float32]]:
    """As batches.prepare gives them to the network in training: (v − MEAN) / SCALE."""
    for first in range(0, len(crops), size):
        faces = torch.from_numpy(np.array(crops[first : first + size])).permute(0, 3, 1, 2)
        yield prepare(faces, side).contiguous().numpy()


def embed(
    network: bytes, crops: Crops, *, side: int = CROP_SIDE, flip: bool = False, name: str = "onnxruntime"
) -> Vectors:
    """Unit vectors (n, d) of crops (n, side, side, 3) by the exported file; `flip` averages each with that of
    the mirror image."""
    loaded = runtime.load(network, runtime=name)
    parts = []
    for batch in _batches(crops, 32, side):
        vectors = normalized(loaded(batch))
        parts.append(normalized(vectors + normalized(loaded(batch[..., ::-1].copy()))) if flip else vectors)
    return np.concatenate(parts)


@dataclass(frozen=True)
class Drift:
    """How far a smaller file is from the float32 one.

    `vector_*` is 1 − cosine of the two vectors of the same crop; `score_*` the absolute difference of
    the score of the same pair; `before` and `after` are error rates over all pairs (metrics.verification).
    """

    crops: int
    vector_mean: float
    vector_max: float
    score_mean: float
    score_max: float
    before: dict[str, float]
    after: dict[str, float]

    def loss(self, rate: str) -> float:
        """How much of `rate` was lost, as a fraction of one; negative where it rose."""
        return self.before[rate] - self.after[rate]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def drift(
    before: Vectors,
    after: Vectors,
    subjects: NDArray[np.int64],
    families: NDArray[np.int64] | None = None,
) -> Drift:
    """Compare unit vectors (n, d) of the same n crops by two files."""
    apart = 1 - np.einsum("nd,nd->n", before, after)
    total, largest = 0.0, 0.0
    for first in range(0, len(before), 1024):
        rows = slice(first, first + 1024)
        moved = np.abs(before[rows] @ before.T - after[rows] @ after.T)
        total, largest = total + float(moved.sum(dtype=np.float64)), max(largest, float(moved.max()))
    return Drift(
        crops=len(before),
        vector_mean=float(apart.mean()),
        vector_max=float(apart.max()),
        score_mean=total / len(before) ** 2,
        score_max=largest,
        before=metrics.verification(before, subjects, families),
        after=metrics.verification(after, subjects, families),
    )
