"""Doubts about the people of a gallery, each with the command that would settle it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facekit.hygiene import Doubt
from facekit.output.view import View
from facekit.rendering.escaping import isolated, shell_command
from facekit.results import SCHEMA

if TYPE_CHECKING:
    from facekit.gallery.places import Place


@dataclass(frozen=True)
class Finding:
    """A doubt, and the command that would settle it."""

    doubt: Doubt
    command: str

    @classmethod
    def of(cls, doubt: Doubt, gallery: Place | None) -> Finding:
        """With a command that names the gallery where the user named it."""
        return cls(doubt, shell_command(_words(doubt, gallery)))

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **self.doubt.to_dict(), "command": self.command}


class Doubted(View[Finding]):
    """A sentence and a command for each doubt."""

    columns = ("kind", "subject", "other", "photo", "score", "own_score", "photos", "people", "command")

    def text(self, result: Finding) -> Iterator[str]:
        yield from (_sentence(result.doubt), f"    {result.command}")

    def rows(self, result: Finding) -> Iterator[Sequence[object]]:
        values = {**result.to_dict(), "photos": "; ".join(result.doubt.photos)}
        yield [values[name] for name in self.columns]


def _sentence(doubt: Doubt) -> str:
    subject, other, photo = (isolated(name or "") for name in (doubt.subject, doubt.other, doubt.photo))
    if doubt.kind == "duplicate":
        return f"{subject} and {other} are probably one person (median score {doubt.score:.2f})"
    if doubt.kind == "mislabeled":
        means = f"mean scores {doubt.score:.2f} and {doubt.own_score:.2f}"
        return f"{photo} of {subject} is more like {other} than like its own ({means})"
    if doubt.kind == "two_people":
        photos = ", ".join(isolated(each) for each in doubt.photos)
        return f"{subject} may be two people: {photos} (mean score {doubt.own_score:.2f} with the others)"
    if doubt.kind == "stray":
        return f"{photo} of {subject} is like none of its other pictures (best score {doubt.own_score:.2f})"
    if doubt.kind == "magnet":
        return f"{photo} of {subject} is as like to {doubt.people} other people as one person's photos are"
    if doubt.kind == "poor":
        return f"{subject}: only poor pictures are enrolled, for which nobody is named: enroll better ones"
    return f"{subject}: no two of its pictures are alike (best score {doubt.own_score:.2f})"


def _words(doubt: Doubt, gallery: Place | None) -> list[str]:
    """The command: one that names what it changes, also where a name begins like an option."""
    verb = {"duplicate": "merge", "scattered": "show", "poor": "show"}.get(doubt.kind, "remove")
    options = [] if gallery is None else ["--gallery", gallery.argument]
    for photo in (doubt.photo, *doubt.photos):
        if photo is not None:
            options += [f"--photo={photo}"] if photo.startswith("-") else ["--photo", photo]
    names = [name for name in (doubt.subject, doubt.other) if name is not None]
    names = names if doubt.kind == "duplicate" else names[:1]
    end = ["--"] if any(name.startswith("-") for name in names) else []
    return ["facekit", "gallery", verb, *options, *end, *names]
