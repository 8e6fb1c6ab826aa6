"""Train the predictor of five points that aligns what dlib's detector finds."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from facekit import detection
from facekit.arguments import text_of
from facekit.files import outputs, writing
from facekit.training import landmark_errors, landmarks
from facekit.training.landmark_errors import PredictorErrors
from facekit.training.manifest import describes, made, update
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import folder_of, place_of

AnyPath = str | PathLike[str]


def train_landmarks(
    pictures: AnyPath,
    points: AnyPath,
    *,
    output: AnyPath = "landmarks.dat",
    detector: str = "dlib",
    teacher: str | None = None,
    compare: Sequence[AnyPath] = (),
    cascade: int = 10,
    trees: int = 500,
    depth: int = 4,
    nu: float = 0.1,
    jitters: int = 10,
    seed: int = 1,
    threads: int = 2,
    manifest: AnyPath | None = None,
    on_note: OnNote = no_note,
) -> list[PredictorErrors]:
    """Train on a folder or ZIP file of photos with one face each, and the CSV of their points; the errors on
    every fifth photo, which is kept back. The words are those of `facekit train-landmarks --help`."""
    photos, table, file = place_of(pictures, "the pictures"), place_of(points, "the points"), output
    target, entries = place_of(file, "the output"), folder_of(manifest, "the manifest")
    recipe = landmarks.LandmarkRecipe(
        jitters=jitters, cascade=cascade, trees=trees, depth=depth, nu=nu, seed=seed, threads=threads
    )
    outputs.require_replaceable(target, [photos, table], lambda path: describes(entries, path))
    writing.prepare(target)
    boxing = detection.create(text_of(detector, "the detector"))
    averaging = detection.create(teacher) if teacher else None
    examples = landmarks.read_examples(photos, table)
    landmarks.held_out(examples)  # refuses too few before the detector is asked
    on_note(f"{len(examples)} pictures read")
    examples = landmarks.boxed(examples, boxing)
    on_note(f"boxes of {detector}")
    steadied = landmarks.steady(examples, averaging) if averaging else examples
    if teacher:
        on_note(f"points averaged with those of {teacher}")
    training, _ = landmarks.held_out(steadied)
    landmarks.train(training, target, recipe)
    if entries is not None:
        update(entries, {**made(target), "scheme": "arcface5"}, name="landmarks")
    on_note(f"{target}: {target.stat().st_size / 1e6:.1f} MB, trained on {len(training)} pictures")
    truths = {"given": examples, "averaged": steadied} if teacher else {"given": examples}
    others = [place_of(other, "a file to compare with") for other in compare]
    return landmark_errors.compare(
        target, others, {name: landmarks.held_out(truth)[1] for name, truth in truths.items()}
    )
