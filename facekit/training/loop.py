"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from facekit.errors import FacekitError
from facekit.evaluation import metrics
from facekit.training import checkpoint, distillation, sampling
from facekit.training.batches import Batch, Batches
from facekit.training.config import Config
from facekit.training.data import Faces
from facekit.training.journal import Journal, Row
from facekit.training.run import Run
from facekit.training.team import ALONE, Team
from facekit.training.validation import Stopped, validate


class TrainingError(FacekitError):
    """The loss is no number any more."""


def train(
    run: Run,
    config: Config,
    data: Faces,
    out: Path,
    *,
    validation: Faces | None = None,
    team: Team = ALONE,
    report: Callable[[Row], None] = lambda row: None,
    tick: Callable[[int], None] = lambda step: None,
    judging: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Train until `config.steps`, or until validation has not improved for `config.patience` times.

    Ctrl-C and SIGTERM save and stop after the current step, or in the middle of a validation: one that was
    due is made up when the run goes on. In `out`: last.safetensors, from which a run goes on;
    best.safetensors, the best at validation; trunk.safetensors, from where the rate begins to fall: as the
    last one of another folder, a longer run goes on from it with --resume as if it had not fallen; and what
    Journal writes. `report` gets a row a validation, `tick` every step, `judging` how many faces of a
    validation are done. A run that began from other weights is validated before its first step: what it began
    with is the best until something is as good. Returns whether it was let finish: False after a signal.
    Raises TrainingError when the loss is not finite; the checkpoints are then still good.
    """
    batches = batches_of(config, data, team)
    run.to(team.device)
    network = team.wrap(run.network)
    owed = validation is not None and owes(run, config)
    journal = Journal(out, run.history[:-1] if owed else run.history) if team.leads else None
    meter, saved, interrupted, last = Meter(), time.monotonic(), False, config.steps
    with stopping() as asked:
        # What it begins with is what it must not fall behind.
        if journal is not None and validation is not None and run.begun and not run.history and not run.step:
            run.history.append({"step": 0.0, "hours": 0.0, "rate": 0.0})
            if judge(run, config, validation, out, asked, judging):
                journal.add(run.history[-1])
                report(run.history[-1])
            else:
                run.history.clear()
        # First the validation that the run was stopped before.
        if owed:
            if journal is not None and validation is not None:
                interrupted = not judge(run, config, validation, out, asked, judging)
                journal.add(run.history[-1])
                report(run.history[-1])
                if not interrupted:
                    run.save(out / checkpoint.LAST, config)
            interrupted = team.any(interrupted)
            last = run.step if interrupted or team.any(exhausted(run, config)) else last
        on_cpu = team.device.type == "cpu"
        for batch in batches.stream(run.step, last, config.sides, beside=on_cpu):
            batch = batch.to(team.device)
            for group in run.optimizer.param_groups:
                group["lr"] = config.rate_at(run.step)

            # Vectors of this process's share, then the loss of the whole batch.
            network.train()
            with torch.autocast(team.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
                vectors = network(batch.faces)
            vectors, batch = team.gather(vectors, batch)
            terms = objective(run, config, vectors, batch)
            loss = torch.stack(list(terms.values())).sum()

            # One step down, unless there is no such direction.
            run.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            length = nn.utils.clip_grad_norm_(run.network.parameters(), config.clip)
            # One question to the device, for a GPU stands still meanwhile.
            if not math.isfinite(float(loss.detach() + length)):
                raise TrainingError(no_number(run, terms, out))
            run.optimizer.step()
            run.step += 1
            follow(run.averaged, run.network, min(config.ema, (1 + run.step) / (10 + run.step)))
            meter.add(len(batch.labels), terms)
            tick(run.step)

            # Validate, keep the best, and save now and then; one process does it, all hear whether to stop.
            interrupted = run.step < config.steps and team.any(asked())
            ends = run.step == config.steps or interrupted
            if due(run.step, config) or ends:
                run.seconds += meter.passed()
                row = {
                    "step": float(run.step),
                    "hours": run.seconds / 3600,
                    "rate": config.rate_at(run.step - 1),
                }
                row |= meter.row()
                if journal is not None:
                    run.history.append(row)
                    # Who sends a signal may not wait for long. A kill during a validation costs nothing
                    # either: it is made up from what was saved before.
                    if validation is not None and not interrupted:
                        run.save(out / checkpoint.LAST, config)
                        interrupted = not judge(run, config, validation, out, asked, judging)
                    journal.add(row)
                    report(row)
                interrupted = team.any(interrupted)
                ends = ends or interrupted or team.any(exhausted(run, config))
                meter = Meter()
            falls = 0 < config.decay < 1 and run.step == config.falls_from
            if journal is not None and (ends or falls or time.monotonic() - saved > config.save_every):
                run.seconds += meter.passed()
                run.save(out / checkpoint.LAST, config)
                saved = time.monotonic()
                if falls:
                    run.save(out / checkpoint.TRUNK, config)
            if ends:
                break
    if journal is not None:
        journal.close()
    return not interrupted


def batches_of(config: Config, data: Faces, team: Team) -> Batches:
    """The batches that the settings describe. Mirror images come from here, not from the augmentation; the
    views of a bank have been augmented already."""
    sampler = sampling.create(
        config.sampler,
        data.rows,
        data.labels,
        size=config.batch,
        seed=config.seed,
        power=config.power,
        per_subject=config.per_subject,
    )
    changes = config.augmentation
    online = replace(changes, flip=0.0) if changes is not None and data.views == 1 else None
    return Batches(
        data,
        sampler,
        config.batch,
        config.seed,
        augmentation=online,
        anchors=config.anchors if data.teacher is not None and config.relational_weight else 0,
        flip=changes.flip if changes is not None else 0.5,
        shift=config.shift,
        light=config.light,
        rank=team.rank,
        world=team.world,
        device=team.device,
    )


def objective(run: Run, config: Config, vectors: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The terms of the loss by name, each with its weight."""
    terms: dict[str, Tensor] = {}
    if batch.teacher is not None:
        seen = vectors if run.bridge is None else run.bridge(vectors.float())
        terms["distance"] = config.teacher_weight * distillation.embedding_distance(seen, batch.teacher)
        if batch.anchors is not None:
            terms["relational"] = config.relational_weight * distillation.relational(
                seen, batch.teacher, batch.anchors, temperature=config.temperature
            )
    known = batch.labels >= 0
    if run.head is not None and bool(known.any()):
        weight = config.label_weight_at(run.step, distilled=batch.teacher is not None)
        terms["labels"] = weight * run.head(vectors[known], batch.labels[known], step=run.step)
    # A batch without a label or a teacher teaches nothing.
    return terms or {"labels": 0.0 * vectors.float().sum()}


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of parameters and of batch-norm statistics."""
    ours, theirs = list(averaged.state_dict().values()), list(network.state_dict().values())
    floats = [number for number, value in enumerate(ours) if value.is_floating_point()]
    torch._foreach_lerp_(
        [ours[number] for number in floats], [theirs[number] for number in floats], 1 - decay
    )


def due(step: int, config: Config) -> bool:
    """Whether a validation comes after `step` steps."""
    return step == config.steps or step % config.validate_every == 0


def owes(run: Run, config: Config) -> bool:
    """Whether the run was stopped between a step and the validation that comes after it."""
    row = run.history[-1] if run.history else {}
    return row.get("step") == run.step and due(run.step, config) and "accuracy" not in row


def start_of(run: Run) -> Row | None:
    """The row of the validation before the first step, of a run that began from other weights."""
    return run.history[0] if run.history and run.history[0]["step"] == 0 else None


def exhausted(run: Run, config: Config) -> bool:
    return 0 < config.patience <= run.stale


def judge(
    run: Run,
    config: Config,
    validation: Faces,
    out: Path,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> bool:
    """Put error rates of the averaged network in the last row; the checkpoint is kept if they are the best
    so far. Rates on faces of another size are not compared. Returns whether `stop` let it finish."""
    side = config.side_at(max(0, run.step - 1))
    try:
        rates = validate(
            run.averaged, validation, side=side, precision=config.precision, stop=stop, report=report
        )
    except Stopped:
        return False
    if run.side not in (0, side):
        run.best, run.stale = -1.0, 0
    run.side = side
    run.history[-1] |= rates
    rate = rates[metrics.headline(rates)]
    run.stale += 1
    # What learned some more people, and is as good for others, is the better one.
    if rate > run.best or (rate == run.best and start_of(run) is not None):
        run.best, run.stale = rate, 0
        run.save(out / checkpoint.BEST, config)
    return True


def no_number(run: Run, terms: dict[str, Tensor], out: Path) -> str:
    values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
    saved = next((name for name in (checkpoint.LAST, checkpoint.BEST) if (out / name).exists()), None)
    rest = f"; {out / saved} is the last good state" if saved else ""
    advice = "lower --rate, or use --precision float32"
    return f"the loss is not a number at step {run.step} ({values}): {advice}{rest}"


@dataclass
class Meter:
    """Means of the terms and speed since it was made."""

    since: float = field(default_factory=time.monotonic)
    crops: int = 0
    steps: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)
    lap_began: float = 0.0

    def add(self, crops: int, terms: dict[str, Tensor]) -> None:
        self.crops += crops
        self.steps += 1
        for name, value in terms.items():
            # Left where it is: to ask for a number now would wait for the GPU.
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().double()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    def passed(self) -> float:
        """Seconds since it was last asked, or made."""
        before, self.lap_began = self.lap_began, self.seconds
        return self.lap_began - before

    def row(self) -> Row:
        means = {name: float(value) / self.steps for name, value in self.sums.items()}
        return {"crops_a_second": self.crops / max(self.seconds, 1e-9), **means}


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """While inside, Ctrl-C and SIGTERM only set the flag that the yielded function reads."""
    flag: list[bool] = []
    old = {
        number: signal.signal(number, lambda *_: flag.append(True))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(flag)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
