"""Stored templates that are somebody else's: a face of a photo gets another name, and stays one person's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.tombstones import Tombstones
from facekit.people import stored_photos
from facekit.results import SCHEMA

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery
    from facekit.gallery.templates import Placement, TemplateInfo


@dataclass(frozen=True)
class Move:
    """A photo's template that was `holder`'s and is to be, or is, `subject`'s; `emptied` says whether the
    holder had no other and is gone."""

    source: str
    sha256: str
    subject: str
    holder: str
    status: Literal["planned", "moved", "already there"] = "planned"
    emptied: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **vars(self)}


def plan(gallery: Gallery, photos: Sequence[str], to: str, holder: str | None = None) -> list[Move]:
    """Which templates have to go to a person, of `holder` or of whoever has the photos.

    Raises GalleryError where it cannot be told which template is meant, or the person has another face of the
    same photo.
    """
    moves = [_planned(gallery, photo, to, holder) for photo in photos]
    return list({move.sha256: move for move in moves}.values())


def carry_out(gallery: Gallery, moves: Sequence[Move], *, remember: bool = True) -> list[Move]:
    """Make the moves, all or none. With `remember` the photos stay moved when the folder of the one who had
    them is enrolled again."""
    todo = [move for move in moves if move.status == "planned"]
    stored = {
        (holder, template.sha256): template
        for holder in dict.fromkeys(move.holder for move in todo)
        for template in gallery.stored(holder)
    }
    if gone := next((move for move in todo if (move.holder, move.sha256) not in stored), None):
        raise GalleryError(f"{gallery.place}: {gone.holder} has {gone.source} no longer: run it again")
    templates = [replace(stored[move.holder, move.sha256], subject=move.subject) for move in todo]
    stones = _tombstones(gallery, todo) if remember else None
    report = gallery.add(templates, again=True, move=True, tombstones=stones) if todo else None
    placements = iter(report.placements if report else ())
    return [_placed(move, next(placements)) if move.status == "planned" else move for move in moves]


def _planned(gallery: Gallery, photo: str, to: str, holder: str | None) -> Move:
    infos = stored_photos.of_anybody(gallery, photo, holder)
    holders = [info.subject for info in infos]
    if holder is not None and holder not in holders:
        raise GalleryError(f"{gallery.place}: {holder!r} has no template of {photo!r}: {_has(holders)}")
    others = [info for info in infos if info.subject != to and holder in (None, info.subject)]
    if not others:
        return _move(infos[0], to, "already there")
    if len(others) > 1:
        raise GalleryError(f"{gallery.place}: {photo}: {_has(holders)}: say whose it is now with --from NAME")
    if to in holders:
        remove = hints.remove_photo(gallery.place, to, photo)
        raise GalleryError(
            f"{gallery.place}: {to} has another face of {photo} already: if that is not theirs, {remove}"
        )
    return _move(others[0], to)


def _has(holders: Sequence[str]) -> str:
    return f"{' and '.join(holders)} {'has' if len(holders) == 1 else 'have'} it"


def _move(info: TemplateInfo, to: str, status: Literal["planned", "already there"] = "planned") -> Move:
    return Move(info.source, info.sha256, to, info.subject, status)


def _tombstones(gallery: Gallery, moves: Sequence[Move]) -> Tombstones:
    stones = Tombstones(gallery.tombstones().keys[:1])
    for move in moves:
        stones.remove(move.sha256, move.holder, None)
    return stones


def _placed(move: Move, placement: Placement) -> Move:
    if placement.status != "added":
        return replace(move, status="already there")
    return replace(move, status="moved", emptied=placement.emptied)
