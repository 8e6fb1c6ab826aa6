"""What happens in front of a camera, one value an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from facekit.results import SCHEMA, Box

Kind = Literal["appear", "recognized", "unknown", "left"]


@dataclass(frozen=True)
class Event:
    """Somebody appears, is recognized, is known no longer (`unknown`: what spoke for the name turned out
    too little, or two people are equally likely, the `contenders`), or leaves.

    `time` is in seconds from the first frame, `clock` the time of day where the source is live (ISO 8601,
    UTC): of somebody who was there when the source broke off, both are of when they were last seen. `track`
    numbers the faces in the order in which they came. `score` is that of the subject, or of the best
    candidate of somebody unknown. `box` is where the face is in its best frame so far, the frame with the
    number `frame`.
    """

    kind: Kind
    time: float
    track: int
    subject: str | None
    score: float | None
    box: Box
    frame: int
    clock: str | None = None
    contenders: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """`ambiguous` where somebody is unknown because of the contenders."""
        return "ambiguous" if self.contenders else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "event": self.kind,
            "time": round(self.time, 3),
            "clock": self.clock,
            "track": self.track,
            "subject": self.subject,
            "score": None if self.score is None else round(self.score, 4),
            "reason": self.reason,
            "contenders": list(self.contenders),
            "frame": self.frame,
            "box": [round(side, 1) for side in self.box],
        }
