"""The verbs of the command line as functions: pictures or paths in, frozen results out.

What is not given is what the commands take: the default detector, the shipped network, and the first
gallery there is of `FACEKIT_GALLERY`, `./gallery.db`, `./gallery/gallery.db`, the user's own, and the
shipped one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit import folders, hints, identification, settings
from facekit.arguments import path_of, paths_of, score_of, whole_number
from facekit.errors import GalleryError, NoFaceError, PictureError, UsageError
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.in_use import gallery_in_use
from facekit.gallery.search.exact import score
from facekit.gallery.sqlite.gallery import Gallery
from facekit.gallery.subject_names import subject_name
from facekit.poorness import is_poor
from facekit.reading import Options, Reading, read_faces
from facekit.results import SCHEMA, Face, PictureResult

if TYPE_CHECKING:
    from facekit.clustering import Grouping
    from facekit.enrolment import EnrolReport
    from facekit.evaluation.identification import IdentificationReport
    from facekit.evaluation.verification import VerificationReport
    from facekit.live.events import Event
    from facekit.pipeline import Pipeline

Inputs = folders.Inputs
AnyGallery = Gallery | str | PathLike[str]
"""An open gallery, which stays open, or the path of one."""


@dataclass(frozen=True)
class Verification:
    """Two pictures' faces compared: `same` when the score reaches the threshold, unless both are `too_poor`:
    of two such pictures it is reached by strangers too (facekit.poorness)."""

    score: float
    threshold: float
    notes: tuple[str, ...] = ()
    too_poor: bool = False

    @property
    def same(self) -> bool:
        return self.score >= self.threshold and not self.too_poor

    @property
    def reason(self) -> str | None:
        """Why they are not the same: `too_poor` for a score that strangers reach, else `below_threshold`."""
        if self.same:
            return None
        return "below_threshold" if self.score < self.threshold else "too_poor"

    def to_dict(self) -> dict[str, Any]:
        values = {"score": round(self.score, 4), "threshold": round(self.threshold, 4)}
        verdict = {"same": self.same, "reason": self.reason}
        return {"schema": SCHEMA, **values, **verdict, "notes": list(self.notes)}


def open_gallery(
    path: str | PathLike[str] | None = None, *, write: bool = False, fingerprint: str | None = None
) -> Gallery:
    """The gallery at `path` (a file, or a folder with `gallery.db` in it), or the first there is of the
    usual places in which something was ever stored; the shipped one can only be read. With `fingerprint`,
    only one made by that embedder.

    Raises GalleryError: none found (says where it was looked for and how to make one), or unusable.
    """
    if path is not None:
        path = path_of(path, "the gallery")
    tried = settings.own_galleries(path) if write else settings.galleries_to_read(path)
    place = gallery_in_use(tried)
    if place is not None:
        return Gallery.open(changeable(place) if write else place, write=write, fingerprint=fingerprint)
    places = ", ".join(map(str, tried))
    make = hints.enroll(settings.named_gallery(path))
    raise GalleryError(f"no gallery at {places}: make one with {make}")


def changeable(gallery: Path) -> Path:
    """The same path. Raises GalleryError if it is the shipped gallery's, which is only read, or cannot be
    written."""
    if settings.is_reference(gallery):
        raise GalleryError(
            f"{gallery}: is the shipped gallery, which stays as it is: copy it, and change the copy"
        )
    settings.require_writable(gallery)
    return gallery


def _in_use(gallery: AnyGallery | None, pipeline: Pipeline) -> AbstractContextManager[Gallery]:
    """The gallery that was given: one that is open stays open, a path is opened and closed. Without it, the
    first there is. Only of the same embedder."""
    if isinstance(gallery, Gallery):
        gallery.require(pipeline.fingerprint)
        return nullcontext(gallery)
    return open_gallery(gallery, fingerprint=pipeline.fingerprint)


def _to_write(
    gallery: AnyGallery | None, pipeline: Pipeline, folder: Path | None = None
) -> AbstractContextManager[Gallery]:
    """`_in_use` for writing; one that is not there is made."""
    if isinstance(gallery, Gallery):
        return _in_use(gallery, pipeline)
    return gallery_for_enrolment(_place_to_write(gallery, folder), pipeline)


def _place_to_write(gallery: AnyGallery | None, folder: Path | None = None) -> Path:
    if isinstance(gallery, Gallery):
        return gallery.path
    return settings.gallery_to_write(None if gallery is None else path_of(gallery, "the gallery"), folder)


def gallery_for_enrolment(path: Path, pipeline: Pipeline) -> Gallery:
    """The gallery at `path`, open for writing; a new one with the embedder's threshold if there is none.

    Raises GalleryError: the shipped one, or unusable.
    """
    spec = pipeline.spec
    changeable(path)
    if not path.exists():
        settings.make_room(path)
        try:
            return Gallery.create(
                path,
                GallerySettings(
                    spec.name, pipeline.fingerprint, pipeline.dimension, spec.calibration, spec.poor_from
                ),
            )
        except GalleryError:
            if not path.exists():  # else another process made it in this moment
                raise
    return Gallery.open(path, write=True, fingerprint=pipeline.fingerprint)


def identify(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    top: int = 5,
    threshold: float | None = None,
    allow_repeats: bool = False,
    options: Options | None = None,
) -> Iterator[PictureResult]:
    """Who is in each picture of the inputs (pictures, folders, `-`), in order.

    A picture that cannot be read is a result with an `error`; the others go on.
    """
    options = options or Options()
    pipeline = options.pipeline()
    threshold, top = score_of(threshold, "the threshold"), whole_number(top, "top", least=1)
    sources = folders.find(inputs).pictures
    with _in_use(gallery, pipeline) as opened:
        identification.require_subjects(opened)
        for reading in read_faces(sources, options, pipeline=pipeline):
            yield identification.of_reading(
                opened, reading, top=top, threshold=threshold, allow_repeats=allow_repeats
            )


def enroll(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    subject: str | None = None,
    strict: bool = False,
    again: bool = False,
    accept_mixed: bool = False,
    accept_poor: bool = False,
    options: Options | None = None,
) -> EnrolReport:
    """Enroll a folder with a sub-folder for each person, or pictures of one `subject`.

    Without `gallery`: `FACEKIT_GALLERY`, else `./gallery.db` if it is there, else the gallery in the folder
    if it is called `gallery` or holds one, else `./gallery/gallery.db` if it is there, else the user's own.
    What cannot be enrolled is in the report with its reasons; `strict` refuses pictures of poor quality or
    doubtful identity, `again` takes what was removed earlier, `accept_mixed` a folder whose faces are not
    one person's, `accept_poor` pictures so poor that strangers would be taken for the person.
    """
    from facekit import enrolment

    paths = paths_of(inputs, "inputs")
    options = options or Options()
    plan = enrolment.plan(paths, subject)
    pipeline = options.pipeline()
    rules = enrolment.Rules(strict, again, accept_mixed, accept_poor)
    with _to_write(gallery, pipeline, None if subject else enrolment.home(paths)) as opened:
        outcomes = enrolment.enroll(opened, plan.photos, rules=rules, options=options, pipeline=pipeline)
        return enrolment.EnrolReport(tuple(outcomes), plan.left_out, plan.without)


def watch(
    source: str | PathLike[str],
    gallery: AnyGallery | None = None,
    *,
    threshold: float | None = None,
    max_fps: float | None = None,
    seconds: float | None = None,
    wait: bool = False,
    options: Options | None = None,
) -> Iterator[Event]:
    """What happens in front of a camera (`"0"`), in a video, at an address or in a folder of frames.

    People appear, are recognised and leave, at a score of at least `threshold` (None: a little more than the
    gallery's, because a track is asked about again and again). Of what is live, the newest frame is looked at
    each time, and with `wait` a camera or an address that is not there is waited for. Raises PictureError for
    a source that cannot be read or breaks off, and at the end for what of it was damaged, DependencyError
    where nothing here reads video.
    """
    from facekit.live import frame_detection, playing, reader, session, sources
    from facekit.live.knowledge import Knowledge

    options = options or Options()
    pipeline = options.pipeline()
    place = sources.parse(path_of(source, "the source"), max_pixels=options.max_pixels)
    with _in_use(gallery, pipeline) as opened:
        identification.require_subjects(opened)
        known = Knowledge(opened, score_of(threshold, "the threshold"))
        people = session.Session(
            frame_detection.PipelineDetector(pipeline),
            known.index.search,
            known.limit,
            clock=session.time_of_day if place.live else None,
        )

        def renew() -> None:
            if known.changed():
                people.renew(known.index.search, known.limit)

        frames = reader.Reader(place, most=max_fps, wait=wait)
        yield from playing.follow(frames, people, seconds=seconds, between=renew)


def register(
    name: str,
    source: str | PathLike[str],
    gallery: AnyGallery | None = None,
    *,
    frames: int = 3,
    accept_poor: bool = False,
    options: Options | None = None,
) -> EnrolReport:
    """Enroll a person from a camera, a video, an address or a folder of frames: the `frames` sharpest from
    the front, left, right, above and below. A live source is left when all are there. Frames so poor that
    strangers would be taken for the person are left out, unless with `accept_poor`.

    Without `gallery`: `FACEKIT_GALLERY`, `./gallery.db` or `./gallery/gallery.db`, else the user's own.
    Raises as `watch` does.
    """
    from facekit.enrolment import EnrolReport
    from facekit.live import frame_detection, reader, registering, sources

    frames = whole_number(frames, "frames", least=1)
    options = options or Options()
    pipeline = options.pipeline()
    name, place = subject_name(name), changeable(_place_to_write(gallery))
    others = registering.other_subjects(place, name, pipeline)
    camera = sources.parse(path_of(source, "the source"), folder_rate=1.0, max_pixels=options.max_pixels)
    frame_detector = frame_detection.PipelineDetector(pipeline, posing=True)
    registration = registering.Registration(
        frame_detector, frames=frames, others=others, live=camera.live, accept_poor=accept_poor
    )
    coming = reader.Reader(camera)
    try:
        while (frame := coming.next()) is not None and not (coming.live and registration.complete):
            registration.step(frame)
    finally:
        coming.stop()
    kept = registration.kept()
    if not kept:
        raise PictureError(f"{coming.source.shown}: no frame to enroll ({registration.refusal()})")
    if reason := registration.disagreement():
        raise PictureError(f"{camera.shown}: {reason}: nobody was enrolled; show one person alone")
    with _to_write(gallery, pipeline) as opened:
        return EnrolReport(tuple(registering.enroll(opened, name, kept, coming.source.name, accept_poor)))


def embed(inputs: Inputs, *, options: Options | None = None) -> Iterator[Reading]:
    """All faces of all pictures with their unit vectors and feature norms, in order.

    A face's `feature_norm` tells its quality only with an embedder trained by `magface` or `adaface`.
    """
    return read_faces(folders.find(inputs).pictures, options)


detect = embed
"""All faces of all pictures: one way for boxes, points and vectors."""


def cluster(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    threshold: float | None = None,
    options: Options | None = None,
) -> Grouping:
    """The faces of all pictures of the inputs (pictures, folders), grouped by person.

    Faces with a score of at least `threshold` are linked; None takes 0.85 of the embedder's own.
    With `gallery`, a group of somebody who is enrolled has a name. A picture that cannot be read has no
    faces.
    """
    from facekit import clustering

    options = options or Options()
    pipeline = options.pipeline()
    readings = read_faces(folders.find(inputs).pictures, options, pipeline=pipeline)
    limit = score_of(threshold, "the threshold")
    limit = clustering.LINK * pipeline.spec.threshold if limit is None else limit
    with nullcontext() if gallery is None else _in_use(gallery, pipeline) as opened:
        faces = list(clustering.sightings(readings))
        return clustering.group_faces(faces, limit, opened, poor_from=pipeline.spec.poor_from)


def verify(
    first: str | PathLike[str],
    second: str | PathLike[str],
    *,
    threshold: float | None = None,
    options: Options | None = None,
) -> Verification:
    """Whether two pictures show the same person, by the largest face of each.

    The threshold is a cosine score; None takes the embedder's own. Two faces that are too poor to enroll are
    never the same. Raises PictureError for a picture that cannot be read or has no face, NoFaceError where
    neither has one.
    """
    options = options or Options()
    pipeline = options.pipeline()
    first, second = path_of(first, "the first picture"), path_of(second, "the second picture")
    readings = list(read_faces([first, second], options, pipeline=pipeline))
    if not any(reading.faces or reading.error for reading in readings):
        raise NoFaceError(f"{first}, {second}: no face in either")
    one, two = map(_largest, readings)
    limit = score_of(threshold, "the threshold")
    limit = pipeline.spec.threshold if limit is None else limit
    notes = [f"{each.source}: {note}" for each in readings for note in each.notes]
    notes += [
        f"{each.source}: {len(each.faces)} faces: took the largest"
        for each in readings
        if len(each.faces) > 1
    ]
    poor_from = pipeline.spec.poor_from
    poor = all(is_poor(each.quality.stranger_rate, poor_from) for each in (one, two))
    return Verification(score(one.vector, two.vector), limit, tuple(notes), poor)


def evaluate_verification(
    images: Path | str | None = None,
    pairs: Path | str | None = None,
    *,
    aligned: bool = False,
    flip: bool = False,
    threshold: float | None = None,
    options: Options | None = None,
) -> VerificationReport:
    """Error rates of 1:1 comparisons: the pairs of a list (LFW's `pairs.txt`, a CSV with a, b and mated, an
    InsightFace .bin) of pictures in the folder `images`, or without a list every picture against every other
    of a folder with a sub-folder for each person.

    `aligned` takes the pictures for crops. Raises UsageError for lists and folders that do not fit.
    """
    from facekit.evaluation import protocols, verification
    from facekit.evaluation.comparisons import Comparisons
    from facekit.evaluation.scores import VerificationScores

    source = protocols.Source(options or Options(), aligned, flip)
    folder = None if images is None else _place(images, "the images")
    if pairs is not None:
        found = protocols.compare_pairs(_place(pairs, "the pairs"), folder, source, source.options.pipeline())
    elif folder is not None:
        found = protocols.compare_all(folder, source, source.options.pipeline())
    else:
        raise UsageError("evaluate_verification needs pairs or images")
    if isinstance(found.scores, Comparisons):
        return verification.of_comparisons(found.scores, threshold=threshold, notes=found.notes)
    assert isinstance(found.scores, VerificationScores)
    return verification.report(found.scores, threshold=threshold, notes=found.notes)


def evaluate_identification(
    images: Path | str,
    *,
    gallery_photos: int = 1,
    strangers: float = 0.5,
    splits: int = 5,
    seed: int = 0,
    aligned: bool = False,
    flip: bool = False,
    threshold: float | None = None,
    options: Options | None = None,
) -> IdentificationReport:
    """Error rates of 1:N searches in a folder with a sub-folder for each person.

    In each of `splits` random divisions `strangers` (a share below 1, or a number) of the people are left out
    of the gallery, `gallery_photos` photos of each other are enrolled, and the rest is searched for. Raises
    UsageError for a folder that does not fit.
    """
    from facekit.evaluation import identification as report
    from facekit.evaluation import protocols
    from facekit.evaluation.scores import IdentificationScores

    source = protocols.Source(options or Options(), aligned, flip)
    plan = protocols.Splits(gallery_photos, strangers, splits, seed)
    found = protocols.search_within(_place(images, "the images"), plan, source, source.options.pipeline())
    assert isinstance(found.scores, IdentificationScores)
    return report.report(found.scores, threshold=threshold, notes=found.notes)


def _place(value: object, what: str) -> Path:
    path = path_of(value, what)
    if not path:
        raise UsageError(f"{what}: the path is empty")
    return Path(path)


def _largest(reading: Reading) -> Face:
    if reading.error:
        raise PictureError(reading.error)
    if not reading.faces:
        raise PictureError(f"{reading.source}: no face")
    return reading.largest()
