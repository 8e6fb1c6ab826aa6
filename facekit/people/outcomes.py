"""A picture to enroll, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from facekit.pictures.inputs import NamedPicture, Source
from facekit.results import SCHEMA

# The kinds of problems. What differs from picture to picture follows in parentheses, so that pictures can be
# counted by kind.
MIXED = "not one person's photos"
UNLIKE_THE_OTHERS = "unlike the other pictures of this person"
LIKE_ANOTHER = "looks like another enrolled person"
SAME_FACE = "the same face is in another person's folder, and one of them is wrong"
WHOSE_FACE = "which face is whose cannot be told"
HELD = "this face is enrolled as somebody else's, and only who may remove people may move it"
OTHER_FACE = (
    "another face of this picture is enrolled as this person's, and only who may remove people may replace it"
)
IGNORED = "nobody was to be asked whose face this is, and only who may remove people may take that back"
NOT_MOVED = "enrolled under another name, and more like that person's other pictures"
OTHER_CASE = "enrolled under a name that differs in the case of letters only"
NO_FACE = "no face"
NO_SUCH_FACE = "no face there"
OTHER_PICTURE = "marked in a picture of other proportions: it was cropped or turned since"
TWO_NAMES = "the same face is marked with two names"
DENIED = "this face was said not to be this person's"
RENAMED = "this person has another name since a rename or a merge"

# Whose face it is, is what these are about: what else it looks like is no news beside them.
_DECISIVE = (SAME_FACE, WHOSE_FACE, NOT_MOVED, OTHER_CASE, HELD)

# What is true of a person's whole folder, and begins a note.
MOVED_FROM = "moved from"
ENROLLED_AS = "enrolled as"
ENROLLED_BEFORE = "enrolled already, before the file was changed"

Status = Literal["enrolled", "moved", "already there", "removed earlier", "refused"]


@dataclass(frozen=True)
class Photo:
    """A picture to enroll, and whose it is; `in_memory` where it is no file."""

    subject: str
    source: str
    in_memory: NamedPicture | None = None

    @property
    def input(self) -> Source:
        """What it is read from."""
        return self.in_memory or self.source


@dataclass(frozen=True)
class Outcome:
    """What became of one picture. `problems` are why it was refused, or would be with `strict`;
    `notes` are what else a user should know; of one that is `unread` nobody knows what it shows.
    """

    subject: str
    source: str
    status: Status
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unread: bool = False

    @property
    def mixed(self) -> bool:
        """Whether it was refused with its whole folder, which shows several people."""
        return any(problem.startswith(MIXED) for problem in self.problems)

    @property
    def of_folder(self) -> tuple[str, ...]:
        """Those of the problems and notes that its whole folder shares."""
        return (
            *(problem for problem in self.problems if problem.startswith((MIXED, RENAMED))),
            *(note for note in self.notes if note.startswith((MOVED_FROM, ENROLLED_AS, ENROLLED_BEFORE))),
        )

    @property
    def doubtful(self) -> bool:
        """Whether it is in the gallery, and may be of somebody else."""
        stored = self.status in ("enrolled", "moved")
        return stored and any(
            problem.startswith((UNLIKE_THE_OTHERS, LIKE_ANOTHER)) for problem in self.problems
        )

    def to_dict(self) -> dict[str, Any]:
        lists = {"problems": list(self.problems), "notes": list(self.notes)}
        return {
            "schema": SCHEMA,
            "source": self.source,
            "subject": self.subject,
            "status": self.status,
            **lists,
        }


def decisive(problems: Sequence[str]) -> list[str]:
    """The problems without those that follow from another one."""
    first = [problem for problem in problems if problem.startswith(_DECISIVE)]
    follow = (UNLIKE_THE_OTHERS, LIKE_ANOTHER, *((NOT_MOVED,) if len(first) > 1 else ()))
    return [problem for problem in problems if not first or not problem.startswith(follow)]
