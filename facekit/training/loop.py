"""The training loop: one readable function, its settings, and the checkpoint that it goes on from."""

from __future__ import annotations

import copy
import csv
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from facekit.evaluation import metrics
from facekit.training import losses
from facekit.training.data import Batches, Faces, prepare
from facekit.training.networks import FaceResNet


@dataclass(frozen=True)
class Config:
    """Settings of a run. `phases` lists (picture side, steps); the learning rate warms up, and falls
    by a cosine over the last `decay` share of all steps (1: from the warm-up on, 0: never)."""

    network: str = "resnet18"
    dimension: int = 128
    phases: tuple[tuple[int, int], ...] = ((112, 10_000),)
    batch: int = 128
    optimizer: str = "adamw"
    rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 500
    decay: float = 1.0
    clip: float = 5.0
    ema: float = 0.9995
    margin: float = 0.5
    scale: float = 64.0
    label_weight: float = 0.1
    label_ramp: int = 5_000
    teacher_weight: float = 1.0
    relational_weight: float = 1.0
    anchors: int = 2048
    temperature: float = 0.07
    shift: int = 2
    light: float = 0.15
    precision: str = "bf16"
    seed: int = 0
    save_every: float = 300.0
    validate_every: int = 2_000

    @property
    def steps(self) -> int:
        return sum(steps for _, steps in self.phases)

    @property
    def sides(self) -> dict[int, int]:
        """First step of each phase → picture side."""
        starts, step = {}, 0
        for side, steps in self.phases:
            starts[step] = side
            step += steps
        return starts

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        begin = max(self.warmup, round(self.steps * (1 - self.decay)))
        if self.decay == 0 or step < begin:
            return self.rate * warm
        return self.rate * warm * 0.5 * (1 + math.cos(math.pi * (step - begin) / max(1, self.steps - begin)))


