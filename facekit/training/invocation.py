"""One call of `facekit train`: from the files named to the finished run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit import extras, settings
from facekit.errors import DependencyError, UsageError
from facekit.files import outputs
from facekit.models import weights
from facekit.training import manifest
from facekit.training.config import PAIR_LOSSES, UNCHANGED, Augmentation, Config
from facekit.training.journal import Row, claimed, require_room
from facekit.training.pace import Pace

if TYPE_CHECKING:
    from facekit.models.weights import EmbedderSpec
    from facekit.training.bank import Teacher
    from facekit.training.data import Faces
    from facekit.training.run_inputs import Inputs
    from facekit.training.team import Team

DEFAULT_DATA = Path("gallery")
SHIPPED = Path("shipped")
"""Stands for the embedder that ships with facekit."""
ABOVE_ZERO = ("rate", "clip", "scale", "sample", "temperature")
ZERO_OR_MORE = (
    "anchors", "label_ramp", "label_weight", "light", "patience", "relational_weight", "seed", "shift",
    "teacher_weight", "warmup", "weight_decay",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What to train on, and where to. `data` None means `gallery/`; `views` above 1 makes a bank."""

    out: Path
    data: Path | None = None
    aligned: bool = False
    detector: str = "auto"
    cache: Path | None = None
    validation: Path | None = None
    teacher: Path | None = None
    bank: Path | None = None
    views: int = 1
    init: Path | None = None
    resume: bool = False
    device: str = "auto"


@dataclass(frozen=True)
class Listener:
    """Who is told: a line of text, a row a validation, progress as done, total and what is counted, and after
    each step how fast it goes."""

    note: Callable[[str], None] = lambda text: None
    report: Callable[[Row], None] = lambda row: None
    progress: Callable[[int, int, str], None] = lambda done, total, what: None
    pace: Callable[[Pace], None] = lambda pace: None


def settings_of(request: Request, chosen: dict[str, Any]) -> Config:
    """The settings of a resumed run, or the usual ones; `chosen` names those that were asked for. Its
    `augmentation` may name some fields of one, the others then stay."""
    from facekit.training import checkpoint, networks

    if request.resume:
        saved = Config.from_dict(checkpoint.read(request.out / checkpoint.LAST).config)
        if chosen.get("optimizer", saved.optimizer) != saved.optimizer:
            raise UsageError(
                f"{request.out}: learns with {saved.optimizer}; another optimizer begins another run: --init"
            )
        return _changed(saved, chosen)
    config = _changed(Config(augmentation=Augmentation()), chosen)
    if request.init == SHIPPED:
        usual = fine_tuning(weights.shipped_embedder())
        return _changed(replace(config, **usual), chosen)
    if "dimension" not in chosen:
        config = replace(config, dimension=networks.NETWORKS[config.network].dimension)
    if "sampler" not in chosen and config.loss in PAIR_LOSSES:
        config = replace(config, sampler="subjects")
    return config


def fine_tuning(spec: EmbedderSpec) -> dict[str, Any]:
    """Settings with which a network that is good already learns some more people: so few steps, and so small
    ones, that a handful of people teaches it something and spoils nothing. It goes on being taught by what it
    was, and its classes begin at the means of their vectors."""
    return {
        "network": weights.read_manifest()["embedder"]["training"]["network"],
        "dimension": spec.dimension,
        "phases": ((spec.side, 100),),
        "batch": 32,
        "rate": 2e-5,
        "warmup": 10,
        "ema": 0.98,
        "label_weight": 0.1,
        "label_ramp": 1,
        "relational_weight": 0.0,
        # The teacher's vector is that of the plain crop: a face that is hard to see would be pulled to it.
        "augmentation": None,
        "shift": 1,
        "light": 0.1,
        "validate_every": 25,
    }


def _with_shipped(request: Request) -> Request:
    """The request with the file of the shipped embedder in the place of its name; a run that begins from it
    has it for a teacher, too, unless another is given."""
    if SHIPPED not in (request.init, request.teacher):
        return request
    path = weights.shipped_embedder().path
    teacher = path if request.teacher == SHIPPED else request.teacher
    if request.init == SHIPPED and teacher is None and request.bank is None:
        teacher = path
    return replace(request, init=path if request.init == SHIPPED else request.init, teacher=teacher)


def _changed(config: Config, chosen: dict[str, Any]) -> Config:
    changes = chosen.get("augmentation")
    if isinstance(changes, Mapping):
        before = config.augmentation or replace(UNCHANGED, flip=0.5)
        chosen = {**chosen, "augmentation": replace(before, **changes)}
    return replace(config, **chosen)


