"""Look at pictures, name nobody: `detect`, `embed`, `align`; and the way that all verbs go over pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from facekit.arguments import path_of
from facekit.errors import UsageError
from facekit.faces.reading import Options, Reading, read_faces
from facekit.pictures import folders
from facekit.pictures.inputs import Inputs, NamedPicture, Source, listed, name_of
from facekit.pictures.shards import Portion, Shard, portion_of
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.library.readings import IndexedReader
    from facekit.rendering.embedded import Embedding
    from facekit.rendering.trees import Crop


def readings(
    inputs: Inputs,
    options: Options,
    pipeline: Pipeline | None = None,
    *,
    shard: str | None = None,
    unordered: bool = False,
    reader: IndexedReader | None = None,
    listing: folders.Listing | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
    on_portion: Callable[[Portion], None] | None = None,
) -> Iterator[Reading]:
    """All pictures that the inputs stand for, or those of a `shard`, in order; with `unordered`, workers on
    Ray give them as they are ready. A folder without any is a reading with an error; `on_note` is told how
    much was left out of the others, `on_left_out` all of it. What the index of a `reader` knows is not read
    again, and has no crops. `on_portion` is told first which part of which listing comes; the `listing` is
    that of the inputs, for whoever has it already."""
    part = Shard.of(shard)
    listing = listing or folders.list_pictures(inputs)
    if on_portion:
        on_portion(portion_of(listing.empty, [name_of(source) for source in listing.pictures], part))
    # Folders without pictures are results too, and each is one shard's alone.
    empty, pictures = _divided(listing, part)
    yield from (Reading(folder, error=f"no pictures in {folder}") for folder in empty)
    for remark in listing.remarks():
        on_note(remark)
    if listing.left_out:
        on_left_out(listing.left_out)
    if listing.pictures and not pictures:
        on_note(f"no picture is in shard {part}: there are {len(listing.pictures)}")
    total = len(pictures)
    on_progress(0, total)
    results = (
        read_faces(pictures, options, pipeline=pipeline, unordered=unordered)
        if reader is None
        else reader.read_all(pictures, options, pipeline)
    )
    for done, reading in enumerate(results, 1):
        yield reading
        on_progress(done, total)


def _divided(listing: folders.Listing, shard: Shard) -> tuple[Sequence[str], Sequence[Source]]:
    """The empty folders and the pictures of a shard: of both as one row, in the order of the results."""
    results = len(listing.empty)
    mine = shard.part(range(results + len(listing.pictures)))
    empty = [listing.empty[place] for place in mine if place < results]
    return empty, [listing.pictures[place - results] for place in mine if place >= results]


class Saved(Protocol):
    """What is saved beside the results."""

    def remarks(self) -> list[str]: ...


@contextmanager
def telling(saved: Saved | None, on_note: OnNote) -> Iterator[None]:
    """Say at the end what was saved, and where; also when it is interrupted."""
    try:
        yield
    finally:
        for remark in saved.remarks() if saved else ():
            on_note(remark)


def paths_among(inputs: Inputs) -> list[str]:
    """Those of the inputs that are paths: nothing is written over them."""
    return [item for item in listed(inputs) if not isinstance(item, NamedPicture)]


def folder_of(value: str | PathLike[str] | None, what: str) -> Path | None:
    """A folder for output, or None. Raises UsageError for what is no path, or an empty one."""
    return None if value is None else place_of(value, what)


def place_of(value: object, what: str) -> Path:
    """A path. Raises UsageError for what is none, or an empty one."""
    path = path_of(value, what)
    if not path:
        raise UsageError(f"{what}: the path is empty")
    return Path(path)


def detect(
    inputs: Inputs,
    *,
    annotate: str | PathLike[str] | None = None,
    shard: str | None = None,
    unordered: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Iterator[Reading]:
    """The faces of each picture of the inputs (pictures, folders, `-`), in order: box, points and quality.

    With `annotate`, each picture is saved in that folder with its faces numbered. `shard="3/8"` takes every
    eighth picture from the third on. `pipeline` is one that is
    open already, and that threads may share; then the `options` of finding faces are its own.
    """
    inputs, options = listed(inputs), Options.of(options)
    folder = folder_of(annotate, "annotate")
    saving = None
    if folder:
        from facekit.rendering.saving import Annotations

        saving = Annotations(folder, paths_among(inputs))
    wanted = replace(options, keep_pictures=options.keep_pictures or saving is not None)
    with telling(saving, on_note):
        for reading in readings(
            inputs,
            wanted,
            pipeline,
            shard=shard,
            unordered=unordered,
            on_note=on_note,
            on_progress=on_progress,
            on_left_out=on_left_out,
        ):
            if saving and reading.picture:
                saving.save_numbered(reading)
            yield reading if options.keep_pictures else replace(reading, picture=None)


def embed(
    inputs: Inputs,
    *,
    output: str | PathLike[str] | None = None,
    shard: str | None = None,
    unordered: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Iterator[Embedding]:
    """All faces of all pictures with their unit vectors and feature norms, in order.

    With `output`, they are also written to that file: .npz, .csv or .jsonl. `shard="3/8"` takes every eighth
    picture from the third on. A face's `feature_norm` tells its
    quality only with an embedder trained by `magface` or `adaface`.
    """
    from facekit.rendering.embedded import Embedding, written

    inputs, options = listed(inputs), Options.of(options)
    file = folder_of(output, "output")
    pipeline = options.pipeline_or(pipeline)
    with nullcontext() if file is None else written(file, pipeline.dimension, paths_among(inputs)) as writer:
        for reading in readings(
            inputs,
            options,
            pipeline,
            shard=shard,
            unordered=unordered,
            on_note=on_note,
            on_progress=on_progress,
            on_left_out=on_left_out,
            on_portion=writer.begin if writer else None,
        ):
            result = Embedding.of(reading, pipeline.fingerprint)
            if writer:
                writer.take(result)
            yield result
    if file is not None and writer and writer.read:
        on_note(f"vectors written to {file}")


def align(
    raw: str | PathLike[str],
    out: str | PathLike[str],
    *,
    dry_run: bool = False,
    shard: str | None = None,
    unordered: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Iterator[Crop]:
    """Cut the largest face out of every picture below `raw` into the same tree below `out`.

    Of a picture without a face there is no crop, and of one whose crop has no place an error. With `dry_run`
    nothing is written, and a crop is where it would be. `shard="3/8"` takes every eighth picture from the
    third on."""
    from facekit.rendering.trees import CropTree

    top = place_of(raw, "the pictures")
    tree = CropTree(top, place_of(out, "the output"), dry_run=dry_run)
    faces = readings(
        top,
        Options.of(options),
        pipeline,
        shard=shard,
        unordered=unordered,
        on_note=on_note,
        on_progress=on_progress,
        on_left_out=on_left_out,
    )
    return (tree.save(reading) for reading in faces)
