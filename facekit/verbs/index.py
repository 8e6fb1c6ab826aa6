"""Keep the faces of folders, so that their photos are looked through once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from facekit import hints
from facekit.errors import GalleryError, UsageError
from facekit.faces.reading import Options, Reading
from facekit.gallery import usual_places
from facekit.gallery.places import Place
from facekit.library.index import PhotoIndex, file_of
from facekit.library.index_report import IndexReport
from facekit.library.readings import IndexedReader, look_of
from facekit.pictures import folders
from facekit.pictures.inputs import Inputs, Source, listed
from facekit.pictures.remote import refuse
from facekit.verbs.galleries import AnyGallery, as_place, is_open, tell_gallery
from facekit.verbs.listeners import OnNote, OnProgress, no_note, no_progress

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.faces.pipeline import Pipeline


def index(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    forget: bool = False,
    dry_run: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
) -> IndexReport:
    """Look through folders once, and keep their faces in a file beside the gallery, for `find`, `identify`
    and `cluster`. Pictures that are kept already are not read, and what is kept of files that are gone is
    erased. With `forget` all that is kept of the folders is erased; with `dry_run` nothing is changed.
    """
    sources, options = listed(inputs), Options.of(options)
    refuse(sources, "an index is of")
    tops = [_folder(source, forget=forget) for source in sources]
    place = _place(gallery, on_note)
    path = file_of(place)
    if forget:
        return _forgotten(path, tops, dry_run=dry_run)
    if not is_open(gallery) and place.exists():
        with place.open():  # nothing is kept beside what is no gallery
            pass
    listing = folders.list_pictures([str(source) for source in sources])
    for remark in listing.remarks():
        on_note(remark)
    pictures = list(dict.fromkeys(listing.pictures))
    # A folder that cannot be listed is told as one of them.
    unlisted = [source for source in pictures if os.path.isdir(str(source))]
    count = len(pictures) - len(unlisted)
    pipeline = options.pipeline_or(pipeline)
    opened = PhotoIndex.open(path) if dry_run else PhotoIndex.made(path)
    if opened is None:
        return IndexReport(str(path), count, read=count)
    with opened:
        if not dry_run:
            opened.add_folders(tops)
        reader = IndexedReader(opened, look_of(options, pipeline), learns=not dry_run)
        reader.prepare(pictures)
        fresh = [source for source in pictures if source not in reader.known]
        if dry_run:
            return IndexReport(str(path), count, read=len(fresh) - len(unlisted))
        problems = _read(reader, fresh, options, pipeline, on_note, on_progress)
        gone = 0
        # A folder without any picture may not be mounted.
        mounted = [top for source, top in zip(sources, tops, strict=True) if source not in listing.empty]
        if mounted:
            gone = opened.keep_files(mounted, [os.path.abspath(str(source)) for source in pictures])
        faces = _faces(opened, reader, tops)
        return IndexReport(str(path), count, faces, len(fresh) - len(unlisted), gone, tuple(problems))


def _read(
    reader: IndexedReader,
    fresh: Sequence[Source],
    options: Options,
    pipeline: Pipeline,
    on_note: OnNote,
    on_progress: OnProgress,
) -> list[str]:
    problems: list[str] = []
    done = 0
    on_progress(0, len(fresh))
    readings: Iterator[Reading | None] = reader.read(fresh, options, pipeline)
    try:
        for done, reading in enumerate(readings, 1):
            if reading is not None and reading.error:
                problems.append(reading.error)
            on_progress(done, len(fresh))
    except KeyboardInterrupt:
        on_note(f"stopped after {done} of {len(fresh)} pictures; run it again to go on")
        raise
    return problems


def _faces(opened: PhotoIndex, reader: IndexedReader, tops: Sequence[str]) -> int:
    wanted = {
        file.sha256
        for file in opened.files().values()
        if any(file.path.startswith(os.path.join(top, "")) for top in tops)
    }
    return sum(len(entry.vectors) for entry in opened.entries(reader.look) if entry.sha256 in wanted)


def _forgotten(path: Path, tops: Sequence[str], *, dry_run: bool) -> IndexReport:
    opened = PhotoIndex.open(path, write=True)
    if opened is None:
        return IndexReport(str(path))
    with opened:
        if dry_run:
            return IndexReport(str(path), erased=opened.lost_with(tops))
        return IndexReport(str(path), erased=opened.forget_folders(tops))


def _folder(source: Source, *, forget: bool) -> str:
    if not isinstance(source, str) or source == "-":
        raise UsageError("only folders can be indexed")
    if not os.path.lexists(source) and not forget:
        raise UsageError(f"{source}: no such folder; --forget erases what is kept of it")
    if os.path.lexists(source) and not os.path.isdir(source):
        raise UsageError(f"{source}: no folder: give the one that it is in")
    return os.path.abspath(source)


def _place(gallery: AnyGallery | None, on_note: OnNote) -> Place:
    """The gallery beside which the index is: the one that `find` would use."""
    if is_open(gallery):
        return gallery.place
    named = as_place(gallery)
    tried = usual_places.to_read(named)
    if named is not None and not tried[0].exists():
        raise GalleryError(
            f"{tried[0]}: no such gallery, and an index lies beside one: "
            f"{hints.create_gallery(tried[0])} makes it"
        )
    place = usual_places.in_use(tried) or tried[0]
    tell_gallery(as_place(gallery), place, on_note)
    return place
