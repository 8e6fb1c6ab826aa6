"""Train the network that finds the faces dlib's detector does not see."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import UsageError
from facekit.files import outputs
from facekit.training import invocation
from facekit.training.journal import claimed, require_room
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import folder_of, place_of

if TYPE_CHECKING:
    from facekit.training.detector_pictures import Photo

AnyPath = str | PathLike[str]
OnCount = Callable[[int, int, str], None]
"""Is told how many of how many of what are done."""

LEAST = 0.4
"""The score that a second detector must give to a face, where the table tells it."""
FURTHER = "further.csv"


def train_detector(
    pictures: AnyPath,
    faces: AnyPath,
    *,
    output: AnyPath = "detector",
    teacher: AnyPath | None = None,
    more: AnyPath | None = None,
    second: AnyPath | None = None,
    faceless: AnyPath | None = None,
    crops: AnyPath | None = None,
    init: AnyPath | None = None,
    further: tuple[int, int, int] | None = None,
    resume: bool = False,
    steps: int = 8000,
    imitation: int = 2000,
    batch: int = 16,
    rate: float = 2e-3,
    validate_every: int = 500,
    seed: int = 1,
    threads: int = 2,
    workers: int = 1,
    on_note: OnNote = no_note,
    on_count: OnCount = lambda done, total, what: None,
) -> Path:
    """Train a small network on a folder or ZIP file of everyday photos, and a CSV of their `faces`; the file
    of the network. The words are those of `facekit train-detector --help`."""
    target = place_of(output, "the output")
    photos, table = place_of(pictures, "the pictures"), place_of(faces, "the faces")
    yunet, others = folder_of(teacher, "the teacher"), folder_of(more, "more")
    other, blank = folder_of(second, "the second teacher"), folder_of(faceless, "faceless")
    faces_alone, first = folder_of(crops, "the crops"), folder_of(init, "the first network")
    if resume and first is not None:
        raise UsageError("--resume goes on with a run, --init begins one: give one of them")
    if others is not None and (yunet is None or other is None):
        raise UsageError("--more needs --teacher and --second, which tell where its faces are")
    invocation.require_packages()
    from facekit.training import checkpoint, data, detector, detector_network, detector_pictures

    recipe = detector.Recipe(
        steps=steps,
        imitation=imitation,
        batch=batch,
        rate=rate,
        validate_every=validate_every,
        seed=seed,
        workers=workers,
        further=further or detector_network.FURTHER,
    )
    invocation.use_threads(threads)
    inputs = [
        path for path in (photos, table, yunet, others, other, blank, faces_alone, first) if path is not None
    ]
    outputs.require_apart(target, inputs)
    with claimed(target):
        last = target / checkpoint.LAST
        if last.exists() and not resume:
            raise UsageError(f"{target}: holds a run; --resume goes on with it")
        if not resume:
            require_room(target, (detector.EXPORTED,), inputs)
        run = detector.Training(recipe)
        rows = run.load(last) if resume else []
        if first is not None:
            run.begin_with(first)
        parts = detector_pictures.split(detector_pictures.read(photos, table, least=LEAST))
        on_note(
            f"{len(parts.training)} photos to learn from, {len(parts.validation)} to watch the training by, "
            f"{len(parts.held_out)} kept back"
        )
        others_labeled: list[Photo] = []
        if others is not None and yunet is not None and other is not None:
            others_labeled = _further(others, (yunet, other), target / FURTHER, on_note, on_count)
        empty = [] if blank is None else detector_pictures.faceless(blank)
        aligned = None if faces_alone is None else data.read_crops(faces_alone)
        learned = detector.Views(parts.training, others_labeled, yunet, run.recipe, empty, aligned)

        def report(row: dict[str, float]) -> None:
            on_note(", ".join(f"{name} {value:.4g}" for name, value in row.items()))

        run.imitate(learned, lambda step, steps: on_count(step, steps, "steps of imitation"))
        run.save(last, rows)
        detector.train(run, learned, parts.validation, target, rows, report)
    return target / detector.EXPORTED


def _further(
    pictures: Path, teachers: tuple[Path, Path], table: Path, on_note: OnNote, on_count: OnCount
) -> list[Photo]:
    """Photos of which two detectors tell where the faces are: that takes minutes, so it is written down."""
    from facekit.detection.retinaface import RetinaFace
    from facekit.training import detector_pictures, detector_targets

    if not table.exists():
        detectors = (detector_targets.YuNetDetector(teachers[0]), RetinaFace(teachers[1]))
        labeled = detector_pictures.labeled(
            pictures, detectors, lambda done, total: on_count(done, total, "pictures")
        )
        detector_pictures.write(labeled, table)
    photos = detector_pictures.read(pictures, table)
    on_note(f"{len(photos)} further photos")
    return photos
