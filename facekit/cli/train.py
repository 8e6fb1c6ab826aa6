"""`facekit train`: an embedder of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from facekit import hints
from facekit.cli import COMMANDS, INTERRUPTED, numbers
from facekit.cli.console import Console
from facekit.cli.options import debug_option, quiet_option
from facekit.cli.paths import EXISTING, EXISTING_FILE, FOLDER, NETWORK
from facekit.cli.training import TrainingProgress
from facekit.training.config import (
    LOSSES,
    NETWORKS,
    OPTIMIZERS,
    PRECISIONS,
    SAMPLERS,
    Augmentation,
    Config,
)

SHARE = numbers.FloatRange(0, 1)
USUAL, CHANGES = Config(), Augmentation()
AUGMENT = "Augmentation (0 turns one off)"
Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


class Phases(click.ParamType[Any]):
    """64:5000,112:20000"""

    name = "SIDE:STEPS,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(
                (int(side), int(steps)) for side, steps in (part.split(":") for part in value.split(","))
            )
        except ValueError:
            self.fail(f"{value!r} is not SIDE:STEPS, like 64:5000,112:20000", param, ctx)


class Begun(click.ParamType[Any]):
    """`shipped`, or a path that is there."""

    name = "shipped|PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return Path(value) if str(value) == "shipped" else EXISTING.convert(value, param, ctx)


class Grouped(click.Option):
    """An option that stands under a heading in the help."""

    def __init__(self, *names: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.heading = heading


class GroupedCommand(click.Command):
    """Options under their headings, in the order they were written."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(option, "heading", "Other"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def setting(
    field: str, help: str, *, heading: str, kind: Any = None, choice: Sequence[str] = ()
) -> Decorator:
    """An option for a field of Config, with its usual value."""
    usual = getattr(USUAL, field)
    usually = numbers.FLOAT if isinstance(usual, float) else type(usual)
    return click.option(
        f"--{field.replace('_', '-')}",
        cls=Grouped,
        heading=heading,
        type=click.Choice(choice) if choice else kind or usually,
        default=usual,
        show_default=usual is not None,
        help=help,
    )


def change(field: str, help: str, *, kind: Any = SHARE) -> Decorator:
    """An option for a field of Augmentation."""
    usual = getattr(CHANGES, field)
    return click.option(
        f"--augment-{field.replace('_', '-')}",
        cls=Grouped,
        heading=AUGMENT,
        type=kind,
        default=usual,
        show_default=True,
        help=help,
    )


def option(name: str, heading: str, **attributes: Any) -> Decorator:
    return click.option(name, cls=Grouped, heading=heading, **attributes)


DATA, MODEL, LEARN, RUN = "Faces", "Network and loss", "Learning", "The run"


def stacked(*options: Decorator) -> Decorator:
    """Decorators, the first on top."""

    def decorate(function: Function) -> Function:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