def train(request: Request, chosen: dict[str, Any], listener: Listener | None = None) -> bool:
    """Read the faces, then start or go on with the run in `request.out`; `chosen` are fields of Config.

    Returns whether the run was let finish: False after Ctrl-C or SIGTERM.
    """
    require_packages()
    from facekit.training.team import joined

    listener = listener or Listener()
    for folder in (request.out, request.bank, request.cache):
        if folder is not None:
            outputs.require_apart(folder, _inputs(request))
    # The folder is taken before the run in it is looked at, which another training could still change.
    with joined(request.device) as team, claimed(request.out) if team.leads else nullcontext():
        return _train(request, chosen, team, listener if team.leads else Listener())


def _train(request: Request, chosen: dict[str, Any], team: Team, listener: Listener) -> bool:
    from facekit.training import checkpoint, loop, precision, run, run_inputs

    last = request.out / checkpoint.LAST
    config = settings_of(request, chosen)
    request = _with_shipped(request)
    before = checkpoint.read(last).facts if request.resume else {}
    check(request, config, before)
    if config.batch % team.world:
        raise UsageError(f"a batch of {config.batch} cannot be shared by {team.world} processes")
    given = run_inputs.read(request, config, team.device, listener.note)
    data, validation = _faces(request, config, given, team, listener)
    if config.precision == "auto":
        listener.note("trying which numbers this machine computes fast with")
        config = replace(config, precision=precision.faster(team))
        listener.note(f"computing in {config.precision}, the faster here")
    state = run.start(config, data)
    state.notes = _notes(data, validation)
    if request.init is not None and not request.resume:
        # Before the network moves: crops run through it here.
        state.load_weights(request.init, data)
    state.to(team.device)
    if request.resume:
        state.notes = _going_on(last, before, state.notes)
        state.load(last)
        listener.note(f"going on at step {state.step} of {config.steps}")
    pace = Pace(config)

    def tick(step: int) -> None:
        pace.tick(step)
        listener.pace(pace)

    listener.note(f"{config.steps - state.step} steps of {config.batch} faces")
    return loop.train(
        state,
        config,
        data,
        request.out,
        validation=validation,
        team=team,
        report=listener.report,
        tick=tick,
        judging=lambda done, total: listener.progress(done, total, "faces validated"),
    )


def require_packages() -> None:
    missing = [name for name in ("torch", "torchvision", "safetensors") if not settings.has_package(name)]
    if missing:
        raise DependencyError(f"training needs {', '.join(missing)}: {extras.install('train')}")


def use_threads(count: int) -> None:
    """Let PyTorch compute in so many threads."""
    import torch

    torch.set_num_threads(count)


def check(request: Request, config: Config, before: Mapping[str, Any]) -> None:
    """Refuse what does not go together before any picture is read; `before` are the facts of the run that
    goes on."""
    from facekit.training import checkpoint, sampling

    last = request.out / checkpoint.LAST
    if not request.resume and last.exists():
        raise UsageError(
            f"{request.out}: holds a run already; --resume goes on with it, or name another folder"
        )
    if not request.resume:
        require_room(request.out, (checkpoint.BEST, checkpoint.TRUNK), _inputs(request))
    taught = before.get("teacher") or any("distance" in row for row in before.get("history", ()))
    if taught and request.teacher is None and request.bank is None:
        raise UsageError(f"{last}: learned from a teacher; give the same --teacher, or its --bank")
    if request.views > 1 and request.bank is None and request.teacher is None:
        raise UsageError("--views makes a bank: say where with --bank")
    if not config.phases or any(side < 32 or steps < 1 for side, steps in config.phases):
        raise UsageError("a phase is SIDE:STEPS, with a side of 32 pixels or more and one step or more")
    if config.loss in PAIR_LOSSES and config.sampler != "subjects":
        raise UsageError(f"{config.loss} compares pictures of a person: it needs --sampler subjects")
    if config.sampler == "subjects":
        sampling.require_room(config.batch, config.per_subject)
    without = {"softmax": ("margin", "scale"), **dict.fromkeys(PAIR_LOSSES, ("scale", "sample"))}
    for name in without.get(config.loss, ()):
        if getattr(config, name) != getattr(Config(), name):
            raise UsageError(f"--{name} is nothing that {config.loss} has")
    _check_numbers(config)


def _inputs(request: Request) -> list[Path]:
    read = [request.data or DEFAULT_DATA, request.validation, request.teacher, request.init]
    return [path for path in read if path is not None]


def _check_numbers(config: Config) -> None:
    values = config.to_dict()
    changes = values.pop("augmentation") or {}
    values |= {f"augment_{name}": value for name, value in changes.items()}
    for name, value in values.items():
        if not isinstance(value, (int, float)):
            continue
        option = f"--{name.replace('_', '-')}"
        if math.isnan(value):
            raise UsageError(f"{option} must be a number")
        if name in ABOVE_ZERO and value <= 0:
            raise UsageError(f"{option} must be above 0, not {value:g}")
        if name in ZERO_OR_MORE and value < 0:
            raise UsageError(f"{option} must be 0 or more, not {value:g}")


