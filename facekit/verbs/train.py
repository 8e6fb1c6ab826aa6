"""Train an embedder on one's own pictures, and make a network file of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from facekit.errors import UsageError
from facekit.training import invocation
from facekit.training.config import UNCHANGED, Augmentation, Config
from facekit.training.pace import Pace
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import folder_of, place_of

AnyPath = str | PathLike[str]
Row = dict[str, float]
"""A validation: step, hours, losses, rates."""

_AUGMENT = "augment_"


@dataclass(frozen=True)
class Training:
    """The folder of the run, its validations, and whether it was let finish: False after Ctrl-C."""

    output: Path
    rows: tuple[Row, ...]
    finished: bool

    def comparison(self) -> Iterator[str]:
        """What a run that began from other weights made of them, on people whom it did not learn from."""
        rows = self.rows
        if len(rows) < 2 or rows[0]["step"] != 0 or "accuracy" not in rows[0]:
            return
        from facekit.evaluation.metrics import headline

        name = headline(rows[0])
        judged = [row for row in rows if name in row]
        best = max(reversed(judged), key=lambda row: row[name])
        before, after = 100 * rows[0][name], 100 * best[name]
        what = name.replace("tar_", "TAR@")
        if best["step"] == 0:
            end = f"{before:.1f} % at the start, and no step was as good: the start is kept"
        else:
            end = f"{before:.1f} % before, {after:.1f} % after {best['step']:.0f} steps"
        yield f"on the held-out people: {what} {end}"


def train(
    data: AnyPath | None = None,
    *,
    output: AnyPath = "runs/1",
    aligned: bool = False,
    detector: str = "auto",
    cache: AnyPath | None = None,
    validation: AnyPath | None = None,
    teacher: AnyPath | None = None,
    bank: AnyPath | None = None,
    views: int = 1,
    init: AnyPath | None = None,
    resume: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    augment: bool | None = None,
    on_note: OnNote = no_note,
    on_row: Callable[[Row], None] = lambda row: None,
    on_count: Callable[[int, int, str], None] = lambda done, total, what: None,
    on_pace: Callable[[Pace], None] = lambda pace: None,
    **settings: Any,
) -> Training:
    """Train an embedder on a folder with a sub-folder of photos for each person (by default `gallery/`), or
    on crops.

    The words are those of `facekit train --help`; `settings` are its further options: `loss`, `phases`,
    `rate`, `augment_blur` and so on. `on_row` has each validation as it comes, `on_count` how many of what
    are prepared, `on_pace` each step. Raises DependencyError where the extra `train` is not installed.
    """
    invocation.require_packages()
    request = invocation.Request(
        out=place_of(output, "the output"),
        data=folder_of(data, "the data"),
        aligned=aligned,
        detector=detector,
        cache=folder_of(cache, "the cache"),
        validation=folder_of(validation, "the validation"),
        teacher=folder_of(teacher, "the teacher"),
        bank=folder_of(bank, "the bank"),
        views=views,
        init=folder_of(init, "init"),
        resume=resume,
        device=device,
    )
    rows: list[Row] = []

    def report(row: Row) -> None:
        rows.append(row)
        on_row(row)

    listener = invocation.Listener(note=on_note, report=report, progress=on_count, pace=on_pace)
    finished = invocation.train(request, chosen_settings(settings, augment), listener)
    return Training(request.out, tuple(rows), finished)


def chosen_settings(settings: dict[str, Any], augment: bool | None = None) -> dict[str, Any]:
    """The fields of Config that were given, and of its augmentation those that were. Raises UsageError for
    what is none of them."""
    fields, changes = Config.__dataclass_fields__, Augmentation.__dataclass_fields__
    chosen = {name: value for name, value in settings.items() if name in fields}
    single = {name.removeprefix(_AUGMENT): value for name, value in settings.items() if name not in chosen}
    unknown = [name for name in settings if name not in chosen and name.removeprefix(_AUGMENT) not in changes]
    if unknown:
        raise UsageError(f"train takes no {unknown[0]}: see facekit train --help")
    if augment is not None:
        whole, cheap = (Augmentation(), Config()) if augment else (UNCHANGED, Config(shift=0, light=0.0))
        single = asdict(whole) | single
        chosen = {"shift": cheap.shift, "light": cheap.light} | chosen
    return chosen | {"augmentation": single} if single else chosen


@dataclass(frozen=True)
class Export:
    """The network file and its description beside it, the entry in it, and how far a smaller number format
    is from float32 (`drift`)."""

    network: Path
    description: Path
    entry: dict[str, Any]
    drift: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {"embedder": self.entry, "drift": self.drift}


def export(
    run: AnyPath,
    *,
    output: AnyPath = "embedder.onnx",
    precision: Literal["float32", "float16", "int8"] = "float32",
    side: int | None = None,
    flip: bool = False,
    name: str = "",
    calibration: AnyPath | None = None,
    validation: AnyPath | None = None,
    max_drift: float = 0.01,
    max_loss: float = 0.01,
    manifest: AnyPath | None = None,
    unproven: bool = False,
    license_: str = "",
    data: str = "",
    command: str = "",
    commit: str = "",
) -> Export:
    """Write the network of a run of `train`, a folder or checkpoint, as an ONNX file with the description
    that `embedder` needs beside it.

    The words are those of `facekit export --help`. A float16 or int8 file that is worse than `max_drift` or
    `max_loss` allow is refused, and so is a run that has hardly begun, was never validated or is worse than
    what it began from, unless `unproven`.
    """
    invocation.require_packages()
    from facekit.training import release
    from facekit.training.data import read_array, read_validation
    from facekit.training.manifest import update

    crops, labeled = folder_of(calibration, "calibration"), folder_of(validation, "validation")
    written = release.release(
        place_of(run, "the run"),
        place_of(output, "the output"),
        precision=precision,
        side=side,
        flip=flip,
        name=name,
        unproven=unproven,
        calibration=read_array(crops) if crops else None,
        validation=read_validation(labeled) if labeled else None,
        bounds=release.Bounds(max_drift, max_loss),
        provenance=release.Provenance(license_, data, command, commit),
    )
    if manifest is not None:
        update(place_of(manifest, "the manifest"), written.entry)
    drift = {name: each.to_dict() for name, each in written.drifts.items()}
    return Export(written.network, written.description, written.entry, drift)


def network_lines() -> Sequence[str]:
    """The networks that can be trained, with their cost: a table."""
    invocation.require_packages()
    from facekit.training import networks

    lines = [f"{'network':<22}{'dimension':>10}{'parameters':>12}{'GMAC':>8}{'MB':>8}  remark"]
    for name, dimension, cost, about in networks.listing():
        size = f"{cost.parameters / 1e6:.1f} M"
        lines.append(
            f"{name:<22}{dimension:>10}{size:>12}{cost.macs / 1e9:>8.2f}{cost.megabytes:>8.1f}  {about}"
        )
    return lines