data_options = stacked(
    option("--data", DATA, type=EXISTING, help="A folder with one sub-folder of photos per person, or crops: "
           "FILE.npy with FILE.csv. By default gallery/."),
    option("--aligned", DATA, is_flag=True, help="The pictures of the folder are 112×112 crops already."),
    option("--detector", DATA, type=NETWORK, default="auto", show_default=True,
           help="The detector that finds the faces in photos, as in facekit detect."),
    option("--cache", DATA, type=FOLDER, help="Where crops of photos are kept, if not in OUTPUT."),
    option("--validation", DATA, type=EXISTING_FILE,
           help="Labeled crops of other people, FILE.npy or FILE.zip with FILE.csv; by default some "
           "people are held out."),
    option("--teacher", DATA, type=EXISTING_FILE,
           help="An ONNX embedder with its TOML beside it, to learn from."),
    option("--bank", DATA, type=FOLDER, help="A bank of views, which --teacher or --views make."),
    option("--views", DATA, type=click.IntRange(1), default=1, show_default=True,
           help="Views of each crop in the bank."),
    setting("sampler", "every: each crop once an epoch; balanced: subjects with many pictures less often; "
            "subjects: several pictures each.", heading=DATA, choice=SAMPLERS),
    setting("power", "With balanced: n crops come in proportion to n^POWER.", heading=DATA, kind=SHARE),
    setting("per_subject", "With subjects: pictures of each subject.", heading=DATA, kind=click.IntRange(2)),
)  # fmt: skip
model_options = stacked(
    setting(
        "network",
        "The network to train; --list-networks prints them with their cost.",
        heading=MODEL,
        choice=NETWORKS,
    ),
    option(
        "--dimension",
        MODEL,
        type=click.IntRange(8),
        default=None,
        help="Numbers in a face's vector; by default what the network usually has.",
    ),
    setting("loss", "Loss function on the labels, by the name in its paper.", heading=MODEL, choice=LOSSES),
    setting(
        "margin",
        "Margin of the loss, in radians or the paper's unit; by default the paper's.",
        heading=MODEL,
        kind=numbers.FLOAT,
    ),
    setting(
        "scale",
        "Scale s by which the loss multiplies cosines; by default the paper's.",
        heading=MODEL,
        kind=numbers.FLOAT,
    ),
    setting(
        "sample",
        "Share of the people that each step compares with (partial FC), for very many people.",
        heading=MODEL,
        kind=SHARE,
    ),
    setting("label_weight", "Weight of the loss on the labels when there is a teacher.", heading=MODEL),
    setting("label_ramp", "Steps until the loss on the labels has its whole weight.", heading=MODEL),
    setting(
        "teacher_weight", "Weight of the distance between a face's vector and the teacher's.", heading=MODEL
    ),
    setting(
        "relational_weight",
        "Weight of the difference between the similarities of faces and the teacher's.",
        heading=MODEL,
    ),
    setting(
        "anchors", "Number of faces that each face is compared with for --relational-weight.", heading=MODEL
    ),
    setting(
        "temperature",
        "Softmax temperature of those similarities; lower looks at the most similar faces only.",
        heading=MODEL,
    ),
)
learning_options = stacked(
    option("--phases", LEARN, type=Phases(), default=",".join(f"{a}:{b}" for a, b in USUAL.phases),
           show_default=True, help="Size of the faces and steps, one phase after the other."),
    setting("batch", "Faces in each step, over all processes.", heading=LEARN, kind=click.IntRange(2)),
    setting("optimizer", "muon: orthogonal steps for kernels, AdamW for the rest.", heading=LEARN,
            choice=OPTIMIZERS),
    setting("rate", "Learning rate at its highest, after the warmup.", heading=LEARN),
    setting("weight_decay", "Weight decay of kernels; biases and norms are not decayed.", heading=LEARN),
    setting("warmup", "Steps in which the learning rate rises from 0.", heading=LEARN),
    setting("decay", "Share of the steps at the end in which the rate falls.", heading=LEARN, kind=SHARE),
    setting("clip", "Largest norm of the gradient; longer ones are scaled down.", heading=LEARN),
    setting("ema", "Decay of the average of the weights, which is exported.", heading=LEARN, kind=SHARE),
    setting("precision", "Number format; auto takes whichever is faster on this machine.", heading=LEARN,
            choice=PRECISIONS),
    setting("patience", "Stop after so many validations without a better one; 0 never stops.", heading=LEARN),
    setting("seed", "Random seed of weights, order of the faces and their changes.", heading=LEARN,
            kind=numbers.SEED),
)  # fmt: skip
augmentation_options = stacked(
    option(
        "--augment/--no-augment",
        AUGMENT,
        default=True,
        help="Change the faces at random while training; options below set single changes.",
    ),
    change("flip", "Probability of a mirror image."),
    change("shift", "Largest shift, as a share of the side of the face."),
    change(
        "scale",
        "Largest change of size, as a share of the side of the face.",
        kind=numbers.FloatRange(0, 1, max_open=True),
    ),
    change("rotation", "Largest rotation, in degrees.", kind=numbers.FloatRange(0, 180)),
    change("color", "Largest change of brightness, contrast and saturation, as a share."),
    change("low_resolution", "Probability of a low resolution, as of a distant face."),
    change("blur", "Probability of a blur."),
    change("jpeg", "Probability of strong JPEG compression."),
    change("gray", "Probability of a gray picture."),
    change("occlusion", "Probability of a covered part, or of dark glasses."),
    change("mask", "Probability of a mask over mouth and nose."),
    change("noise", "Probability of a sensor's noise."),
    change("dark", "Probability of little light."),
    setting(
        "shift",
        "Largest shift of a whole batch, in pixels; for the views of a bank too.",
        heading=AUGMENT,
        kind=click.IntRange(0),
    ),
    setting(
        "light",
        "Largest change of light of a whole batch, as a share; for the views of a bank too.",
        heading=AUGMENT,
        kind=SHARE,
    ),
)
run_options = stacked(
    option(
        "--output",
        RUN,
        type=FOLDER,
        default=Path("runs/1"),
        show_default=True,
        help="Folder of the run: checkpoints, metrics.csv and its curve.",
    ),
    option("--resume", RUN, is_flag=True, help="Go on with the run in that folder, with its settings."),
    option(
        "--init",
        RUN,
        type=Begun(),
        help="Begin from `shipped`, facekit's own embedder, with settings that suit it; from the weights of "
        "another run, or of an embedder that facekit export wrote.",
    ),
    option(
        "--device",
        RUN,
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto takes a GPU if there is one.",
    ),
    setting("validate_every", "Steps between two validations.", heading=RUN, kind=click.IntRange(1)),
    setting("save_every", "Seconds between two checkpoints.", heading=RUN),
    option("--list-networks", RUN, is_flag=True, help="Print the networks with their cost, and end."),
)


