"""The network that is learned from, on the device that learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import WeightsError
from facekit.faces.embedding import Embedder, normalized
from facekit.files.untrusted import reason
from facekit.models.weights import EmbedderSpec, verified
from facekit.training.bank import Teacher

PART = 512
"""So many crops run through a teacher at a time: a large one then fits on a small GPU."""

ALIKE = 0.99
"""The least cosine between a crop's vectors by both runtimes; bf16 keeps to 0.999."""


def load(
    spec: EmbedderSpec, device: torch.device, note: Callable[[str], None] = lambda text: None
) -> Teacher:
    """The teacher of a file: run by torch on a GPU, elsewhere by the runtime that `identify` uses. So it is
    on a GPU too where torch would not give the same vectors, and `note` hears why.

    Raises WeightsError for a file that is no network.
    """
    usual = Embedder(spec)
    if device.type != "cuda":
        return usual
    try:
        return translated(usual, device)
    except UntranslatedError as error:
        note(f"{error}: the teacher runs on the processor, which takes many times longer")
        return usual


class UntranslatedError(WeightsError):
    """torch does not run a network as its own runtime does."""


def translated(usual: Embedder, device: torch.device) -> TorchTeacher:
    """The same network run by torch. Raises UntranslatedError where onnx2torch knows not all of its parts, or
    gets one wrong."""
    spec = usual.spec
    crops = np.random.default_rng(0).integers(0, 256, (3, spec.side, spec.side, 3)).astype(np.uint8)
    wanted = usual(crops)
    try:
        teacher = TorchTeacher(spec, device)
        vectors = teacher(crops)
    # Whatever a translation trips over: there is a runtime that takes the file as it is.
    except Exception as error:
        raise UntranslatedError(f"{spec.path}: torch cannot run it ({reason(error)})") from error
    if vectors.shape != wanted.shape or (vectors * wanted).sum(1).min() <= ALIKE:
        raise UntranslatedError(f"{spec.path}: torch makes other vectors of it than its own runtime")
    return teacher


class TorchTeacher:
    """What facekit.faces.embedding.Embedder is, run by torch: in bf16 on a GPU, in float32 on a CPU.

    Raises NotImplementedError for a network with parts that onnx2torch does not know.
    """

    def __init__(self, spec: EmbedderSpec, device: torch.device) -> None:
        import onnx
        from onnx2torch import convert  # type: ignore[import-untyped]

        self.spec, self.fingerprint, self.dimension = spec, spec.fingerprint, spec.dimension
        self._device = device
        model = onnx.load_from_string(verified(spec.path, spec.sha256))
        self._network = convert(model).eval().to(device)

    @torch.no_grad()
    def __call__(self, crops: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Unit vectors, float32 (n, dimension), of crops, uint8 (n, side, side, 3) RGB."""
        parts = []
        for part in torch.split(torch.from_numpy(np.ascontiguousarray(crops)), PART):
            pixels = part.to(self._device)
            vectors = self._vectors(pixels)
            if self.spec.flip:
                vectors = vectors + self._vectors(pixels.flip(2))
            parts.append(vectors.cpu().numpy())
        return normalized(np.concatenate(parts))

    def _vectors(self, crops: torch.Tensor) -> torch.Tensor:
        spec = self.spec
        pixels = crops.flip(-1) if spec.color == "bgr" else crops
        pixels = pixels if spec.layout == "nhwc" else pixels.permute(0, 3, 1, 2)
        ready = ((pixels.float() - spec.mean) / spec.scale).contiguous()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            vectors = self._network(ready)
        return torch.nn.functional.normalize(vectors.float())
