"""Training of the detector network, by a teacher's scores and by the faces that two detectors agree on.

First each unit of the network imitates the teacher's (imitation). Then every batch is drawn anew: views of
photos at any scale (detector_views), the scores of the teacher on each (detector_targets), and then the same
view as a worse camera would have given it. The loss of the score is the
quality focal loss, that of boxes the distance IoU loss, that of points smooth L1 in parts of the face's side.

References: Li et al. 2020, Generalized focal loss (equation 4); Zheng et al. 2020, Distance-IoU loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import swa_utils
from torch.utils.data import DataLoader, Dataset
from torchvision.ops import distance_box_iou_loss  # type: ignore[import-untyped]

from facekit.detection.geometry import suppress
from facekit.detection.network import STRIDES, decode, grid
from facekit.errors import WeightsError
from facekit.evaluation.detection import DetectionCounts, outcome
from facekit.files import untrusted
from facekit.files.writing import replacing
from facekit.results import Pixels
from facekit.training import checkpoint, detector_targets, detector_views, imitation
from facekit.training.detector_network import FURTHER, DetectorNetwork, to_onnx
from facekit.training.detector_pictures import Photo
from facekit.training.detector_targets import FEATURES
from facekit.training.detector_views import View
from facekit.training.journal import Journal, Row

EXPORTED = "detector-network.onnx"
_SIDES, _SHARES = (256, 320, 416), (0.25, 0.6, 0.15)
_UNSURE = 0.3
"""A cell of which a lower score is wanted need not know where the face is."""
_OVERLAP = 0.4
_LEAST = 0.1
_PRECISION = 0.99
_FACES_COUNT = 5.0

LOSSES = ("score_loss", "box_loss", "point_loss", "likeness_loss")


@dataclass(frozen=True)
class Recipe:
    """How the network is trained. `everyday` is the share of views from photos of the table, `faceless` that
    of views without a face, where there are pictures for them, `exchanged` that of faces which get another
    one's, where there are crops for them, and `clean` that of views left as they are. `further` are the units
    that the network has of its own at each stride."""

    steps: int = 8000
    imitation: int = 2000
    batch: int = 16
    rate: float = 2e-3
    decay: float = 1e-2
    warmup: int = 200
    averaging: float = 0.99
    everyday: float = 0.65
    faceless: float = 0.08
    exchanged: float = 0.25
    clean: float = 0.3
    box_weight: float = 2.0
    point_weight: float = 2.0
    likeness_weight: float = 1.0
    validate_every: int = 500
    workers: int = 1
    seed: int = 1
    further: tuple[int, int, int] = FURTHER

    def rate_at(self, step: int) -> float:
        """Rises in a line, then falls as a half cosine to nothing."""
        done = min(1.0, step / self.steps)
        return self.rate * min(1.0, (step + 1) / self.warmup) * 0.5 * (1 + math.cos(math.pi * done))


class Batch(NamedTuple):
    """Views uint8 (n, side, side, 3); of each cell the score wanted, how much it counts, its face's box and
    points in pixels (n, cells, 14), whether it has a face, and the teacher's features, zero where it was not
    asked."""

    pixels: Tensor
    scores: Tensor
    weights: Tensor
    places: Tensor
    has_face: Tensor
    features: Tensor


class Views(Dataset[Batch]):
    """The batch of each step. The same seed gives the same batches, wherever a run is taken up again.

    Without a `teacher`, a YuNet file, the faces of the photos are all that is known. `weights` say how often
    each of the `photos` is drawn. `crops` are aligned faces, uint8 (n, 112, 112, 3).
    """

    def __init__(
        self,
        everyday: Sequence[Photo],
        portraits: Sequence[Photo],
        teacher: Path | None,
        recipe: Recipe,
        faceless: Sequence[Photo] = (),
        crops: Pixels | None = None,
    ) -> None:
        self.photos, self._faceless, self._crops = [*everyday, *portraits], faceless, crops
        shares = (recipe.everyday if portraits else 1.0, 1 - recipe.everyday)
        counts = (len(everyday), len(portraits))
        self.weights = np.repeat(
            [share / max(1, count) for share, count in zip(shares, counts, strict=True)], counts
        )
        self.weights /= self.weights.sum()
        self.teacher_file, self.recipe = teacher, recipe
        self._teacher: detector_targets.YuNetMaps | None = None

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(1)
        if self._teacher is None and self.teacher_file is not None:  # in the process that uses it
            self._teacher = detector_targets.YuNetMaps(self.teacher_file)
        chance = np.random.default_rng([self.recipe.seed, step])
        side = int(chance.choice(_SIDES, p=_SHARES))
        examples = [self._example(side, chance) for _ in range(self.recipe.batch)]
        return Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*examples, strict=True)))

    def view(self, side: int, chance: np.random.Generator) -> View:
        """A view of the photos, or one without a face."""
        if len(self._faceless) and chance.random() < self.recipe.faceless:
            alike = np.full(len(self._faceless), 1 / len(self._faceless))
            return replace(detector_views.make(self._faceless, alike, side, chance), faceless=True)
        made = detector_views.make(self.photos, self.weights, side, chance)
        if self._crops is None:
            return made
        return detector_views.exchanged(made, self._crops, self.recipe.exchanged, chance)

    def _example(self, side: int, chance: np.random.Generator) -> tuple[NDArray[Any], ...]:
        view = self.view(side, chance)
        asked = self._teacher is not None and view.turned < detector_targets.UPRIGHT and not view.faceless
        maps = self._teacher(view.pixels) if self._teacher and asked else None
        wanted = detector_targets.of_view(view.labels, maps, side, side)
        known = np.concatenate([view.labels.boxes, view.labels.points.reshape(-1, 10)], axis=1)
        known = np.concatenate([known, np.zeros((1, 14), np.float32)])  # the last is nobody's
        return (
            view.pixels if chance.random() < self.recipe.clean else detector_views.spoiled(view, chance),
            wanted.scores,
            wanted.weights,
            known[wanted.faces].astype(np.float32),
            wanted.faces >= 0,
            (np.zeros((len(wanted.scores), FEATURES)) if maps is None else maps.features).astype(np.float16),
        )


def losses(answers: Tensor, batch: Batch, side: int, recipe: Recipe) -> Tensor:
    """Score, box and point loss, (3,), weighted, of answers (n, cells, 15)."""
    places = torch.from_numpy(grid(side, side))
    logits = answers[..., 0]
    far = (batch.scores - logits.sigmoid()).abs().square() * batch.weights
    score = (far * F.binary_cross_entropy_with_logits(logits, batch.scores, reduction="none")).sum()
    score = score / batch.scores.sum().clamp(min=1)
    chosen = batch.has_face & (batch.scores > _UNSURE)
    counts = batch.scores[chosen]
    total = counts.sum().clamp(min=1)
    cells = places.expand(len(answers), -1, -1)[chosen]
    corners, strides = cells[:, :2], cells[:, 2:]
    found, wanted = answers[chosen][:, 1:], batch.places[chosen]
    middles, halves = (corners + found[:, :2]) * strides, found[:, 2:4].clamp(max=6).exp() * strides / 2
    boxes = torch.cat([middles - halves, middles + halves], dim=1)
    box = (distance_box_iou_loss(boxes, wanted[:, :4], eps=1e-6) * counts).sum() / total
    points = (corners.repeat(1, 5) + found[:, 4:]) * strides
    sides = (wanted[:, 2:4] - wanted[:, :2]).prod(dim=1).clamp(min=1).sqrt()
    away = (points - wanted[:, 4:]) / sides[:, None]
    point = (
        F.smooth_l1_loss(away, torch.zeros_like(away), beta=0.05, reduction="none").mean(dim=1) * counts
    ).sum()
    return torch.stack([score, recipe.box_weight * box, recipe.point_weight * point / total])


def likeness(features: Tensor, batch: Batch) -> Tensor:
    """How far features (n, cells, FEATURES) are from the teacher's, in parts of their size; faces count most.

    What a network thinks of every place says far more of how it sees than its few answers do (Romero et al.
    2015, FitNets).
    """
    wanted = batch.features.float()
    asked = (wanted != 0).any(dim=2)
    size = wanted[asked].square().mean().clamp(min=1e-6) if asked.any() else torch.tensor(1.0)
    counts = (asked * (1 + _FACES_COUNT * batch.scores)) * batch.weights
    away = (features - wanted).square().mean(dim=2) / size
    return (away * counts).sum() / counts.sum().clamp(min=1)


class Training:
    """The state of a run: the network, its moving average, the optimizer, and the step it is at."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step, self.seconds, self.imitated = recipe, 0, 0.0, False
        self.network = DetectorNetwork(further=recipe.further).to(memory_format=torch.channels_last)
        self.averaged = swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=swa_utils.get_ema_multi_avg_fn(recipe.averaging),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        # The teacher's features need not be ours, but easy to tell from ours.
        self.translation = nn.Linear(FEATURES, FEATURES)
        nn.init.eye_(self.translation.weight)
        nn.init.zeros_(self.translation.bias)
        parameters = [*self.network.parameters(), *self.translation.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay)

    def learn(self, batch: Batch) -> Tensor:
        """One step; the losses before it, (4,)."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate_at(self.step)
        self.network.train()
        pictures = batch.pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            answers, features = self.network.with_features(pictures)
            features = self.translation(features)
        parts = losses(answers.float(), batch, batch.pixels.shape[1], self.recipe)
        alike = self.recipe.likeness_weight * likeness(features.float(), batch)
        parts = torch.cat([parts, alike[None]])
        self.optimizer.zero_grad()
        parts.sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        self.step += 1
        return parts.detach()

    def imitate(self, views: Views, report: Callable[[int, int], None]) -> None:
        """Learn the teacher's units, before the first step."""
        if self.imitated or self.step or views.teacher_file is None:
            return
        steps, seed = self.recipe.imitation, self.recipe.seed
        lessons = imitation.Lessons(views.photos, views.weights, views.teacher_file, steps, seed)
        imitation.imitate(
            self.network, lessons, workers=self.recipe.workers, report=lambda step: report(step, steps)
        )
        self.imitated = True

    def save(self, path: Path, rows: Sequence[Row]) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        tensors |= {f"translation.{name}": value for name, value in self.translation.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        facts = {
            "step": self.step,
            "seconds": self.seconds,
            "imitated": self.imitated,
            "history": list(rows),
        }
        checkpoint.write(path, checkpoint.Checkpoint(tensors, asdict(self.recipe), facts))

    def begin_with(self, path: Path) -> None:
        """Begin where the run that wrote `path` ended, with units that it lacked, which change nothing yet.

        Raises WeightsError for another network's.
        """
        saved = checkpoint.read(path, check=_check)
        averaged = saved.under("averaged.module")
        missing = self.network.state_dict().keys() - averaged.keys()
        try:
            self.network.load_state_dict(averaged, strict=False)
            self.translation.load_state_dict(saved.under("translation"))
        except RuntimeError as error:
            raise WeightsError(f"{path}: is of another network ({str(error).splitlines()[0]})") from None
        if averaged.keys() - self.network.state_dict().keys() or any(
            not name.startswith("further.") for name in missing
        ):
            raise WeightsError(f"{path}: is of another network, which has other units")
        self.averaged.module.load_state_dict(self.network.state_dict())
        self.imitated = True

    def load(self, path: Path) -> list[Row]:
        """Go on where the run that wrote `path` was; its rows. Raises WeightsError for another network's."""
        saved = checkpoint.read(path, check=_check)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in saved.under("optimizer").items():
            number, _, part = name.partition(".")
            state.setdefault(int(number), {})[part] = value
        try:
            self.network.load_state_dict(saved.under("network"))
            self.averaged.load_state_dict(saved.under("averaged"))
            self.translation.load_state_dict(saved.under("translation"))
        except RuntimeError as error:
            raise WeightsError(f"{path}: is of another network ({str(error).splitlines()[0]})") from None
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.step, self.seconds = saved.facts["step"], saved.facts["seconds"]
        self.imitated = saved.facts["imitated"]
        rows: list[Row] = saved.facts["history"]
        return rows


def _check(config: Any, facts: Any) -> None:
    """Raise for notes that `save` did not write."""
    untrusted.Fields(config, "its recipe")
    run = untrusted.Fields(facts, "run:")
    run.integer("step")
    run.number("seconds", least=0)
    run.flag("imitated")
    for row in run.values.get("history", []):
        values = untrusted.Fields(row, "a row of its history")
        for name in {"step", *values.values}:
            values.number(name)


def train(
    run: Training,
    views: Views,
    validation: Sequence[Photo],
    out: Path,
    rows: Sequence[Row] = (),
    report: Callable[[Row], None] = lambda row: None,
) -> DetectorNetwork:
    """Train until the recipe's last step. Writes a checkpoint, the curve and the network in ONNX into `out`
    whenever it validates."""
    recipe, journal = run.recipe, Journal(out, rows)
    batches = _batches(views, run.step, recipe)
    sums, count, start = torch.zeros(len(LOSSES)), 0, time.monotonic()
    for batch in batches:
        sums, count = sums + run.learn(batch), count + 1
        if run.step % recipe.validate_every and run.step < recipe.steps:
            continue
        run.seconds, start = run.seconds + time.monotonic() - start, time.monotonic()
        row = {
            "step": float(run.step),
            "seconds": run.seconds,
            **dict(zip(LOSSES, (sums / count).tolist(), strict=True)),
            **figures(evaluate(averaged(run), validation)),
        }
        sums, count = torch.zeros(len(LOSSES)), 0
        journal.add(row)
        run.save(out / checkpoint.LAST, journal.rows)
        with replacing(out / EXPORTED) as unfinished:
            unfinished.write_bytes(to_onnx(averaged(run)))
        report(row)
    journal.close()
    return averaged(run)


def _batches(views: Views, first: int, recipe: Recipe) -> Iterator[Batch]:
    loader: DataLoader[Batch] = DataLoader(
        views, batch_size=None, sampler=range(first, recipe.steps), num_workers=recipe.workers
    )
    yield from loader


def averaged(run: Training) -> DetectorNetwork:
    """A copy of the averaged network, ready to look."""
    network = DetectorNetwork(further=run.recipe.further)
    network.load_state_dict(run.averaged.module.state_dict())
    return network.eval()


def figures(result: DetectionCounts) -> Row:
    """What the curve of a run shows: recall by size of face where 99 % of the boxes are faces."""
    least = result.threshold(_PRECISION)
    row = {"threshold": min(least, 1.0)}
    for name, (smallest, largest) in {"40": (40, np.inf), "20_40": (20, 40), "10_20": (10, 20)}.items():
        found, wanted = result.recall(smallest, largest, least)
        row[f"recall_{name}"] = found / max(1, wanted)
    return row


def evaluate(network: DetectorNetwork, photos: Sequence[Photo]) -> DetectionCounts:
    """The network on whole photos, in their own size."""
    return outcome([(*look(network, photo.pixels), *photo.labels.countable()) for photo in photos])


@torch.inference_mode()
def look(network: DetectorNetwork, pixels: Pixels) -> tuple[NDArray[Any], NDArray[Any]]:
    """Boxes (n, 4) and scores (n,) of one picture, of overlapping ones the surest."""
    height, width = pixels.shape[:2]
    coarsest = STRIDES[-1]
    canvas = np.zeros((-(-height // coarsest) * coarsest, -(-width // coarsest) * coarsest, 3), np.uint8)
    canvas[:height, :width] = pixels
    answers = network(torch.from_numpy(canvas).permute(2, 0, 1)[None].float())[0]
    scores = answers[:, 0].sigmoid().numpy()
    seen = scores >= _LEAST
    boxes, _ = decode(answers[:, 1:].numpy()[seen], grid(*canvas.shape[:2])[seen])
    kept = suppress(boxes, scores[seen], _OVERLAP)
    return boxes[kept], scores[seen][kept]
