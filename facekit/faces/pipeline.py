"""From a picture to its faces: detection, alignment and embedding strung together, for all who need them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit import detection
from facekit.arguments import integer_of, path_of, text_of
from facekit.detection import MIN_FACE, strips
from facekit.detection.geometry import face_side, ordered, resized, resized_points, scaled
from facekit.errors import UsageError, WeightsError
from facekit.faces import alignment, quality
from facekit.faces.alignment import Landmarks, Refiner
from facekit.faces.embedding import Embedder
from facekit.models import weights
from facekit.pictures.lighting import is_too_dark, lit, lit_face
from facekit.results import Detection, Face, Picture, Pixels

_PIXELS_A_CROP = 1.5
"""So many pixels of a face's box there must be for each of its crop: what has fewer is cut from more."""


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
        threads = integer_of(threads, "threads", least=0)
        self.min_face = integer_of(min_face, "min_face", least=1)
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

    def warm(self) -> None:
        """Load all networks now, for whoever would rather not wait with the first picture."""
        self._loading()
        self.faces(Picture("", np.zeros((480, 640, 3), np.uint8), ""))
        _ = self.landmarks, self.refiner, self.embedder

    @property
    def longest_look(self) -> int | None:
        """As of a detector: a picture of this longer side is enough for finding the faces."""
        return self.detector.longest_look(self.min_face)

    def detect(self, picture: Picture) -> list[Detection]:
        """The faces' places only, surest first; in pixels of the file, as all places are."""
        height, width = picture.pixels.shape[:2]
        if not strips.is_long(width, height):
            return self._detect(picture)
        return strips.detect(
            picture.pixels,
            lambda part: self._detect(replace(picture, pixels=part)),
            scale=picture.scale,
            min_face=self.min_face,
        )

    def _detect(self, picture: Picture) -> list[Detection]:
        pixels, times = self._shown(picture)
        detections = self.detector.detect(lit(pixels), min_face=max(1, math.floor(self.min_face / times)))
        return (
            detections
            if times == 1
            else ordered((resized(face, times) for face in detections), self.min_face)
        )

    def _shown(self, picture: Picture) -> tuple[Pixels, float]:
        """The picture no larger than the detector ever looks at it, and how many times larger the file is."""
        longer, longest = max(picture.pixels.shape[:2]), self.longest_look
        if longest is None or longer <= longest:
            return picture.pixels, float(picture.scale)
        shrunk = scaled(Image.fromarray(picture.pixels), longest / longer)
        return np.asarray(shrunk), picture.scale * longer / longest

    def faces(self, picture: Picture, *, full: Callable[[], Picture] | None = None) -> list[Face]:
        """Every face of the picture with its vector, surest first; empty when there is none.

        The faces of one picture are one batch, so a picture gives the same vectors whatever else is read.
        `full` gives the same picture in its full size, where this one shows a face too small for its crop.
        """
        if not isinstance(picture, Picture):
            kind = type(picture).__qualname__
            raise UsageError(f"the picture is of type {kind}: give what facekit.read returns")
        self._loading()
        detections = self.detect(picture)
        enough = _PIXELS_A_CROP * self.spec.side * picture.scale
        if (
            full is not None
            and picture.scale > 1
            and any(face_side(face.box) < enough for face in detections)
        ):
            picture = full()
        faces = self.describe(picture, detections) if detections else []
        return [
            replace(
                face,
                detection=face.detection.inside(picture.size),
                dark=is_too_dark(picture.pixels, resized(face.detection, 1 / picture.scale).box),
            )
            for face in faces
        ]

    def describe(self, picture: Picture, detections: Sequence[Detection]) -> list[Face]:
        """The faces that were found in the picture, at least one, with their vectors."""
        points, crops = self.aligned(picture, detections)
        vectors, norms = self.embedder.with_norms(crops)
        poorness = self.spec.poorness
        rates = [None] * len(crops) if poorness is None else poorness.rates(vectors, norms).tolist()
        return [
            Face(face, five, crop, vector, quality.measure(face, five, crop, stranger_rate=rate), float(norm))
            for face, five, crop, vector, norm, rate in zip(
                detections, points, crops, vectors, norms, rates, strict=True
            )
        ]

    def aligned(
        self, picture: Picture, faces: Sequence[Detection]
    ) -> tuple[list[NDArray[np.float32]], Pixels]:
        """Five points of each face, float32 (5, 2), and its crop: uint8 (faces, side, side, 3) RGB.

        A face in the dark is stretched first, and looked at by itself.
        """
        scale = picture.scale
        if scale > 1:
            faces = [resized(face, 1 / scale) for face in faces]
        views = [lit_face(picture.pixels, face.box) for face in faces]
        usual = [place for place, view in enumerate(views) if view is picture.pixels]
        points: dict[int, NDArray[np.float32]] = {}
        for together in (usual, *([place] for place in range(len(faces)) if place not in usual)):
            if together:
                refined = self._points(views[together[0]], [faces[place] for place in together])
                points.update(zip(together, refined, strict=True))
        in_order = [points[place] for place in range(len(faces))]
        crops = [
            alignment.align(view, five, scheme=detection.SCHEME, size=self.spec.side)
            for view, five in zip(views, in_order, strict=True)
        ]
        return [resized_points(five, scale) for five in in_order], np.stack(crops)

    def points(self, picture: Picture, faces: Sequence[Detection]) -> list[NDArray[np.float32]]:
        """Five points of each face, float32 (5, 2)."""
        return self.aligned(picture, faces)[0]

    def _points(self, pixels: Pixels, faces: Sequence[Detection]) -> list[NDArray[np.float32]]:
        """The detector's own or the predictor's, refined."""
        rough = [self.landmarks(pixels, face) if face.points is None else face.points for face in faces]
        refined = self.refiner(pixels, rough, scheme=detection.SCHEME)
        with_points = [place for place, face in enumerate(faces) if face.points is not None]
        # A detector's points are further off than the predictor's: one look does not bring them all the way.
        again = self.refiner(pixels, [refined[place] for place in with_points], scheme=detection.SCHEME)
        for place, points in zip(with_points, again, strict=True):
            refined[place] = points
        return refined
