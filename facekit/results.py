"""What facekit returns: frozen values, each with the one `to_dict` that every printer uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from facekit.metadata.metadata_change import MetadataChange

Pixels = NDArray[np.uint8]
Vector = NDArray[np.float32]
Box = tuple[float, float, float, float]

SCHEMA = 1
CROP_SIDE = 112
"""The side of a face's crop in pixels: that of the ArcFace template (Deng et al., arXiv:1801.07698)."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture: `pixels` uint8 (height, width, 3) RGB, turned upright.

    `source` is the path as the user gave it, or `-`; `sha256` is of the file's bytes; `notes`
    are one-line remarks for the user (an animation of which only the first frame was read). Each pixel
    stands for `scale` × `scale` of the file's, where it was decoded at a part of its size. `orientation` is
    how it lies in its file, by EXIF's numbers (1 … 8): by that it was turned.
    """

    source: str
    pixels: Pixels
    sha256: str
    notes: tuple[str, ...] = ()
    scale: int = 1
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the file."""
        height, width = self.pixels.shape[:2]
        return self.scale * width, self.scale * height


@dataclass(frozen=True, eq=False)
class Detection:
    """A detected face. `box` is x0, y0, x1, y1 in pixels of the turned picture and may reach
    over its edge; `score` is the detector's own, higher is surer; `points` is float32 (5, 2)
    x, y in the scheme `arcface5`, or None when the detector gives none. `tilt` is by how many degrees
    the picture is to be turned, counter-clockwise, for the face to stand upright.
    """

    box: Box
    score: float
    points: NDArray[np.float32] | None = None
    tilt: float = 0.0

    def inside(self, size: tuple[int, int]) -> Detection:
        """The same with what of its box lies in a picture of this width and height."""
        (x0, y0, x1, y1), (width, height) = self.box, size
        box = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
        return self if box == self.box else replace(self, box=box)