@click.command("train", cls=GroupedCommand, short_help=COMMANDS["train"])
@data_options
@model_options
@learning_options
@augmentation_options
@run_options
@quiet_option
@debug_option
@click.pass_context
def train(ctx: click.Context, /, list_networks: bool, **options: Any) -> None:
    """Train an embedder on your own pictures.

    A folder with a sub-folder of photos for each person is enough to begin. With --init shipped, as advised
    unless you have many thousands of people, the shipped embedder learns yours in a few minutes; a network
    that begins with nothing takes days of an ordinary computer. People are held out to see whether it gets
    better. The run is saved every few minutes and at Ctrl-C; --resume goes on with it.
    `torchrun --nproc-per-node 4 -m facekit train …` uses four GPUs. `facekit export` makes a network file of
    it.

    \b
    Examples:
      facekit train --data people/ --init shipped --output runs/mine
      facekit train --data crops.npy --loss cosface --phases 64:2000,112:8000
      facekit train --data crops.npy --teacher big.onnx --bank bank/ --views 4
      facekit train --data people/ --init embedder.onnx --rate 2e-4
      facekit train --output runs/mine --data people/ --resume
    """
    from facekit.verbs.train import network_lines, train

    console: Console = ctx.obj
    if list_networks:
        for line in network_lines():
            console.emit(line)
        return
    progress = TrainingProgress(console)
    listeners: dict[str, Any] = {"on_note": console.note, "on_row": lambda row: console.emit(line_of(row))}
    done = train(**explicit(ctx, options), **listeners, on_count=progress.count, on_pace=progress.pace)
    console.status("")
    if not done.finished:
        console.note("stopped and saved; go on with the same command and --resume")
        ctx.exit(INTERRUPTED)
    for line in done.comparison():
        console.note(line)
    console.note(f"make a network file of it with: {hints.export_run(done.output)}")


def explicit(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """The options that the user gave."""
    default = ParameterSource.DEFAULT
    return {name: options[name] for name in options if ctx.get_parameter_source(name) is not default}


def line_of(row: dict[str, float]) -> str:
    """A validation in a line: step, hours, speed, losses, rates in percent."""
    parts = [f"step {row['step']:.0f}", f"{row['hours']:.2f} h"]
    if "crops_a_second" in row:
        parts.append(f"{row['crops_a_second']:.0f} crops/s")
    for name, value in row.items():
        if name in ("labels", "distance", "relational"):
            parts.append(f"{name} {value:.3f}")
        elif name == "accuracy" or name.startswith("tar_"):
            parts.append(f"{name.replace('tar_', 'TAR@')} {100 * value:.1f} %")
    return "  ".join(parts)
