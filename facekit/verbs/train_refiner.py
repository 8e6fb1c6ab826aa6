"""Train the network that corrects the points of the landmark predictor."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from facekit import detection
from facekit.errors import UsageError
from facekit.files import outputs, writing
from facekit.training import invocation
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import folder_of, place_of

AnyPath = str | PathLike[str]


def train_refiner(
    crops: AnyPath,
    *,
    output: AnyPath = "refiner.onnx",
    pictures: AnyPath | None = None,
    points: AnyPath | None = None,
    teacher: str | None = None,
    steps: int = 3000,
    batch: int = 96,
    seed: int = 1,
    threads: int = 1,
    manifest: AnyPath | None = None,
    on_note: OnNote = no_note,
    on_count: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> dict[str, Any]:
    """Train on an array of aligned crops, and on `pictures` with their `points` if there are any; what the
    manifest says of the file. The words are those of `facekit train-refiner --help`."""
    if (pictures is None) != (points is None):
        raise UsageError("--pictures and --points go together")
    invocation.require_packages()
    from facekit.training import landmarks, refiner
    from facekit.training.data import read_crops
    from facekit.training.manifest import describes

    array, target = place_of(crops, "the crops"), place_of(output, "the output")
    folder, table = folder_of(pictures, "the pictures"), folder_of(points, "the points")
    entries = folder_of(manifest, "the manifest")
    inputs = [path for path in (array, folder, table) if path is not None]
    outputs.require_replaceable(target, inputs, lambda path: describes(entries, path))
    writing.prepare(target)
    invocation.use_threads(threads)
    recipe = refiner.RefinerRecipe(steps=steps, batch=batch, seed=seed)
    averaging = detection.create(teacher) if teacher else None
    faces, photos = read_crops(array), None
    if folder is not None and table is not None:
        examples, _ = landmarks.held_out(landmarks.read_examples(folder, table))
        examples = landmarks.steady(examples, averaging) if averaging else examples
        photos = refiner.surroundings(examples)
        on_note(f"{len(photos)} photos read")

    def report(step: int, loss: float) -> None:
        on_count(step, recipe.steps, "steps")
        if step % 100 == 0:
            on_note(f"step {step}: loss {loss:.2f} px")

    network = refiner.train(faces, recipe, photos=photos, report=report)
    entry = refiner.write(network, target, entries)
    on_note(f"{target}: {target.stat().st_size / 1e6:.2f} MB")
    return entry