@dataclass(frozen=True)
class Quality:
    """How usable a face is. `size` is the box's shorter side in pixels; `sharpness` the variance
    of the Laplacian of the gray crop; `brightness` the crop's mean, 0 … 255; `yaw` how far the
    nose is from the middle of the eyes, in eye distances, signed (0 = frontal). `stranger_rate` is how often
    strangers in pictures as poor would pass for this face at the embedder's threshold, 0 … 1 (see
    facekit.calibration.poorness); None with an embedder of which that is not known.
    """

    size: float
    sharpness: float
    brightness: float
    yaw: float
    stranger_rate: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        rate = self.stranger_rate
        values = {name: getattr(self, name) for name in ("size", "sharpness", "brightness", "yaw")}
        rounded = {name: round(float(value), 3) for name, value in values.items()}
        return {**rounded, "stranger_rate": None if rate is None else round(float(rate), 5)}

    def to_stored(self) -> dict[str, float]:
        """What a gallery keeps of it: all that is known."""
        return {name: value for name, value in self.to_dict().items() if value is not None}


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture: where it is, its 112×112 RGB crop and its unit vector.

    `feature_norm` is the length that the network's vector had before it was scaled to 1, None where that is
    not known; of an embedder that averages with the mirror image, the mean of both lengths. It is a measure
    of quality, higher is better, only with networks trained by `magface` (Meng et al. 2021) or `adaface` (Kim
    et al. 2022), and comparable only within one network. A file that scales its vectors itself gives 1.
    One that is `dark` uses few levels of brightness in its picture.
    """

    detection: Detection
    points: NDArray[np.float32]
    crop: Pixels
    vector: Vector
    quality: Quality
    feature_norm: float | None = None
    dark: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "box": [round(value, 1) for value in self.detection.box],
            "detector_score": round(self.detection.score, 4),
            "points": [[round(float(x), 1), round(float(y), 1)] for x, y in self.points],
            "quality": self.quality.to_dict(),
        }

    def without_crop(self) -> Face:
        """The same without its pixels, which fill the memory when many faces are kept."""
        return replace(self, crop=self.crop[:0].copy())


@dataclass(frozen=True)
class Candidate:
    """A subject of the gallery with its best score (cosine, −1 … 1); rank 1 is the best. `probability`
    is how likely the best candidate is the person, where that was asked for and the score alone decides. One
    of whom only `poor` pictures are enrolled is never named: strangers in poor pictures are like those. Nor
    is one who is `denied`: it was said that the face is not theirs (facekit.gallery.facts).
    """

    rank: int
    subject: str
    score: float
    probability: float | None = None
    poor: bool = False
    denied: bool = False

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "rank": self.rank,
            "subject": self.subject,
            "score": round(self.score, 4),
            "poor": self.poor,
            **({"denied": True} if self.denied else {}),
        }
        return values if self.probability is None else {**values, "probability": round(self.probability, 4)}


@dataclass(frozen=True, eq=False)
class Identification:
    """A face, its candidates, and the verdict: a subject, or None for "unknown".

    `score` is the subject's, or the best candidate's of an unknown face (cosine, −1 … 1; None without any
    candidate). `reason` is why a face is unknown:

    below_threshold      no candidate reaches the threshold
    too_dark             the same, of a face that is so dark that nobody could be told by it
    already_in_picture   another face of the picture has the name that this one would have
    ambiguous            two people reach the threshold, one nearly as well as the other
    too_poor             only poor pictures are enrolled of the one it may be, and strangers are like those
    like_many            it is nearly as like others, as faces in poor pictures are (identification.rise)
    denied               it was said that it is not the one who it may be (facekit.gallery.facts)

    `contenders` are the subjects that the last five are about, the best first.
    """

    face: Face
    subject: str | None
    candidates: tuple[Candidate, ...]
    score: float | None = None
    reason: str | None = None
    contenders: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.face.to_dict(),
            "subject": self.subject,
            "score": None if self.score is None else round(self.score, 4),
            "reason": self.reason,
            "contenders": list(self.contenders),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }


def picture_dict(
    source: str,
    size: tuple[int, int],
    faces: Sequence[Face | Identification],
    notes: Sequence[str],
    error: str | None,
) -> dict[str, Any]:
    """One input as the JSON formats have it; a side that could not be read is None."""
    width, height = size
    return {
        "schema": SCHEMA,
        "source": source,
        "width": width or None,
        "height": height or None,
        "faces": [face.to_dict() for face in faces],
        "notes": list(notes),
        "error": error,
    }


@dataclass(frozen=True, eq=False)
class PictureResult:
    """All that is known of one input: its identified faces, or the error that stopped it. `size` is its width
    and height in pixels, as far as it could be read; `notes` are remarks on the picture, for the user; `xmp`
    is what was written into its metadata, if that was asked for."""

    source: str
    faces: tuple[Identification, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)
    size: tuple[int, int] = (0, 0)
    xmp: MetadataChange | None = None

    def to_dict(self) -> dict[str, Any]:
        values = picture_dict(self.source, self.size, self.faces, self.notes, self.error)
        return values if self.xmp is None else {**values, "xmp": self.xmp.to_dict()}


@dataclass(frozen=True)
class Verification:
    """Two pictures' faces compared: `same` when the score reaches the threshold, unless both are `too_poor`:
    of two such pictures it is reached by strangers too (facekit.calibration.poorness)."""

    score: float
    threshold: float
    notes: tuple[str, ...] = ()
    too_poor: bool = False

    @property
    def same(self) -> bool:
        return self.score >= self.threshold and not self.too_poor

    @property
    def reason(self) -> str | None:
        """Why they are not the same: `too_poor` for a score that strangers reach, else `below_threshold`."""
        if self.same:
            return None
        return "below_threshold" if self.score < self.threshold else "too_poor"

    def to_dict(self) -> dict[str, Any]:
        values = {"score": round(self.score, 4), "threshold": round(self.threshold, 4)}
        verdict = {"same": self.same, "reason": self.reason}
        return {"schema": SCHEMA, **values, **verdict, "notes": list(self.notes)}


@dataclass(frozen=True)
class GallerySummary:
    """What a gallery holds in all. Of `removed` and `renamed` pictures it knows that they stay out."""

    gallery: str
    people: int
    templates: int
    removed: int
    renamed: int
    threshold: float
    calibration: str
    embedder: str

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **vars(self), "threshold": round(self.threshold, 4)}


@dataclass(frozen=True)
class NetworkFile:
    """A file that ships with facekit, what it is used for, and its SHA-256."""

    use: str
    file: str
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **vars(self)}


@dataclass(frozen=True)
class Diagnosis:
    """What belongs into a bug report: a line of text for each subject."""

    lines: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **self.lines}
