"""Look after the people in a gallery: `facekit gallery remove` is `facekit.gallery_remove`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, BinaryIO

from facekit import hints
from facekit.arguments import texts_of
from facekit.errors import UsageError
from facekit.gallery import usual_places
from facekit.gallery.places import AnyPlace, Place, copy_gallery
from facekit.gallery.templates import Subject, TemplateInfo
from facekit.gallery.unknown_names import meant
from facekit.rendering.doubted import Finding
from facekit.results import GallerySummary
from facekit.text.counting import counted
from facekit.text.subject_names import subject_name
from facekit.verbs.camera import camera_hint
from facekit.verbs.galleries import (
    AnyGallery,
    as_place,
    changing,
    is_open,
    place_to_write,
    reading,
    tell_gallery,
)
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import place_of
from facekit.verbs.rehearsal import rehearsal, rehearsed_change

if TYPE_CHECKING:
    from facekit.people.moving import Move


@dataclass(frozen=True)
class Removal:
    """Whose templates were removed, and how many; of single photos, whether the person is `emptied` with the
    last; and how many `facts` about them were erased too; whether the user `agreed`, else nothing was."""

    people: tuple[str, ...]
    templates: int
    emptied: bool = False
    facts: int = 0
    agreed: bool = True


@dataclass(frozen=True)
class Import:
    """What an import did: how many templates were `added`, were `present` already, belong to somebody else
    here (`held`), were `removed` earlier, or were said not to be that person's (`denied`); how many facts
    do not hold here (`facts_left_out`); whether the gallery is `new`."""

    gallery: Place
    added: int
    present: int = 0
    held: int = 0
    removed: int = 0
    denied: int = 0
    new: bool = False
    facts_left_out: int = 0


@dataclass(frozen=True)
class Check:
    """What is wrong with a gallery: `problems` of its file, a line each, and `findings` about its `people`
    and `templates`, where it was `readable`."""

    gallery: Place
    problems: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    people: int = 0
    templates: int = 0
    readable: bool = True

    @property
    def intact(self) -> bool:
        """Whether the gallery is not damaged."""
        return not self.problems


def names_in_metadata(place: Place) -> str:
    """What is said of names that were written beside photos: nobody but the user knows where these are."""
    command = hints.rewrite_names(place)
    return f"names that were written into photos' metadata stay as they were; {command} writes them anew"


def gallery_list(gallery: AnyGallery | None = None, *, on_note: OnNote = no_note) -> list[Subject]:
    """All people, sorted by name, with how many templates they have and since when."""
    with reading(gallery, on_note) as opened:
        return opened.subjects()


def gallery_show(
    name: str | None = None, *, gallery: AnyGallery | None = None, on_note: OnNote = no_note
) -> list[TemplateInfo] | list[GallerySummary]:
    """The templates of a person, without their vectors; or, without a name, what the gallery holds in all."""
    with reading(gallery, on_note) as opened:
        if name is not None:
            return opened.templates(name)
        stones = opened.tombstones()
        counts = (opened.subject_count, len(opened), stones.count("named"), stones.count("renamed"))
        about = (opened.threshold, opened.settings.calibration.description, opened.settings.embedder)
        return [GallerySummary(str(opened.place), *counts, *about)]


def gallery_forget_removals(
    *, dry_run: bool = False, gallery: AnyGallery | None = None, on_note: OnNote = no_note
) -> int:
    """Erase what is kept of removed and renamed pictures, so that they can be enrolled again; how many. With
    `dry_run` nothing is changed."""
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried:
            return gallery_forget_removals(gallery=tried.copy, on_note=tried.note)
    with changing(gallery, on_note) as opened:
        return opened.forget_removals()


def gallery_remove(
    names: str | Sequence[str],
    *,
    photos: str | Sequence[str] = (),
    yes: bool = False,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    confirm: Callable[[Removal], bool] = lambda removal: True,
    on_note: OnNote = no_note,
) -> Removal:
    """Remove people, or `photos` of one person, and erase their bytes from every file of the gallery. With
    `dry_run` nothing is changed; `confirm` is asked about what is to go, unless `yes`.

    A photo is given by its name, as `gallery_show` has it, its path, or the first eight or more digits of its
    SHA-256.
    All are removed, or none when one of them is not there.
    """
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried:
            return gallery_remove(names, photos=photos, gallery=tried.copy, on_note=tried.note)
    from facekit.library import erasure
    from facekit.people import stored_photos

    people = list(dict.fromkeys(map(subject_name, texts_of(names, "the names"))))
    pictures = texts_of(photos, "the photos")
    if pictures and len(people) > 1:
        raise UsageError("--photo is for the pictures of one person: give one name")
    with changing(gallery, on_note) as opened:
        if pictures:
            digests = list(dict.fromkeys(stored_photos.of_person(opened, people[0], pictures)))
            asked = Removal(tuple(people), len(digests))
            if not yes and not confirm(asked):
                return replace(asked, agreed=False)
            erasure.erase_photos(opened, people[0], digests)
            copies = stored_photos.copies(opened, people[0], digests)
            facts = len(opened.facts())
            emptied = opened.remove_photos(people[0], digests)
            for name in copies:
                command = hints.remove_photo(opened.place, people[0], name)
                on_note(f"{name} is as like it as a copy, and stays: if it is one, {command}")
            return Removal(tuple(people), len(digests), emptied, facts - len(opened.facts()))
        if set(people) <= set(opened.names()):  # else nobody is removed, which the gallery tells
            asked = Removal(tuple(people), sum(len(opened.templates(name)) for name in people), emptied=True)
            if not yes and not confirm(asked):
                return replace(asked, agreed=False)
            erasure.erase_people(opened, people)
        facts = len(opened.facts())
        templates = opened.remove(people)
        command = hints.erase_names(opened.place, people)
        on_note(f"names that were written into photos' metadata stay there; {command} takes them out")
        return Removal(tuple(people), templates, emptied=True, facts=facts - len(opened.facts()))


def gallery_move(
    pictures: str | Sequence[str],
    *,
    to: str,
    holder: str | None = None,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> list[Move]:
    """Give what is stored of some photos to the person `to`, from whoever has it, or from `holder`; all or
    none. They stay moved when the folder of the one who had them is enrolled again. With `dry_run` nothing is
    changed. `on_note` hears of a person who is new, and of names like theirs.

    A photo is given as in `gallery_remove`. Raises GalleryError where it cannot be told whose template is
    meant.
    """
    from facekit.people import moving, names

    photos, to = texts_of(pictures, "the pictures"), subject_name(to)
    holder = None if holder is None else subject_name(holder)
    with reading(gallery, on_note) if dry_run else changing(gallery, on_note) as opened:
        everybody = opened.names()
        moves = moving.plan(opened, photos, to, holder)
        if to not in everybody:
            on_note(f"{to} is new: {meant(to, everybody)}".rstrip(" :"))
            if warning := names.Register(everybody).warning(to, opened.place):
                on_note(warning)
        if any(move.status == "planned" for move in moves):
            on_note(names_in_metadata(opened.place))
        return moves if dry_run else moving.carry_out(opened, moves)


def gallery_rename(
    old: str,
    new: str,
    *,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> None:
    """Give a person another name, which nobody in the gallery has yet. `on_note` hears of names that look
    like it. With `dry_run` nothing is changed."""
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried:
            gallery_rename(old, new, gallery=tried.copy, on_note=tried.note)
        return
    from facekit.people import names

    old, new = subject_name(old), subject_name(new)
    with changing(gallery, on_note) as opened:
        opened.rename(old, new)
        on_note(names_in_metadata(opened.place))
        if warning := names.Register(opened.names()).warning(new, opened.place):
            on_note(warning)


def gallery_merge(
    into: str,
    others: str | Sequence[str],
    *,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> int:
    """Give the templates of others to one person; how many came. With `dry_run` nothing is changed."""
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried:
            return gallery_merge(into, others, gallery=tried.copy, on_note=tried.note)
    with changing(gallery, on_note) as opened:
        came = opened.merge(subject_name(into), texts_of(others, "the others"))
        on_note(names_in_metadata(opened.place))
        return came


def gallery_export(
    file: str | PathLike[str], *, gallery: AnyGallery | None = None, on_note: OnNote = no_note
) -> int:
    """Write all templates, vectors and names, to a file .npz or .jsonl; how many. It is biometric data."""
    from facekit.gallery import transfer

    with reading(gallery, on_note) as opened:
        return transfer.write(opened, place_of(file, "the file"))


def gallery_export_lines(gallery: AnyGallery | None = None, *, on_note: OnNote = no_note) -> Iterator[str]:
    """The lines that `gallery_export` writes to a .jsonl file."""
    from facekit.gallery import transfer

    with reading(gallery, on_note) as opened:
        yield from transfer.lines(opened)


def gallery_import(
    file: str | PathLike[str] | BinaryIO,
    *,
    again: bool = False,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> Import:
    """Add the templates of an exported file, or of JSON lines in an open one, all or none; those that are
    there already are left alone, and with `again` those that were removed come back, as does what was said
    of them. Makes the gallery if
    there is none. `on_note` hears of names that look like another. With `dry_run` nothing is changed."""
    if dry_run:
        with rehearsal(place_to_write(gallery), on_note, named=gallery) as tried:
            done = gallery_import(file, again=again, gallery=tried.copy, on_note=tried.note)
        return replace(done, gallery=tried.place)
    from facekit.gallery import transfer
    from facekit.people import names

    place = place_to_write(gallery)
    place.require_writable()
    exported = transfer.read(place_of(file, "the file") if isinstance(file, str | PathLike) else file)
    if not is_open(gallery):
        tell_gallery(as_place(gallery), place, on_note)
    everybody: list[str] = []
    if place.exists():
        opened = nullcontext(gallery) if is_open(gallery) else place.open(write=True)
        with opened as target:
            report = transfer.import_into(target, exported, again=again)
            everybody = target.names()
        fresh = report.subjects
        left_out = (report.held, report.removed, report.denied)
        done = Import(place, report.added, report.present, *left_out, facts_left_out=report.facts_left_out)
    else:
        with transfer.create_from(exported, place) as made:
            stored, fresh, facts = len(made), tuple(made.names()), len(made.facts())
        held, lost = len(exported.templates) - stored, len(exported.facts) - facts
        done = Import(place, stored, held=held, new=True, facts_left_out=lost)
    for warning in names.warnings(fresh, everybody, place):
        on_note(warning)
    return done


def gallery_copy(source: AnyPlace, target: AnyPlace, *, on_note: OnNote = no_note) -> GallerySummary:
    """Copy a gallery, also one that is in use, to a new file, into a folder, or to a database or from one;
    every template is checked. `on_note` hears how the copy was proved."""
    copied = copy_gallery(source, target)
    searches = f"; {copied.searches} random searches give the same answers" if copied.searches else ""
    on_note(
        f"proved: each of {counted(copied.templates, 'template')} fits its checksum, and their digest is the "
        f"original's, {copied.digest:032x}{searches}"
    )
    calibration = copied.settings.calibration
    about = (calibration.threshold, calibration.description, copied.settings.embedder)
    return GallerySummary(str(copied.place), copied.subjects, copied.templates, 0, 0, *about)


def gallery_check(
    *, people: bool = False, gallery: AnyGallery | None = None, on_note: OnNote = no_note
) -> Check:
    """Look for damage, also of what is kept beside the gallery (the index of photos, thumbnails); with
    `people`, also for people under two names, templates under a wrong one, and pictures so poor that
    strangers would be taken for the person."""
    from facekit.library import index_check
    from facekit.people import check as people_check

    if is_open(gallery):
        place = gallery.place
    else:
        tried = usual_places.to_read(as_place(gallery))
        place = usual_places.in_use(tried) or tried[0]
        tell_gallery(as_place(gallery), place, on_note)
    found = index_check.all_problems(place, gallery if is_open(gallery) else None)
    readable = index_check.is_readable(found)
    if not found and (recall := place.recall()):
        on_note(recall)
    problems = tuple(problem.message for problem in found)
    if not people or not readable:
        return Check(place, problems, readable=readable)
    with reading(gallery if is_open(gallery) else place, no_note) as opened:
        named = None if gallery is None else place
        findings = tuple(Finding.of(problem, named) for problem in people_check.problems(opened))
        if hint := camera_hint(opened, None):
            on_note(hint)
        return Check(place, problems, findings, opened.subject_count, len(opened))
