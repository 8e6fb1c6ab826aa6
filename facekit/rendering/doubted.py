"""Doubts about the people of a gallery, each with the command that would settle it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit.hygiene import Doubt
from facekit.rendering.escaping import isolated, json_line, shell_command
from facekit.rendering.identified import csv_line
from facekit.results import SCHEMA

CSV_COLUMNS = ("kind", "subject", "other", "photo", "score", "own_score", "photos", "people", "command")


def lines(found: Sequence[Doubt], style: str, gallery: Path | None) -> Iterator[str]:
    """The doubts in the format `table` (a sentence and a command each), `json` or `csv`; `gallery` is named
    in the commands where the user named it."""
    if style == "csv":
        yield csv_line(CSV_COLUMNS)
    for doubt in found:
        command = shell_command(_words(doubt, gallery))
        if style == "json":
            yield json_line({"schema": SCHEMA, **doubt.to_dict(), "command": command})
        elif style == "csv":
            yield csv_line([*{**doubt.to_dict(), "photos": "; ".join(doubt.photos)}.values(), command])
        else:
            yield from (_sentence(doubt), f"    {command}")


def _sentence(doubt: Doubt) -> str:
    subject, other, photo = (isolated(name or "") for name in (doubt.subject, doubt.other, doubt.photo))
    if doubt.kind == "duplicate":
        return f"{subject} and {other} are probably one person (median score {doubt.score:.2f})"
    if doubt.kind == "mislabelled":
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


def _words(doubt: Doubt, gallery: Path | None) -> list[str]:
    """The command: one that names what it changes, also where a name begins like an option."""
    verb = {"duplicate": "merge", "scattered": "show", "poor": "show"}.get(doubt.kind, "remove")
    options = [] if gallery is None else ["--gallery", str(gallery)]
    for photo in (doubt.photo, *doubt.photos):
        if photo is not None:
            options += [f"--photo={photo}"] if photo.startswith("-") else ["--photo", photo]
    names = [name for name in (doubt.subject, doubt.other) if name is not None]
    names = names if doubt.kind == "duplicate" else names[:1]
    end = ["--"] if any(name.startswith("-") for name in names) else []
    return ["facekit", "gallery", verb, *options, *end, *names]
