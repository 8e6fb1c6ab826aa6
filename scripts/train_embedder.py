"""Train the embedder on a GPU within a given time, and go on with it on a CPU.

    python scripts/train_embedder.py FACES.npy --bank BANK --teacher TEACHER.onnx --validation FACES-VAL.zip \
        --init RUN --seconds 600 --output first
    python scripts/train_embedder.py FACES.npy --bank BANK --validation FACES-VAL.zip \
        --init first --steps 1400 --batch 96 --rate 4e-4 --ema 0.997 --plain 0.5 --output second

`facekit train` counts steps; where a GPU is lent by the minute, time is what there is: here the learning rate
falls with the clock, and the whole of the last second is used. What else differs: all crops and their vectors
(BANK, as `facekit train --bank` makes it) lie on the device; with a teacher, some seconds before the training
are spent on morphs, two faces in one picture, with what the teacher makes of each (after Beyer et al. 2022,
"Knowledge distillation: a good teacher is patient and consistent"); every view is drawn anew, spoiled in one
of several ways or not, and always learned with the vector of the crop as it was, so that the network sees
through a mask what the teacher sees without one. Labels are not used.

The first weights may be of a narrower network: they are put into the first channels of each layer, and what
the old outputs read of the new channels is 0, so that nothing is lost at the start (after Chen et al. 2016,
"Net2Net"). Writes a checkpoint that `facekit export` reads, at each validation and at the end; a run goes on
from it with --init.
"""

from __future__ import annotations

import argparse
import copy
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facekit.models.weights import user_embedder
from facekit.training import augment, bank, checkpoint, distillation, networks, teacher, validation
from facekit.training.batches import prepare
from facekit.training.checkpoint import Checkpoint
from facekit.training.config import UNCHANGED, Config
from facekit.training.data import Faces, read_array, read_validation
from facekit.training.loop import follow
from facekit.training.precision import faster
from facekit.training.run import optimizer_of
from facekit.training.team import ALONE

NETWORK = "resnet18"
LIT = replace(UNCHANGED, flip=0.5, shift=0.03, scale=0.08, rotation=9.0, color=0.25)
"""What every view gets."""
SPOILED = replace(
    LIT,
    low_resolution=0.06,
    blur=0.03,
    noise=0.02,
    dark=0.02,
    gray=0.02,
    mask=0.09,
    occlusion=0.03,
    jpeg=0.06,
)
"""What the views get that are not plain."""
PART = 4096
NEAREST = 64
"""Half of the morphs are of a face and one of so many that the teacher finds most alike."""
WARMUP = 100


@dataclass(frozen=True)
class Plan:
    """How long, and how: `seconds` of training or, where 0, `steps`."""

    seconds: float = 0.0
    steps: int = 0
    batch: int = 1024
    rate: float = 4e-3
    ema: float = 0.998
    plain: float = 0.0
    morphs: float = 0.35
    anchors: int = 2048
    dimension: int = 256
    seed: int = 11

    def passed(self, step: int, seconds: float) -> float:
        """The share of the run that is over, 0 … 1."""
        return min(1.0, seconds / self.seconds if self.seconds else step / max(1, self.steps))

    def rate_at(self, step: int, passed: float) -> float:
        return self.rate * min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * passed))


def widened(old: Mapping[str, Tensor], network: nn.Module) -> None:
    """Begin with the weights of a network of the same shape with as many or fewer channels."""
    state = network.state_dict()
    for name, value in state.items():
        before = old[name].to(value.dtype)
        if value.ndim in (2, 4) and not name.startswith("pool."):
            # What old outputs read of new inputs is nothing.
            value[: len(before)] = 0
            value[: len(before), : before.shape[1]] = before
        elif value.ndim:
            value[: len(before)] = before
        else:
            value.copy_(before)
    network.load_state_dict(state)


@dataclass
class Known:
    """Crops uint8 (n, 112, 112, 3) with the teacher's unit vectors (n, d); the first `real` are no morphs."""

    crops: Tensor
    vectors: Tensor
    real: int

    def rows(self, count: int, morphs: float, random: np.random.Generator) -> Tensor:
        mixed = random.random(count) < (morphs if len(self.crops) > self.real else 0.0)
        drawn = np.where(
            mixed,
            random.integers(self.real, max(len(self.crops), self.real + 1), count),
            random.integers(0, self.real, count),
        )
        return torch.from_numpy(drawn).to(self.crops.device)


