"""What became of the metadata of one photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["written", "planned", "unchanged", "refused"]


@dataclass(frozen=True)
class MetadataChange:
    """The names that were written beside a photo, into `file`.

    `added` has the name of each region that is new, None for one of somebody unknown; `named` the former and
    the new name of each region that was there; `left` the faces whose region was left alone, by the name that
    it has; `listed` the names that are new among the keywords or the people in the picture, `erased` those
    that were taken out. With a dry run the status is `planned` instead of `written`. `error` says why it was
    refused, `notes` what else is to be said. A photo with two sidecars has a change of each: the further one
    is `also`.
    """

    file: str
    status: Status
    added: tuple[str | None, ...] = ()
    named: tuple[tuple[str | None, str], ...] = ()
    left: tuple[str | None, ...] = ()
    listed: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    also: MetadataChange | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "status": self.status,
            "added": list(self.added),
            "named": [{"before": before, "name": name} for before, name in self.named],
            "left": list(self.left),
            "listed": list(self.listed),
            "erased": list(self.erased),
            "error": self.error,
            "also": self.also and self.also.to_dict(),
        }
