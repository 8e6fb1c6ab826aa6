"""The photos with a person, best first."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal

from facekit.arguments import score_of, texts_of
from facekit.errors import PictureError, UsageError
from facekit.faces.reading import Options, Reading, read_one
from facekit.library.index import PhotoIndex
from facekit.library.readings import IndexedReader, look_of
from facekit.people import finding, identification
from facekit.people.finding import Company, Period, PhotoMatch, SoughtFace, SoughtPerson
from facekit.pictures import dates, folders
from facekit.pictures.inputs import Input, Inputs, NamedPicture, Source, is_picture, listed, one
from facekit.pictures.remote import refuse
from facekit.text.counting import counted
from facekit.text.subject_names import subject_name
from facekit.verbs.galleries import AnyGallery, in_use, users_gallery
from facekit.verbs.listeners import OnNote, OnProgress, no_note, no_progress
from facekit.verbs.pictures import folder_of, paths_among, readings

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.gallery.places import Place
    from facekit.rendering.copies import PhotoFolder


@dataclass(frozen=True)
class FindReport:
    """The photos that were found, best first; how many `pictures` were looked through; and the `problems`
    with those that could not be."""

    matches: tuple[PhotoMatch, ...]
    pictures: int
    problems: tuple[str, ...] = ()


def find(
    name: str | None,
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    like: Input | None = None,
    with_: str | Sequence[str] = (),
    without: str | Sequence[str] = (),
    only: bool = False,
    after: str | None = None,
    before: str | None = None,
    threshold: float | None = None,
    copy: str | PathLike[str] | None = None,
    link: str | PathLike[str] | None = None,
    dry_run: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
) -> FindReport:
    """The photos of the inputs (pictures, folders) with the person `name`, or with the largest face of the
    picture `like`; best first.

    A person is found where `identify` would give that name, at the gallery's threshold unless another is
    given; a face at the embedder's. With `with_` those people have to be in the photo too, with `without`
    they must not be, with `only` nobody else may. `after` and `before` (`2019`, `2019-07` or `2019-07-24`)
    are about the date in the EXIF block, without which a photo is left out. The photos are copied into the
    folder `copy`, or linked in `link`; not with `dry_run`.
    """
    sources, options = listed(inputs), Options.of(options)
    limit = score_of(threshold, "the threshold")
    company = Company(_names(with_, "with"), _names(without, "without"), only)
    period = _period(after, before)
    if (name is None) == (like is None):
        raise UsageError("say who is looked for: a name of the gallery, or a face with --like")
    if not sources:
        raise UsageError("say in which photos to look: give folders or pictures")
    refuse(sources, "find looks through")
    folder = _folder(copy, link, sources, dry_run=dry_run)
    pipeline = options.pipeline_or(pipeline)
    with ExitStack() as stack:
        sought: SoughtPerson | SoughtFace
        opened: Gallery | None
        if name is not None:
            opened = known = stack.enter_context(in_use(gallery, pipeline, on_note))
            sought = _person(known, subject_name(name), company, limit, options)
        else:
            opened = _people(stack, gallery, pipeline, on_note, required=company != Company())
            sought = _face(like, opened, company, limit, options, pipeline)
        if opened is not None:
            _no_names_among(sources, opened)
        seen = _Seen(sought, period, on_note)
        place = None if opened is None else opened.place
        look = _Look(sources, options, pipeline, on_note, on_progress)
        for reading in look.through(place, sought, learns=not dry_run):
            seen.take(reading)
    found = seen.best_first()
    if folder is not None:
        found = [seen.put(photo, folder) for photo in found]
    return FindReport(tuple(found), seen.pictures, tuple(seen.problems))


def _no_names_among(sources: Sequence[Source], gallery: Gallery) -> None:
    """Raise UsageError for a second name where photos are given: several people are found by `with_`."""
    missing = [source for source in sources if isinstance(source, str) and not os.path.lexists(source)]
    names = set(gallery.names()) if missing else set()
    if name := next((source for source in missing if source in names), None):
        raise UsageError(
            f"{name}: is no file or folder, but somebody in the gallery: photos with both people are found "
            f"by --with {name!r}"
        )


@dataclass(frozen=True)
class _Look:
    """How the pictures are looked through: with the gallery's index, if there is one."""

    sources: Sequence[Source]
    options: Options
    pipeline: Pipeline
    on_note: OnNote
    on_progress: OnProgress

    def through(
        self, place: Place | None, sought: finding.Sought, *, learns: bool
    ) -> Iterator[Reading | None]:
        """The readings; None for a picture of which the index knows that they cannot be in it."""
        with PhotoIndex.for_gallery(place, write=learns) as index:
            if index is None:
                yield from readings(
                    self.sources,
                    self.options,
                    self.pipeline,
                    on_note=self.on_note,
                    on_progress=self.on_progress,
                )
                return
            listing = folders.list_pictures(self.sources)
            yield from (Reading(folder, error=f"no pictures in {folder}") for folder in listing.empty)
            for remark in listing.remarks():
                self.on_note(remark)
            reader = IndexedReader(index, look_of(self.options, self.pipeline), learns=index.writable)
            reader.prepare(listing.pictures)
            relevant = reader.relevant(sought.vectors(), sought.threshold)
            total = len(listing.pictures)
            self.on_progress(0, total)
            found = reader.read(listing.pictures, self.options, self.pipeline, relevant)
            for done, reading in enumerate(found, 1):
                yield reading
                self.on_progress(done, total)


