"""Crops to unit vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facekit import settings
from facekit.errors import WeightsError
from facekit.models import runtime
from facekit.models.weights import EmbedderSpec, shipped_embedder, verified
from facekit.results import Pixels

_SAME = 0.99999


class Embedder:
    """A loaded network: aligned RGB crops in, unit vectors out."""

    def __init__(self, spec: EmbedderSpec | None = None, *, threads: int = 0) -> None:
        self.spec = spec or shipped_embedder()
        foreign = self.spec.path.parent != settings.weights_folder()
        self.fingerprint = self.spec.fingerprint
        self.dimension = self.spec.dimension
        data = verified(self.spec.path, self.spec.sha256)
        try:
            self._network = runtime.load(data, threads=threads, foreign=foreign)
        except runtime.LoadError as error:
            raise WeightsError(f"{self.spec.path}: is no network that can be run ({error})") from None
        if foreign:
            self._require_sight()

    def __call__(self, crops: Pixels) -> NDArray[np.float32]:
        """Unit vectors, float32 (n, dimension), of crops, uint8 (n, side, side, 3) RGB.

        Raises WeightsError when the network gives something that is no vector of this dimension.
        """
        return self.with_norms(crops)[0]

    def with_norms(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The unit vectors and the feature norms, float32 (n,): the length of the network's own vector.

        Of an embedder that averages with the mirror image, the mean of both lengths. Raises as a call does.
        """
        if not len(crops):
            return np.zeros((0, self.dimension), np.float32), np.zeros(0, np.float32)
        vectors, norms = self._unit(crops)
        if self.spec.flip:
            mirrored, others = self._unit(crops[:, :, ::-1])
            vectors = normalized(vectors + mirrored)
            norms = np.asarray((norms + others) / 2, np.float32)
        return vectors, norms

    def _require_sight(self) -> None:
        """Raise WeightsError for a network that gives two quite different pictures the same vector: whoever
        was enrolled with it would be everybody."""
        side = self.spec.side
        pictures = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype(np.uint8)
        pictures[1, side // 2 :] = 0
        one, other = self(pictures)
        if one @ other > _SAME:
            raise WeightsError(f"{self.spec.path}: gives every picture the same vector: it recognizes nobody")

    def _unit(self, crops: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        spec = self.spec
        pixels = crops[..., ::-1] if spec.color == "bgr" else crops
        pixels = pixels if spec.layout == "nhwc" else pixels.transpose(0, 3, 1, 2)
        batch = np.ascontiguousarray((pixels.astype(np.float32) - spec.mean) / spec.scale)
        try:
            vectors = self._network(batch)
        except runtime.RunError as error:
            raise WeightsError(
                f"{spec.path}: does not take crops as its description says ({error})"
            ) from None
        if vectors.shape != (len(crops), self.dimension):
            raise WeightsError(f"{spec.path}: gives {vectors.shape[1:]} numbers a face, not {self.dimension}")
        try:
            return _split(vectors.astype(np.float32))
        except WeightsError as error:
            raise WeightsError(f"{spec.path}: {error}") from None


def normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1. Raises WeightsError for a row that is zero or not finite."""
    return _split(vectors)[0]


def _split(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows scaled to length 1, and their lengths (n,)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths < 1e-9):
        raise WeightsError("the network gave a vector that is zero or not finite: it recognizes nobody")
    return np.asarray(vectors / lengths, np.float32), np.asarray(lengths[:, 0], np.float32)