@dataclass
class Run:
    """Everything that changes while training: saved whole, so that a resumed run is bit-equal."""

    network: FaceResNet
    averaged: FaceResNet
    head: losses.ArcFace | None
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def tensors(self) -> dict[str, Tensor]:
        found = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        found |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        if self.head is not None:
            found |= {f"head.{name}": value for name, value in self.head.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        return {name: value.contiguous() for name, value in found.items()}

    def save(self, path: Path, config: Config) -> None:
        """Write atomically: a reader sees the old file or the new one, never a part."""
        facts = {"step": self.step, "best": self.best, "seconds": self.seconds, "history": self.history}
        notes = {"config": json.dumps(asdict(config)), "run": json.dumps(facts)}
        part = path.with_suffix(".part")
        save_file(self.tensors(), part, metadata=notes)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same configuration."""
        tensors = load_file(path)
        self.network.load_state_dict(_under("network.", tensors))
        self.averaged.load_state_dict(_under("averaged.", tensors))
        if self.head is not None:
            self.head.load_state_dict(_under("head.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = value
        wanted = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": state, "param_groups": wanted["param_groups"]})
        facts = json.loads(read_notes(path)["run"])
        self.step, self.best, self.seconds = facts["step"], facts["best"], facts["seconds"]
        self.history = facts["history"]


def read_notes(path: Path) -> dict[str, str]:
    """The text that stands beside the tensors of a checkpoint."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        notes: dict[str, str] = json.loads(file.read(size))["__metadata__"]
    return notes


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def start(config: Config, data: Faces) -> Run:
    """A fresh run: seeded weights, class centres at the teacher's means where dimensions agree."""
    torch.manual_seed(config.seed)
    network = FaceResNet(dimension=config.dimension).to(memory_format=torch.channels_last)
    head = None
    if data.classes and config.label_weight:
        head = losses.ArcFace(config.dimension, data.classes, scale=config.scale, margin=config.margin)
        if data.teacher is not None and data.teacher.shape[1] == config.dimension:
            with torch.no_grad():
                head.weight.copy_(torch.from_numpy(class_means(data)))
    parameters = list(network.parameters()) + (list(head.parameters()) if head else [])
    decayed = [value for value in parameters if value.ndim > 1]
    plain = [value for value in parameters if value.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(groups, config.rate, momentum=0.9, nesterov=True)
    else:
        optimizer = torch.optim.AdamW(groups, config.rate, betas=(0.9, 0.98))
    averaged = copy.deepcopy(network).requires_grad_(False)
    return Run(network, averaged, head, optimizer)


def class_means(data: Faces) -> NDArray[np.float32]:
    """Mean teacher vector of each class over the plain crops, scaled to length 1."""
    assert data.teacher is not None
    known = data.labels >= 0
    sums = np.zeros((data.classes, data.teacher.shape[1]), np.float32)
    np.add.at(sums, data.labels[known], data.teacher[: len(known)][known].astype(np.float32))
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def train(
    run: Run,
    config: Config,
    data: Faces,
    out: Path,
    *,
    validation: Faces | None = None,
    report: Callable[[dict[str, float]], None] = lambda row: None,
) -> None:
    """Train until `config.steps`; Ctrl-C and SIGTERM save and stop after the current step."""
    out.mkdir(parents=True, exist_ok=True)
    batches = Batches(data, config.batch, config.seed, anchors=config.anchors, shift=config.shift, light=config.light)
    saved, since, seen = time.monotonic(), time.monotonic(), 0
    sums: dict[str, float] = {}
    with stopping() as asked:
        for batch in batches.stream(run.step, config.steps, config.sides):
            for group in run.optimizer.param_groups:
                group["lr"] = config.rate_at(run.step)
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                vectors = run.network(batch.faces)
            terms: dict[str, Tensor] = {}
            if batch.teacher is not None:
                terms["distance"] = config.teacher_weight * losses.embedding_distance(vectors, batch.teacher)
                if config.relational_weight and batch.anchors is not None:
                    terms["relational"] = config.relational_weight * losses.relational(
                        vectors, batch.teacher, batch.anchors, temperature=config.temperature
                    )
            known = batch.labels >= 0
            if run.head is not None and bool(known.any()):
                ramp = min(1.0, run.step / max(1, config.label_ramp))
                terms["arcface"] = config.label_weight * ramp * run.head(vectors[known], batch.labels[known])
            loss = torch.stack(list(terms.values())).sum()
            run.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(run.network.parameters(), config.clip)
            run.optimizer.step()
            run.step += 1
            follow(run.averaged, run.network, min(config.ema, (1 + run.step) / (10 + run.step)))

            seen += len(batch.labels)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            ends = run.step == config.steps or asked()
            if run.step % config.validate_every == 0 or ends:
                spent = time.monotonic() - since
                count = max(1, seen // config.batch)
                row: dict[str, float] = {"step": run.step, "rate": config.rate_at(run.step), "crops_a_second": seen / spent}
                row |= {name: value / count for name, value in sums.items()}
                run.seconds += spent
                row["hours"] = run.seconds / 3600
                if validation is not None:
                    row |= validate(run.averaged, validation, side=config.sides[max(s for s in config.sides if s < run.step)])
                    if row["tar_1e-4"] > run.best:
                        run.best = row["tar_1e-4"]
                        run.save(out / "best.safetensors", config)
                run.history.append(row)
                write_metrics(out / "metrics.csv", run.history)
                report(row)
                sums, seen, since = {}, 0, time.monotonic()
            if ends or time.monotonic() - saved > config.save_every:
                run.save(out / "last.safetensors", config)
                saved = time.monotonic()
            if ends:
                break


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of parameters and of batch-norm statistics."""
    ours, theirs = list(averaged.state_dict().values()), list(network.state_dict().values())
    floats = [number for number, value in enumerate(ours) if value.is_floating_point()]
    torch._foreach_lerp_([ours[number] for number in floats], [theirs[number] for number in floats], 1 - decay)


@torch.no_grad()
def embed(network: nn.Module, crops: NDArray[np.uint8], *, side: int, batch: int = 128, flip: bool = False) -> NDArray[np.float32]:
    """Unit vectors (n, d) of uint8 crops (n, h, w, 3)."""
    network.eval()
    found = []
    for first in range(0, len(crops), batch):
        faces = prepare(torch.from_numpy(np.array(crops[first : first + batch])).permute(0, 3, 1, 2), side)
        vectors = network(faces)
        if flip:
            vectors = torch.nn.functional.normalize(vectors) + torch.nn.functional.normalize(network(faces.flip(3)))
        found.append(torch.nn.functional.normalize(vectors.float()).numpy())
    return np.concatenate(found)


def validate(network: nn.Module, faces: Faces, *, side: int) -> dict[str, float]:
    """TAR over all pairs of the validation faces."""
    with torch.autocast("cpu", torch.bfloat16):
        vectors = embed(network, faces.crops, side=side)
    mated, non_mated = metrics.split_scores(vectors, faces.labels, faces.families)
    return {f"tar_{fmr:.0e}".replace("e-0", "e-"): metrics.tar_at_fmr(mated, non_mated, fmr) for fmr in (1e-3, 1e-4, 1e-5)}


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """While inside, Ctrl-C and SIGTERM only set the flag that the yielded function reads."""
    flag = []
    old = {number: signal.signal(number, lambda *_: flag.append(True)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(flag)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def write_metrics(path: Path, history: list[dict[str, Any]]) -> None:
    """All rows of the run as CSV."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(history)
