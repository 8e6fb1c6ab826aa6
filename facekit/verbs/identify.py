"""Who is in each picture?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

from facekit import hints
from facekit.arguments import integer_of, score_of, texts_of
from facekit.errors import UsageError
from facekit.faces.reading import Options
from facekit.gallery.sharded_search import by_workers
from facekit.library.index import PhotoIndex
from facekit.library.readings import IndexedReader, look_of
from facekit.people import identification
from facekit.pictures.inputs import Inputs, Source, listed
from facekit.text.subject_names import subject_name
from facekit.verbs.galleries import AnyGallery, in_use, probability_of
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out
from facekit.verbs.pictures import folder_of, paths_among, readings, telling

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Reading
    from facekit.gallery.base import Gallery
    from facekit.metadata.in_place import NamesInPlace
    from facekit.metadata.planning import Rules
    from facekit.metadata.sidecars import SidecarName, Sidecars
    from facekit.results import PictureResult


def identify(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    top: int = 5,
    threshold: float | None = None,
    allow_repeats: bool = False,
    probability: bool = False,
    save_face: str | PathLike[str] | None = None,
    annotate: str | PathLike[str] | None = None,
    xmp: bool = False,
    sidecar_name: Literal["photo.jpg.xmp", "photo.xmp"] | None = None,
    keywords: bool = True,
    person_in_image: bool = True,
    unknown: bool = False,
    replace: bool = False,
    erase: str | Sequence[str] = (),
    in_place: bool = False,
    dry_run: bool = False,
    shard: str | None = None,
    unordered: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Iterator[PictureResult]:
    """Who is in each picture of the inputs (pictures, folders, `-`), in order.

    A picture that cannot be read is a result with an `error`; the others go on. Each face has its `top`
    candidates, and the name of the best if its score reaches the `threshold` (None: the gallery's). No two
    faces of a picture have the same name unless `allow_repeats`. With `probability` the best candidate has
    the probability of being the person. Aligned faces are saved in the folder `save_face`, and pictures with
    boxes and names in the folder `annotate`.

    With `xmp` each photo's names are written into its sidecar, as regions of the MWG, and, unless switched
    off, as `keywords` and as IPTC's `person_in_image`; `sidecar_name` is `photo.jpg.xmp` or `photo.xmp`. What
    others wrote stays; a name that is there gives way with `replace`; `unknown` people have a region with
    that. The names `erase` are taken out of every photo that has them, and in which nobody is recognized as
    these people. With `in_place` names are written into JPEG files themselves, by exiftool. With `dry_run`
    nothing is written or saved. The result's `xmp` says what was changed.

    `shard="3/8"` takes every eighth picture from the third on: the results of eight shards, one of each in
    turn, are the results of all. `pipeline` is one that is open already, and that threads may share; then
    the `options` of finding faces are its own.
    """
    inputs, options = listed(inputs), Options.of(options)
    threshold, top = score_of(threshold, "the threshold"), integer_of(top, "top", least=1)
    crops, pictures = folder_of(save_face, "save_face"), folder_of(annotate, "annotate")
    sidecars = None
    if xmp:
        from facekit.metadata.planning import Rules

        names = tuple(map(subject_name, texts_of(erase, "erase")))
        rules = Rules(keywords, person_in_image, replace=replace, unknown=unknown, erase=names)
        sidecars = _writer(inputs, rules, sidecar_name, in_place=in_place, dry_run=dry_run)
    else:
        _no_sidecars(
            sidecar_name=sidecar_name is not None,
            no_keywords=not keywords,
            no_person_in_image=not person_in_image,
            unknown=unknown,
            replace=replace,
            erase=bool(erase),
            in_place=in_place,
            dry_run=dry_run and not (crops or pictures),
        )
    if dry_run:
        for folder in filter(None, (crops, pictures)):
            on_note(f"nothing is saved in {folder}: a dry run")
        crops = pictures = None
    pipeline = options.pipeline_or(pipeline)
    with in_use(gallery, pipeline, on_note) as opened:
        curve = probability_of(opened, options.embedder) if probability else None
        saving = None
        if crops or pictures:
            from facekit.rendering.saving import Saving

            saving = Saving(crops, pictures, paths_among(inputs))
            options = dataclasses.replace(options, keep_pictures=pictures is not None)
        identification.require_subjects(opened, options.embedder)
        if threshold is None:
            _tell_growth(opened, options.embedder, on_note)
        # Crops and pixels are not kept.
        place = None if saving else opened.place
        with (
            telling(saving, on_note),
            by_workers(opened, options),
            PhotoIndex.for_gallery(place) as index,
        ):
            reader = None
            if index is not None:
                reader = IndexedReader(index, look_of(options, pipeline), whole=True)
            for reading in readings(
                inputs,
                options,
                pipeline,
                shard=shard,
                unordered=unordered,
                reader=reader,
                on_note=on_note,
                on_progress=on_progress,
                on_left_out=on_left_out,
            ):
                result = identification.of_reading(
                    opened, reading, top=top, threshold=threshold, allow_repeats=allow_repeats, curve=curve
                )
                if saving:
                    result = saving.save(reading, result)
                yield _with_names_written(reading, result, sidecars) if sidecars else result


def _writer(
    inputs: Sequence[Source], rules: Rules, name: SidecarName | None, *, in_place: bool, dry_run: bool
) -> Sidecars | NamesInPlace:
    """What writes names into metadata."""
    from facekit.metadata.sidecars import Sidecars, require_photos

    require_photos(inputs)
    if not in_place:
        return Sidecars(rules, name, dry_run=dry_run)
    if name is not None:
        raise UsageError(
            "--sidecar-name: there is no sidecar where names are written into the photos in place"
        )
    from facekit.metadata.in_place import NamesInPlace

    return NamesInPlace(rules, dry_run=dry_run)


def _no_sidecars(**given: bool) -> None:
    """Raise UsageError where an option of `xmp` was given without it."""
    for name in (name.replace("_", "-") for name, is_given in given.items() if is_given):
        raise UsageError(f"--{name}: goes with --xmp only, which writes names into photos' metadata")


def _with_names_written(
    reading: Reading, result: PictureResult, sidecars: Sidecars | NamesInPlace
) -> PictureResult:
    """The result with what became of the photo's metadata."""
    from facekit.metadata.sidecars import Identified

    if result.error:
        return result
    photo = Identified(reading.source, reading.size, reading.orientation, result.faces)
    written = sidecars.write(photo)
    further = written.also.notes if written.also else ()
    return dataclasses.replace(result, xmp=written, notes=(*result.notes, *written.notes, *further))


def _tell_growth(gallery: Gallery, embedder: Path | None, on_note: OnNote) -> None:
    """Say so when the threshold was set for a gallery a tenth smaller, or more."""
    calibration, templates = gallery.settings.calibration, len(gallery)
    if 0 < calibration.templates * 1.1 < templates:
        description = calibration.description
        again = hints.calibrate(gallery.place, templates, embedder, calibration=description)
        on_note(
            f"the threshold was set for {calibration.templates} enrolled faces and there are {templates} "
            f"now: it is raised by {gallery.threshold - calibration.threshold:.3f} for them; "
            f"to be sure, run {again}"
        )
