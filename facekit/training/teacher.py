"""The network that is learned from, on the device that learns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.embedding import Embedder, normalised
from facekit.errors import WeightsError
from facekit.training.bank import Teacher
from facekit.weights import EmbedderSpec, verified


def load(spec: EmbedderSpec, device: torch.device) -> Teacher:
    """The teacher of a file. On a GPU torch runs it; elsewhere, and where it has parts that onnx2torch cannot
    translate, the runtime that `identify` uses."""
    if device.type != "cuda":
        return Embedder(spec)
    try:
        return TorchTeacher(spec, device)
    except NotImplementedError:
        return Embedder(spec)


class TorchTeacher:
    """What facekit.embedding.Embedder is, run by torch: in bf16 on a GPU, in float32 on a CPU.

    Raises NotImplementedError for a network with parts that onnx2torch does not know, WeightsError for a file
    that is none.
    """

    def __init__(self, spec: EmbedderSpec, device: torch.device) -> None:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from onnx2torch import convert  # type: ignore[import-untyped]

        self.spec, self.fingerprint, self.dimension = spec, spec.fingerprint, spec.dimension
        self._device = device
        try:
            model = onnx.load_from_string(verified(spec.path, spec.sha256))
        except DecodeError as error:
            raise WeightsError(f"{spec.path}: is no network that can be run ({error})") from None
        self._network = convert(model).eval().to(device)

    @torch.no_grad()
    def __call__(self, crops: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Unit vectors, float32 (n, dimension), of crops, uint8 (n, side, side, 3) RGB."""
        pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(self._device)
        vectors = self._vectors(pixels)
        if self.spec.flip:
            vectors = vectors + self._vectors(pixels.flip(2))
        return normalised(vectors.cpu().numpy())

    def _vectors(self, crops: torch.Tensor) -> torch.Tensor:
        spec = self.spec
        pixels = crops.flip(-1) if spec.colour == "bgr" else crops
        pixels = pixels if spec.layout == "nhwc" else pixels.permute(0, 3, 1, 2)
        ready = ((pixels.float() - spec.mean) / spec.scale).contiguous()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            vectors = self._network(ready)
        return torch.nn.functional.normalize(vectors.float())
