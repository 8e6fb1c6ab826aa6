"""Whose faces stay visible in a picture that is redacted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from facekit.errors import UsageError
from facekit.results import SCHEMA, Box, Identification

WEAK = 0.8
"""Below this detector score somebody should look whether it is a face that was detected, by any detector."""


@dataclass(frozen=True)
class Visibility:
    """Everybody is redacted; all but `excepted`; or `only` some, and unknown people, unless these are
    `unknown` people who stay visible."""

    excepted: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    unknown: bool = False

    def __post_init__(self) -> None:
        if self.excepted and self.only:
            raise UsageError("--except and --only both say who is redacted: give one of them")

    @property
    def needs_names(self) -> bool:
        """Whether it matters who somebody is."""
        return bool(self.names) or self.unknown

    @property
    def names(self) -> list[str]:
        """The people it is about."""
        return sorted(self.excepted | self.only)

    def shows(self, subject: str | None, contenders: Iterable[str] = ()) -> bool:
        """Whether the face of somebody stays visible; of an unknown face, whoever it may be has to be
        visible."""
        if subject is None:
            return self.unknown and all(map(self.shows, contenders))
        return subject in self.excepted if not self.only else subject not in self.only


@dataclass(frozen=True)
class FaceVisibility:
    """A face of a redacted picture: its box, the detector's score, who it is if that was asked, and whether
    it is visible still."""

    box: Box
    detector_score: float
    subject: str | None = None
    visible: bool = False

    @classmethod
    def of(cls, identified: Identification, rule: Visibility) -> FaceVisibility:
        detection = identified.face.detection
        visible = rule.shows(identified.subject, identified.contenders)
        return cls(detection.box, detection.score, identified.subject, visible)

    def to_dict(self) -> dict[str, Any]:
        box = [round(value, 1) for value in self.box]
        return {**vars(self), "box": box, "detector_score": round(self.detector_score, 4)}


@dataclass(frozen=True)
class VideoVisibility:
    """Of a redacted video: how many `frames` and `seconds` it has, in how many somebody is redacted, in how
    many a face that was found is visible, and whose. `weak` is how many of those who are redacted are
    detected weakly all the time."""

    frames: int
    seconds: float
    redacted_frames: int
    visible_frames: int = 0
    visible: tuple[str, ...] = ()
    weak: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "seconds": round(self.seconds, 3), "visible": list(self.visible)}


@dataclass(frozen=True)
class Redaction:
    """A picture or video that was redacted: its faces (of a picture), what is known of it as a `video`, and
    the file that was written; the `changed_copy` that somebody changed since and that is left as it is;
    or the `error` that stopped it. `size` is width and height in pixels."""

    source: str
    faces: tuple[FaceVisibility, ...] = ()
    output: str | None = None
    changed_copy: str | None = None
    video: VideoVisibility | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)

    @property
    def hidden(self) -> list[FaceVisibility]:
        """The faces that are redacted."""
        return [face for face in self.faces if not face.visible]

    @property
    def weak(self) -> int:
        """How many of those redacted may be no faces: the face may be elsewhere, and visible."""
        if self.video:
            return self.video.weak
        return sum(face.detector_score < WEAK for face in self.hidden)

    def to_dict(self) -> dict[str, Any]:
        width, height = self.size
        return {
            "schema": SCHEMA,
            "source": self.source,
            "width": width or None,
            "height": height or None,
            "faces": [face.to_dict() for face in self.faces],
            "video": None if self.video is None else self.video.to_dict(),
            "output": self.output,
            "changed_copy": self.changed_copy,
            "notes": list(self.notes),
            "error": self.error,
        }