class _Seen:
    """Takes one picture after the other."""

    def __init__(self, sought: finding.Sought, period: Period, on_note: OnNote) -> None:
        self.pictures = 0
        self.problems: list[str] = []
        self._found: list[PhotoMatch] = []
        self._sought, self._period, self._on_note = sought, period, on_note
        self._undated = 0

    def take(self, reading: Reading | None) -> None:
        self.pictures += reading is None or is_picture(reading.source, reading.error)
        if reading is None:
            return
        if reading.error:
            self.problems.append(reading.error)
        photo = self._sought.find(reading) if reading.faces else None
        if photo is None:
            return
        if self._period:
            time = dates.taken(photo.source)
            self._undated += time is None
            if time is None or not self._period.has(time):
                return
            photo = dataclasses.replace(photo, taken=time)
        self._found.append(photo)

    def best_first(self) -> list[PhotoMatch]:
        if self._undated:
            self._on_note(f"{counted(self._undated, 'photo')} left out: without a date")
        return sorted(self._found, key=lambda photo: (-photo.score, photo.source))

    def put(self, photo: PhotoMatch, folder: PhotoFolder) -> PhotoMatch:
        """Copy or link it; one that cannot be read any more is a problem, and the others go on."""
        try:
            return dataclasses.replace(photo, copy=str(folder.put(photo.source)))
        except PictureError as error:
            self.problems.append(str(error))
            return photo


def _names(names: str | Sequence[str], what: str) -> frozenset[str]:
    return frozenset(map(subject_name, texts_of(names, what)))


def _period(after: str | None, before: str | None) -> Period:
    start = None if after is None else dates.first_day(after, "after")
    end = None if before is None else dates.first_day(before, "before")
    if start and end and start >= end:
        raise UsageError(f"no day is after {after} and before {before}")
    return Period(start, end)


def _folder(
    copy: str | PathLike[str] | None,
    link: str | PathLike[str] | None,
    sources: Sequence[Source],
    *,
    dry_run: bool,
) -> PhotoFolder | None:
    if copy is not None and link is not None:
        raise UsageError("--copy and --link both say where the photos go: give one of them")
    place = folder_of(copy, "copy") or folder_of(link, "link")
    if place is None:
        return None
    if any(isinstance(source, NamedPicture) or source == "-" for source in sources):
        raise UsageError("only photos that are files can be copied or linked")
    if dry_run:
        return None
    from facekit.rendering.copies import PhotoFolder

    kind: Literal["copy", "link"] = "link" if copy is None else "copy"
    return PhotoFolder(place, kind, paths_among(sources))


def _person(
    gallery: Gallery, name: str, company: Company, limit: float | None, options: Options
) -> SoughtPerson:
    identification.require_subjects(gallery, options.embedder)
    identification.require_names(gallery, [name, *sorted(company.wanted), *sorted(company.unwanted)])
    return SoughtPerson(gallery, name, company, limit)


def _people(
    stack: ExitStack, gallery: AnyGallery | None, pipeline: Pipeline, on_note: OnNote, *, required: bool
) -> Gallery | None:
    """The gallery that gives the other faces their names, if there is one."""
    if gallery is not None or required:
        return stack.enter_context(in_use(gallery, pipeline, on_note))
    own = users_gallery(fingerprint=pipeline.fingerprint, on_note=on_note)
    return None if own is None else stack.enter_context(own)


def _face(
    like: Input | None,
    gallery: Gallery | None,
    company: Company,
    limit: float | None,
    options: Options,
    pipeline: Pipeline,
) -> SoughtFace:
    if gallery is not None:
        identification.require_names(gallery, sorted(company.wanted | company.unwanted))
    reading = read_one(one(like, "the picture"), pipeline, options)
    if reading.error:
        raise PictureError(reading.error)
    if not reading.faces:
        raise PictureError(f"{reading.source}: no face to look for")
    limit = pipeline.spec.threshold if limit is None else limit
    return SoughtFace(reading.largest(), limit, pipeline.spec.poor_from, gallery, company)