def known(faces: Faces, device: torch.device) -> Known:
    assert faces.teacher is not None
    crops = torch.empty(faces.crops.shape, dtype=torch.uint8, device=device)
    for first in range(0, len(crops), PART):
        part = np.array(faces.crops[first : first + PART])
        crops[first : first + len(part)] = torch.from_numpy(part).to(device)
    return Known(crops, torch.from_numpy(np.array(faces.teacher)).to(device), len(crops))


def with_morphs(of: Known, learned: bank.Teacher, seconds: float, random: np.random.Generator) -> Known:
    """As many morphs as the teacher sees in that time. One of two faces may be mirrored; how much each counts
    is drawn between 0.3 and 0.7."""
    crops, vectors, end = [of.crops], [of.vectors], time.monotonic() + seconds
    device, real = of.crops.device, of.vectors[: of.real]
    while time.monotonic() < end:
        first, second = (torch.from_numpy(random.integers(0, of.real, PART)).to(device) for _ in range(2))
        alike = (real[first[: PART // 2]] @ real.T).topk(min(NEAREST, of.real), dim=1).indices
        place = torch.from_numpy(random.integers(0, alike.shape[1], (PART // 2, 1))).to(device)
        second[: PART // 2] = alike.gather(1, place)[:, 0]
        share = torch.from_numpy(random.uniform(0.3, 0.7, (PART, 1, 1, 1)).astype(np.float32)).to(device)
        mirrored = torch.from_numpy(random.random((PART, 1, 1, 1)) < 0.5).to(device)
        other = of.crops[second].float()
        other = torch.where(mirrored, other.flip(2), other)
        morphs = (of.crops[first] * share + other * (1 - share)).round().to(torch.uint8)
        both = [bank.unit(learned(pixels.cpu().numpy())) for pixels in (morphs, morphs.flip(2))]
        crops.append(morphs)
        vectors.append(torch.from_numpy(bank.unit(both[0] + both[1])).to(vectors[0]))
    return Known(torch.cat(crops), torch.cat(vectors), of.real)


def views(crops: Tensor, plain: float, random: np.random.Generator) -> Tensor:
    """Float (n, 3, side, side) in −1 … 1; half of them mirrored, and but for the share `plain` spoiled."""
    pixels = crops.permute(0, 3, 1, 2)
    mirrored = torch.from_numpy(random.random(len(pixels)) < LIT.flip).to(pixels.device)
    pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
    whole = round(plain * len(pixels))
    parts = [(pixels[:whole], LIT), (pixels[whole:], SPOILED)]
    made = torch.cat([augment.augment(part, changes, random) for part, changes in parts if len(part)])
    return prepare(made, int(made.shape[-1]))


def steps(plan: Plan) -> Iterator[tuple[int, float]]:
    """The number of each step and the share of the run that is over before it."""
    began, step = time.monotonic(), 0
    while (passed := plan.passed(step, time.monotonic() - began)) < 1:
        yield step, passed
        step += 1


def train(
    network: nn.Module,
    learned: Known,
    plan: Plan,
    *,
    precision: str,
    compiled: bool = False,
    judge: Callable[[int, nn.Module], None] = lambda step, averaged: None,
    every: float = 100.0,
    say: Callable[[str], None] = print,
) -> nn.Module:
    """The averaged network after the run; `judge` gets it every so many seconds, and at the end."""
    device = learned.crops.device
    averaged = copy.deepcopy(network).requires_grad_(False).eval()
    forward = torch.compile(network) if compiled else network
    parameters = list(network.parameters())
    learning = optimizer_of(replace(settings(plan, 1), precision=precision), parameters)
    sums, since, judged, step = torch.zeros(2, device=device), time.monotonic(), time.monotonic(), 0
    for step, passed in steps(plan):
        random = np.random.default_rng((plan.seed, step))
        for group in learning.param_groups:
            group["lr"] = plan.rate_at(step, passed)
        rows = learned.rows(plan.batch, plan.morphs, random)
        anchors = learned.vectors[torch.from_numpy(random.integers(0, learned.real, plan.anchors)).to(device)]
        faces = views(learned.crops[rows], plan.plain, random)
        network.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            vectors = forward(faces)
        wanted = learned.vectors[rows].float()
        distance = distillation.embedding_distance(vectors, wanted)
        relational = distillation.relational(vectors, wanted, anchors)
        learning.zero_grad()
        (distance + relational).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        learning.step()
        follow(averaged, network, min(plan.ema, (1 + step) / (10 + step)))
        sums += torch.stack([distance.detach(), relational.detach()])
        if (step + 1) % 25 == 0:
            # To ask for a number keeps the clock beside the device.
            one, two = (sums / 25).tolist()
            if not math.isfinite(one + two):
                raise SystemExit(f"the loss is not a number at step {step + 1}: lower --rate")
            speed = 25 * plan.batch / (time.monotonic() - since)
            say(f"step {step + 1}  distance {one:.4f}  relational {two:.4f}  {speed:.0f} crops/s")
            sums.zero_()
            since = time.monotonic()
        if time.monotonic() - judged > every:
            judge(step + 1, averaged)
            judged = since = time.monotonic()
    judge(step + 1, averaged)
    return averaged


def settings(plan: Plan, step: int) -> Config:
    """What `facekit train` would call them."""
    return Config(
        network=NETWORK,
        dimension=plan.dimension,
        phases=((112, step),),
        batch=plan.batch,
        optimizer="muon",
        rate=plan.rate,
        warmup=WARMUP,
        ema=plan.ema,
        label_weight=0.0,
        anchors=plan.anchors,
        augmentation=SPOILED if plan.plain < 1 else LIT,
        seed=plan.seed,
    )


def saved(
    network: nn.Module, history: list[dict[str, float]], plan: Plan, note: Mapping[str, str]
) -> Checkpoint:
    """What `facekit export` reads; `history` are the validations, the last of this very network."""
    step = int(history[-1]["step"])
    tensors = {f"averaged.{name}": value.cpu() for name, value in network.state_dict().items()}
    seconds = 3600 * history[-1]["hours"]
    facts = {"step": step, "best": -1.0, "seconds": seconds, "history": history}
    return Checkpoint(tensors, settings(plan, step).to_dict(), {**facts, **note})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path, help="FACES.npy, with FACES.csv beside it")
    parser.add_argument("--bank", type=Path, required=True, help="the teacher's vectors")
    parser.add_argument("--teacher", type=Path, help="makes morphs; without it there are none")
    parser.add_argument("--validation", type=Path, required=True, help="labeled crops of other people")
    parser.add_argument("--init", type=Path, help="a run to begin with")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seconds", type=float, default=0.0, help="of training")
    parser.add_argument("--steps", type=int, default=0, help="instead of --seconds")
    parser.add_argument("--morph-seconds", type=float, default=45.0, help="before the training")
    parser.add_argument("--every", type=float, default=100.0, help="seconds between validations")
    parser.add_argument("--compiled", action="store_true", help="by torch.compile: faster after a minute")
    for name in ("batch", "rate", "ema", "plain", "morphs", "anchors", "dimension", "seed"):
        usual = getattr(Plan, name)
        parser.add_argument(f"--{name}", type=type(usual), default=usual)
    given = parser.parse_args(arguments)
    if bool(given.seconds) == bool(given.steps):
        parser.error("give --seconds or --steps")
    plan = Plan(**{name: getattr(given, name) for name in Plan.__dataclass_fields__})
    began = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(plan.seed)
    faces, judged = bank.read(read_array(given.crops), given.bank), read_validation(given.validation)
    assert faces.teacher is not None
    learned = known(faces, device)
    if given.teacher is not None:
        network_file = teacher.load(user_embedder(given.teacher), device, print)
        learned = with_morphs(learned, network_file, given.morph_seconds, np.random.default_rng(plan.seed))
        print(f"{len(learned.crops) - learned.real:,} morphs", flush=True)
    network = networks.create(NETWORK, plan.dimension)
    if given.init is not None:
        widened(checkpoint.read(given.init).under("averaged"), network)
    network = network.to(device).to(memory_format=torch.channels_last)
    precision = faster(ALONE) if device.type == "cpu" else "bf16"
    given.output.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["python", "scripts/train_embedder.py", *(arguments or sys.argv[1:])])
    notes = {"command": command, "data": str(given.crops), "validation": str(given.validation)}
    history: list[dict[str, float]] = []

    def judge(step: int, averaged: nn.Module) -> None:
        rates = validation.validate(averaged, judged, side=112, precision=precision)
        shown = "  ".join(f"{name} {value:.2%}" for name, value in rates.items())
        print(f"step {step}  {shown}", flush=True)
        history.append({"step": float(step), "hours": (time.monotonic() - began) / 3600, **rates})
        checkpoint.write(given.output / checkpoint.LAST, saved(averaged, history, plan, notes))

    train(
        network, learned, plan, precision=precision, compiled=given.compiled, judge=judge, every=given.every,
        say=lambda line: print(line, flush=True),
    )  # fmt: skip


if __name__ == "__main__":
    main()
