"""Go on from an embedder that `facekit export` wrote: its weights back in a network that trains.

An exported file has no batch norms any more: they are folded into the layers before them, and the
weights may be rounded to float16 or int8. Here each layer gets its weights back and each batch norm the
statistics of real crops, so that the network computes what the file does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.errors import WeightsError
from facekit.files import untrusted
from facekit.models import runtime
from facekit.training.batches import prepare
from facekit.training.networks import GlobalDepthwise

Layer = tuple[Tensor, Tensor]
SAMPLE = 256
"""So many crops are enough for the statistics of batch norms."""
FITTED = 16_384
"""So many crops tell a last layer of a few hundred inputs well."""
AT_ONCE = 64
RIDGE = 1e-3
"""Of the mean variance of an input: enough for inputs that say the same."""
LARGEST = 1024


@torch.no_grad()
def restore(network: nn.Module, file: Path, crops: NDArray[np.uint8]) -> nn.Linear | None:
    """Load the weights of the ONNX `file` into a fresh `network` of the same architecture.

    The statistics of batch norms come from `crops`, uint8 (n, side, side, 3) RGB, for which SAMPLE are
    enough. A last layer of another dimension than the file's stays as it is, and is returned. Raises
    WeightsError if the file is of another network, or of one whose batch norms do not follow its layers.
    """
    model = _model(file)
    try:
        side, layers = _side(model), _layers(model)
    # A graph may be put together in any way.
    except Exception as error:
        raise WeightsError(f"{file}: cannot be begun from ({untrusted.reason(error)})") from None
    if not 1 <= side <= LARGEST:
        raise WeightsError(f"{file}: does not say of what size its faces are, and cannot be begun from")
    filling = _Filling(file, layers)
    hooks = [
        part.register_forward_pre_hook(filling.norm if isinstance(part, nn.BatchNorm2d) else filling.layer)
        for part in network.modules()
        if isinstance(part, (nn.BatchNorm2d, nn.Conv2d, nn.Linear, GlobalDepthwise))
    ]
    try:
        network.eval()(prepare(torch.from_numpy(crops).permute(0, 3, 1, 2), side))
    finally:
        for hook in hooks:
            hook.remove()
    if filling.used != len(layers):
        raise WeightsError(f"{file}: is of another network, with more layers")
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise WeightsError(f"{file}: holds numbers that are not finite")
    return filling.unlike


class _Filling:
    """Fills one part after the other while the network runs: layers in the order in which they are used, each
    batch norm with what was folded into the layer before it."""

    def __init__(self, file: Path, layers: list[Layer]) -> None:
        self.file, self.layers = file, layers
        self.used = 0
        self.folded: list[Layer] = []
        self.unlike: nn.Linear | None = None

    def layer(self, part: nn.Module, _: Any) -> None:
        kernel = part.get_parameter("weight")
        if self.used == len(self.layers) - 1 and isinstance(part, nn.Linear):
            stored = self.layers[self.used][0].shape
            if stored[0] != len(kernel) and stored[1:] == kernel.shape[1:]:
                self.unlike, self.used = part, self.used + 1
                return
        if self.used == len(self.layers) or self.layers[self.used][0].shape != kernel.shape:
            raise WeightsError(f"{self.file}: is of another network; layer {self.used + 1} does not fit")
        weight, bias = self.layers[self.used]
        self.used += 1
        scale = torch.ones(len(weight))
        if isinstance(part, nn.Conv2d):
            scale = usual_length(weight) / weight.flatten(1).norm(dim=1).clamp(min=1e-12)
        if isinstance(part, nn.Linear):
            part.bias.copy_(bias)
        else:
            self.folded.append((bias, scale))
        kernel.copy_(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))

    def norm(self, part: nn.Module, inputs: tuple[Tensor]) -> None:
        if not self.folded:
            raise WeightsError(f"{self.file}: batch norms that stand before their layers cannot be restored")
        bias, scale = self.folded.pop()
        mean = inputs[0].mean((0, 2, 3))
        variance = inputs[0].var((0, 2, 3), correction=0)
        part.get_buffer("running_mean").copy_(mean)
        part.get_buffer("running_var").copy_(variance)
        part.get_parameter("weight").copy_((variance + 1e-5).sqrt() / scale)
        part.get_parameter("bias").copy_(mean / scale + bias)


@torch.no_grad()
def fit_last(
    network: nn.Module, last: nn.Linear, crops: NDArray[np.uint8], wanted: NDArray[np.floating[Any]]
) -> None:
    """Set the layer `last`, with which `network` ends, to what comes nearest to the vectors that are `wanted`
    (n, d) of `crops`, uint8 (n, side, side, 3) RGB: ridge regression (Hoerl and Kennard 1970)."""
    parts: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: parts.append(inputs[0].double()))
    try:
        for part in torch.split(torch.from_numpy(crops).permute(0, 3, 1, 2), AT_ONCE):
            network.eval()(prepare(part, part.shape[-1]))
    finally:
        hook.remove()
    features, vectors = torch.cat(parts), torch.from_numpy(np.asarray(wanted, np.float64))
    middle, mean = features.mean(0), vectors.mean(0)
    features = features - middle
    moments = features.T @ features
    moments.diagonal().add_(RIDGE * moments.diagonal().mean())
    weight = torch.linalg.solve(moments, features.T @ (vectors - mean)).T
    last.weight.copy_(weight)
    last.bias.copy_(mean - weight @ middle)


def usual_length(weight: Tensor) -> float:
    """Length of a kernel as it is drawn (He et al. 2015, "Delving deep into rectifiers", equation 14).

    Before a batch norm the length of a kernel changes nothing but how far a step of the optimizer turns it.
    """
    outputs = weight.shape[0] * weight[0, 0].numel()
    return float((2 * weight[0].numel() / outputs) ** 0.5)


def _model(file: Path) -> Any:
    import onnx

    data = untrusted.content(file, most=untrusted.NETWORK, error=WeightsError)
    try:
        runtime.require_complete(data)
        return onnx.load_from_string(data)
    except Exception as error:  # google.protobuf's own, which is no dependency of ours
        raise WeightsError(f"{file}: is no ONNX file ({untrusted.reason(error)})") from None


def _side(model: Any) -> int:
    return int(model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value)


def _layers(model: Any) -> list[Layer]:
    """Weight and bias of each layer, in the order in which the network was run when it was exported."""
    constants = _constants(model)
    layers: dict[int, Layer] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm") and all(name in constants for name in node.input[1:3]):
            # The exporter numbers what it folds; a linear layer keeps its name, and comes last.
            number = re.search(r"Conv_(\d+)", node.input[1])
            weight, bias = (torch.from_numpy(constants[name]) for name in node.input[1:3])
            layers[int(number[1]) if number else 1 << 30] = weight, bias
    return [layers[place] for place in sorted(layers)]


def _constants(model: Any) -> dict[str, NDArray[np.float32]]:
    """All that the file stores, in float32: int8 with its scales applied, float16 widened."""
    from onnx import numpy_helper

    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values = {name: array.astype(np.float32) for name, array in stored.items()}
    for node in model.graph.node:
        if not all(name in stored for name in node.input):
            continue
        if node.op_type == "DequantizeLinear":
            whole, scale, *rest = (stored[name].astype(np.float64) for name in node.input)
            zero = rest[0] if rest else np.zeros(1)
            shape = (-1, *[1] * (whole.ndim - 1))
            values[node.output[0]] = ((whole - zero.reshape(shape)) * scale.reshape(shape)).astype(np.float32)
        elif node.op_type == "Cast":
            values[node.output[0]] = values[node.input[0]]
    return values