def _faces(
    request: Request, config: Config, given: Inputs, team: Team, listener: Listener
) -> tuple[Any, Any]:
    """Faces to train on and to validate on. One process reads photos and asks the teacher; the others wait,
    and find it done."""
    import torch.distributed as dist

    if team.world > 1 and not team.leads:
        dist.barrier()
    faces = _read(request, listener)
    if request.teacher is not None or request.bank is not None:
        faces = _taught(request, config, faces, given.teacher, team, listener)
    if team.world > 1 and team.leads:
        dist.barrier()
    return _split(request, config, faces, given.validation, listener)


def _split(
    request: Request, config: Config, faces: Any, validation: Faces | None, listener: Listener
) -> tuple[Any, Any]:
    from facekit.training import data

    if faces.teacher is None:
        # Without a teacher nothing can be learned from a face without a name.
        faces = replace(faces, use=np.flatnonzero(faces.labels >= 0))
    if validation is None:
        share = 0.2 if request.init is not None else 0.05
        faces, validation = data.hold_out(faces, share=share, seed=config.seed)
    judges = "none to validate: too few people to hold any out, see --validation"
    if validation is not None:
        judges = f"{len(validation.labels)} faces of {validation.classes} others to validate"
    listener.note(
        f"{len(faces.rows)} faces to train on, {int((faces.labels[faces.rows] >= 0).sum())} of them of "
        f"{faces.classes} subjects; {judges}"
    )
    return faces, validation


def _read(request: Request, listener: Listener) -> Any:
    from facekit.training import data, photos

    folder = request.data or DEFAULT_DATA
    if request.data is None and len(photos.subjects(folder)) < 2:
        raise UsageError(
            f"{folder}/ holds no photos of two people: give --data FOLDER with a sub-folder of photos for "
            "each person, or --data FILE.npy, crops with a table FILE.csv beside it (column subject)"
        )
    if not folder.is_dir():
        return data.read_array(folder)
    cache = request.cache or request.out / "crops"
    read = photos.read_folder(
        folder,
        aligner=None if request.aligned else photos.PipelineAligner(request.detector),
        cache=cache,
        report=lambda done, total: listener.progress(done, total, "pictures"),
    )
    for remark in read.remarks:
        listener.note(remark)
    for problem in read.problems:
        listener.note(f"left out: {problem}")
    return read.faces


def _taught(
    request: Request, config: Config, faces: Any, teacher: Teacher | None, team: Team, listener: Listener
) -> Any:
    """The faces with a bank of views, made first where it is not there yet."""
    from facekit.training import bank

    folder = request.bank or request.out / "bank"
    if request.teacher is not None or request.views > 1:
        bank.build(
            faces.crops,
            folder,
            views=request.views,
            teacher=teacher,
            augmentation=config.augmentation or Augmentation(),
            seed=config.seed,
            device=team.device,
            report=lambda done, total: listener.progress(done, total, "views"),
        )
    return bank.read(faces, folder, note=listener.note)


def _notes(data: Any, validation: Any) -> dict[str, Any]:
    """What the checkpoints of this run say of where it comes from; the dimension of a teacher, 0: none."""
    return {
        "command": manifest.command(),
        "commit": manifest.commit(),
        "teacher": 0 if data.teacher is None else int(data.teacher.shape[1]),
        "data": _digest(data),
        "validation": _digest(validation),
    }


def _going_on(last: Path, before: Mapping[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The notes of a resumed run: those of its start, and the commands since. UsageError where it would go on
    with other faces or another teacher; a checkpoint of an older facekit may not say all of it."""
    if before.get("teacher", now["teacher"]) != now["teacher"]:
        raise UsageError(
            f"{last}: had a teacher of {before['teacher']} dimensions (0: none), not of {now['teacher']}; "
            "give the same --teacher, or begin another run from its weights with --init"
        )
    if before.get("data", now["data"]) != now["data"]:
        raise UsageError(f"{last}: was trained on other faces; give the same --data and --validation")
    if before.get("validation", now["validation"]) != now["validation"]:
        raise UsageError(f"{last}: was validated on other faces; give the same --validation")
    first = {name: before.get(name, "") for name in ("command", "commit")}
    return {**now, **first, "resumed": [*before.get("resumed", ()), now["command"]]}


def _digest(faces: Any) -> str:
    """Tells whether a run goes on with the faces it began with: who is on them, and some of the crops. Empty
    where there are none."""
    from facekit.training import bank

    if faces is None:
        return ""
    parts = (faces.labels.tobytes(), faces.families.tobytes(), faces.rows.tobytes())
    return hashlib.sha256(b"|".join((*parts, bank.digest(faces.crops).encode()))).hexdigest()
