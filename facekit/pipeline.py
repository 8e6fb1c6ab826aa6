"""From a picture to its faces: detection, alignment and embedding strung together, for all who need them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import alignment, detection, quality, weights
from facekit.alignment import Landmarks, Refiner
from facekit.arguments import path_of, text_of, whole_number
from facekit.detection import MIN_FACE
from facekit.embedding import Embedder
from facekit.errors import WeightsError
from facekit.lighting import lit, lit_face
from facekit.results import Detection, Face, Picture, Pixels


class Pipeline:
    """A detector, a landmark predictor and an embedder; the networks are loaded with the first picture.

    `detector` is `auto`, `dlib`, `network`, or `dlib-cnn=FILE`, `yunet=FILE`, `yolo=FILE`, `retinaface=FILE`;
    `embedder` is an ONNX file with its TOML beside it, or None for the shipped network. Faces of fewer than
    `min_face` pixels are not looked for. `threads` 0 means one per usable core. Threads may share a pipeline.
    """

    def __init__(
        self,
        *,
        detector: str = "auto",
        embedder: Path | None = None,
        min_face: int = MIN_FACE,
        threads: int = 0,
    ) -> None:
        """Raises UsageError for a value that is none of these, WeightsError for files that cannot be used."""
        threads = whole_number(threads, "threads", least=0)
        self.min_face = whole_number(min_face, "min_face", least=1)
        network = None if embedder is None else Path(path_of(embedder, "embedder"))
        self.detector = detection.create(text_of(detector, "detector"), threads=threads)
        self.spec = weights.user_embedder(network) if network else weights.shipped_embedder()
        if self.spec.template not in alignment.SCHEMES:
            known = ", ".join(alignment.SCHEMES)
            raise WeightsError(f"{self.spec.path}: no template {self.spec.template!r}: there are {known}")
        self._threads = threads
        self._coming: Future[Embedder] | None = None
        self._landmarks: Landmarks | None = None
        self._refiner: Refiner | None = None
        # What is loaded with the first picture is loaded once, though two threads have a first picture.
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Of the embedder: only vectors of the same fingerprint may be compared."""
        return self.spec.fingerprint

    @property
    def dimension(self) -> int:
        return self.spec.dimension

    @property
    def embedder(self) -> Embedder:
        return self._loading().result()

    def _loading(self) -> Future[Embedder]:
        """The embedder, loaded in a thread of its own while the first picture is looked through."""
        with self._lock:
            if self._coming is None:
                loader = ThreadPoolExecutor(1, "facekit-loader")
                self._coming = loader.submit(Embedder, self.spec, threads=self._threads)
                loader.shutdown(wait=False)
            return self._coming

    @property
    def landmarks(self) -> Landmarks:
        with self._lock:
            if self._landmarks is None:
                spec = weights.shipped_landmarks()
                weights.verified(spec.path, spec.sha256)
                self._landmarks = Landmarks(spec.path, spec.scheme)
            return self._landmarks

    @property
    def refiner(self) -> Refiner:
        with self._lock:
            if self._refiner is None:
                self._refiner = Refiner(weights.shipped_refiner())
            return self._refiner

    def detect(self, picture: Picture) -> list[Detection]:
        """The faces' places only, surest first."""
        return self.detector.detect(lit(picture.pixels), min_face=self.min_face)

    def faces(self, picture: Picture) -> list[Face]:
        """Every face of the picture with its vector, surest first; empty when there is none.

        The faces of one picture are one batch, so a picture gives the same vectors whatever else is read.
        """
        self._loading()
        found = self.detect(picture)
        return self.describe(picture, found) if found else []

    def describe(self, picture: Picture, found: Sequence[Detection]) -> list[Face]:
        """The faces that were found in the picture, at least one, with their vectors."""
        points, crops = self.aligned(picture, found)
        vectors, norms = self.embedder.with_norms(crops)
        return [
            Face(face, at, crop, vector, quality.measure(face, at, crop), float(norm))
            for face, at, crop, vector, norm in zip(found, points, crops, vectors, norms, strict=True)
        ]

    def aligned(
        self, picture: Picture, faces: Sequence[Detection]
    ) -> tuple[list[NDArray[np.float32]], Pixels]:
        """Five points of each face, float32 (5, 2), and its crop: uint8 (faces, side, side, 3) RGB.

        A face in the dark is stretched first, and looked at by itself.
        """
        views = [lit_face(picture.pixels, face.box) for face in faces]
        usual = [place for place, view in enumerate(views) if view is picture.pixels]
        points: dict[int, NDArray[np.float32]] = {}
        for together in (usual, *([place] for place in range(len(faces)) if place not in usual)):
            if together:
                refined = self._points(views[together[0]], [faces[place] for place in together])
                points.update(zip(together, refined, strict=True))
        ordered = [points[place] for place in range(len(faces))]
        crops = [
            alignment.align(view, at, scheme=detection.SCHEME, size=self.spec.side)
            for view, at in zip(views, ordered, strict=True)
        ]
        return ordered, np.stack(crops)

    def points(self, picture: Picture, faces: Sequence[Detection]) -> list[NDArray[np.float32]]:
        """Five points of each face, float32 (5, 2)."""
        return self.aligned(picture, faces)[0]

    def _points(self, pixels: Pixels, faces: Sequence[Detection]) -> list[NDArray[np.float32]]:
        """The detector's own or the predictor's, refined."""
        rough = [self.landmarks(pixels, face) if face.points is None else face.points for face in faces]
        refined = self.refiner(pixels, rough, scheme=detection.SCHEME)
        own = [place for place, face in enumerate(faces) if face.points is not None]
        # A detector's points are further off than the predictor's: one look does not bring them all the way.
        again = self.refiner(pixels, [refined[place] for place in own], scheme=detection.SCHEME)
        for place, points in zip(own, again, strict=True):
            refined[place] = points
        return refined
