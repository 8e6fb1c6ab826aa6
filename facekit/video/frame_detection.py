"""Where the faces of a frame are: over the whole of it, or only near where they were a moment ago."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from facekit.detection import Detector
from facekit.detection.geometry import face_side, overlap, scaled
from facekit.faces.pipeline import Pipeline
from facekit.results import Box, Detection, Face, Picture, Pixels
from facekit.video.frames import Frame

# dlib's detector sees faces from 80 pixels on; near a known face it is shown them a little larger.
_SEEN, _NEAR = 80, 110
# What is looked at near a face: its box and so many of its sides around it.
_AROUND = 0.6
_SAME = 0.4


class FrameDetector(Protocol):
    """Finds and describes faces in frames."""

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        """The faces of the frame; with `deep`, the small ones as well."""
        ...

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        """The faces close to where faces are expected, each once."""
        ...

    def describe(self, frame: Frame, detections: Sequence[Detection]) -> list[Face]:
        """The detections, at least one, with points, crops and vectors."""
        ...


@dataclass(frozen=True)
class Sizes:
    """How large a frame is looked at, in pixels of the picture that the detector is shown: usually, and
    when small faces are looked for: then `deep` on average, and `most` at once. A face of the pipeline's
    `min_face` is never shown larger than needed. With `most`, one of 40 pixels is seen in frames up to
    1920×1080, one of 80 in frames up to 3840×2160.
    """

    usual: float = 0.4e6
    deep: float = 1.6e6
    most: float = 8.3e6


class PipelineDetector:
    """A pipeline's detector, landmarks and embedder, at the pace of moving pictures.

    dlib's detector looks at one size of the picture, upright: what a photo is searched for with
    patience, the next frame shows as well. Others choose their size themselves. `posing`: the people turn
    their heads as they are told to, and how far is measured; but a deep look is the network's.
    """

    def __init__(self, pipeline: Pipeline, sizes: Sizes | None = None, *, posing: bool = False) -> None:
        self._pipeline = pipeline
        self._sizes = sizes or Sizes()
        # How large a look for small faces may be now. A large one is paid for by the small ones after it, or
        # the frames of a large picture would not be followed at their pace.
        self._budget = self._sizes.most
        # The predictor's points, in dlib's boxes, tell which way a head is turned; the network's hardly do.
        self._scaled = pipeline.detector.name in ("dlib", *(["auto"] if posing else []))
        self._detector = pipeline.detector
        self._network: Detector | None = None
        if self._detector.name == "auto":
            from facekit.detection.network import FaceNetwork

            # Of the two that look at a photo together, the network is as fast as frames come.
            self._network = FaceNetwork(threads=1)
        if self._network is not None and not posing:
            self._detector = self._network
        if self._scaled:
            from facekit.detection.dlib_hog import DlibHog, Ladder

            self._detector = DlibHog(
                Ladder(first_area=math.inf, last_area=math.inf, turned=None, lowered=0.0)
            )

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        least = self._pipeline.min_face
        if not self._scaled:
            return self._detector.detect(frame.pixels, min_face=least)
        if deep and self._network is not None:
            return self._network.detect(frame.pixels, min_face=least)
        height, width = frame.pixels.shape[:2]
        wanted = (_SEEN / least) ** 2 * height * width
        shown = self._afforded(wanted) if deep else min(wanted, self._sizes.usual)
        return self._look(frame.pixels, (0, 0, width, height), math.sqrt(shown / (height * width)), _SEEN)

    def _afforded(self, wanted: float) -> float:
        """How large a look for small faces is, of which `wanted` would show all of them."""
        sizes = self._sizes
        self._budget = min(sizes.most, self._budget + sizes.deep)
        wanted = min(wanted, sizes.most)
        # Half of the share is saved until a look for all of them can be paid for.
        shown = wanted if wanted <= self._budget else min(wanted, sizes.deep / 2)
        self._budget -= shown
        return shown

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        detections: list[Detection] = []
        for box in boxes:
            area = _around(box, frame.pixels)
            side = face_side(box)
            if area[2] - area[0] < 8 or area[3] - area[1] < 8 or side < 1:
                continue
            scale = _NEAR / side if self._scaled else 1.0
            detections += self._look(
                frame.pixels, area, scale, _SEEN if self._scaled else max(8, int(side / 2))
            )
        return apart(detections)

    def describe(self, frame: Frame, detections: Sequence[Detection]) -> list[Face]:
        return self._pipeline.describe(Picture(f"frame {frame.number}", frame.pixels, ""), detections)

    def _look(
        self, pixels: Pixels, area: tuple[int, int, int, int], scale: float, min_face: int
    ) -> list[Detection]:
        """The faces of an area, shown to the detector so many times as large, in places of the picture."""
        x0, y0, x1, y1 = area
        part = np.ascontiguousarray(pixels[y0:y1, x0:x1])
        shown = np.asarray(scaled(Image.fromarray(part), scale))
        back = np.array([part.shape[1] / shown.shape[1], part.shape[0] / shown.shape[0]])
        corner = np.array([x0, y0])
        return [
            _moved(detection, back, corner)
            for detection in self._detector.detect(np.ascontiguousarray(shown), min_face=min_face)
        ]


def apart(detections: Sequence[Detection]) -> list[Detection]:
    """One detection a face, the surest, where two areas showed it."""
    surest: list[Detection] = []
    for face in sorted(detections, key=lambda face: (-face.score, face.box)):
        others = np.array([other.box for other in surest]).reshape(-1, 4)
        if not (overlap(np.array(face.box), others) > _SAME).any():
            surest.append(face)
    return surest


def _around(box: Box, pixels: Pixels) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    more = _AROUND * face_side(box)
    height, width = pixels.shape[:2]
    left, top = max(0, math.floor(x0 - more)), max(0, math.floor(y0 - more))
    return left, top, min(width, math.ceil(x1 + more)), min(height, math.ceil(y1 + more))


def _moved(detection: Detection, back: np.ndarray, corner: np.ndarray) -> Detection:
    x0, y0, x1, y1 = (np.array(detection.box).reshape(2, 2) * back + corner).ravel().tolist()
    points = None if detection.points is None else (detection.points * back + corner).astype(np.float32)
    return replace(detection, box=(x0, y0, x1, y1), points=points)
