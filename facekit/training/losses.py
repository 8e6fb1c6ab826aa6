"""Losses for labeled faces; `facekit.training.config` has the table of them.

    class heads    softmax, sphereface, cosface, arcface, magface, adaface
    pairs          contrastive, triplet: they need batches with several pictures of a subject

All take vectors (n, d), not normalized, and labels (n,), and give the mean over the batch. θ_j is the angle
between a vector and the center of class j, y its own class, s the scale, m the margin. Angles are in radians;
a margin that is not an angle says so. They work in float32 under autocast, and in float64 when given float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facekit.errors import UsageError
from facekit.training.config import CLASS_LOSSES, LOSSES, PAIR_LOSSES

# Away from ±1, where the derivative of the arc cosine is infinite; a float32 step below 1 is 6e-8.
_EDGE = 1e-7


class ClassHead(nn.Module):
    """Cross-entropy over cosines to the class centers, −log softmax(s · cos θ)_y, with a margin at y.

    With `sample` below 1 only a share of the classes is looked at in a step: those of the batch, and others
    drawn at random from `seed` and the number of the step (An et al. 2022, "Killing two birds with one
    stone: efficient and robust training of face recognition CNNs by Partial FC", section 3.3).
    """

    scale, margin = 64.0, 0.0

    def __init__(
        self,
        dimension: int,
        classes: int,
        *,
        scale: float | None = None,
        margin: float | None = None,
        sample: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(classes, dimension), std=0.01))
        self.scale = self.scale if scale is None else scale
        self.margin = self.margin if margin is None else margin
        self.sample, self.seed = sample, seed

    def forward(self, vectors: Tensor, labels: Tensor, *, step: int = 0) -> Tensor:
        with torch.autocast(vectors.device.type, enabled=False):
            vectors = _wide(vectors)
            rows = self._kept(labels, step)
            if rows is not None:
                labels = torch.searchsorted(rows, labels)
            return self.loss(vectors, labels, rows)

    def loss(self, vectors: Tensor, labels: Tensor, rows: Tensor | None) -> Tensor:
        """`labels` count within `rows`, the sorted classes looked at (None: all)."""
        centers = F.normalize(_rows(self.weight, rows))
        cosines = (F.normalize(vectors) @ centers.T).clamp(-1, 1)
        target = cosines.gather(1, labels[:, None])
        moved = self.target(target, vectors)
        return F.cross_entropy(self.scale * cosines.scatter(1, labels[:, None], moved), labels)

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        """What takes the place of cos θ_y, (n, 1)."""
        raise NotImplementedError

    def _kept(self, labels: Tensor, step: int) -> Tensor | None:
        classes = len(self.weight)
        count = round(self.sample * classes)
        if count >= classes:
            return None
        present = np.unique(labels.cpu().numpy())
        others = np.setdiff1d(np.arange(classes), present, assume_unique=True)
        wanted = max(0, count - len(present))
        drawn = np.random.default_rng((self.seed, 4, step)).choice(others, wanted, replace=False)
        return torch.from_numpy(np.sort(np.concatenate([present, drawn]))).to(labels.device)


class Softmax(ClassHead):
    """Plain cross-entropy of a linear layer (Taigman et al. 2014, "DeepFace", section 3.2):

        L = −log( e^{w_y·x + b_y} / Σ_j e^{w_j·x + b_j} )

    No scale, no margin.
    """

    def __init__(self, dimension: int, classes: int, **options: float) -> None:
        super().__init__(dimension, classes, **options)  # type: ignore[arg-type]
        self.bias = nn.Parameter(torch.zeros(classes))

    def loss(self, vectors: Tensor, labels: Tensor, rows: Tensor | None) -> Tensor:
        weight, bias = _rows(self.weight, rows), _rows(self.bias, rows)
        return F.cross_entropy(F.linear(vectors, weight, bias), labels)


class SphereFace(ClassHead):
    """Multiplicative angular margin (Liu et al. 2017, "SphereFace", equation 7), on unit vectors with a fixed
    scale, which trains without annealing (Liu et al. 2022, "SphereFace revived", section 3.3):

        ψ(θ_y) = (−1)^k cos(m θ_y) − 2k,  k = ⌊m θ_y / π⌋

    in the place of cos θ_y: continuous and falling on 0 … π. m ≥ 1 is a factor, not an angle.
    """

    scale, margin = 30.0, 1.5

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        angle = self.margin * _angle(cosine)
        turns = torch.floor(angle.detach() / math.pi)
        return (1 - 2 * (turns % 2)) * torch.cos(angle) - 2 * turns


class CosFace(ClassHead):
    """Additive cosine margin (Wang et al. 2018, "CosFace", equation 4): cos θ_y − m. m is a cosine."""

    margin = 0.35

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        return cosine - self.margin


class ArcFace(ClassHead):
    """Additive angular margin (Deng et al. 2019, "ArcFace", equation 3):

        L = −log( e^{s·cos(θ_y + m)} / (e^{s·cos(θ_y + m)} + Σ_{j≠y} e^{s·cos θ_j}) )

    Where θ_y + m would pass π the target falls on as cos θ_y − m·sin m, so that it stays monotone.
    """

    margin = 0.5

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        return _added(cosine, torch.full_like(cosine, self.margin))


class MagFace(ClassHead):
    """Angular margin that grows with the length a = |x| of the vector (Meng et al. 2021, "MagFace",
    equations 3 and 4):

        L = −log( e^{s·cos(θ_y + m(a))} / (e^{s·cos(θ_y + m(a))} + Σ_{j≠y} e^{s·cos θ_j}) ) + λ_g g(a)
        m(a) = (u_m − l_m)/(u_a − l_a) · (a − l_a) + l_m,   g(a) = a/u_a² + 1/a

    with a held to l_a … u_a in m. Good pictures get long vectors: the length is a quality score. `margin`
    is l_m; u_m lies 0.35 above.
    """

    margin = 0.45
    shortest, longest, spread, weight_of_length = 10.0, 110.0, 0.35, 35.0

    def loss(self, vectors: Tensor, labels: Tensor, rows: Tensor | None) -> Tensor:
        length = quality(vectors).clamp(min=1e-3)
        penalty = length / self.longest**2 + 1 / length
        return super().loss(vectors, labels, rows) + self.weight_of_length * penalty.mean()

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        length = quality(vectors).clamp(self.shortest, self.longest)
        share = (length - self.shortest) / (self.longest - self.shortest)
        return _added(cosine, (self.margin + self.spread * share)[:, None])


class AdaFace(ClassHead):
    """Margin by picture quality (Kim et al. 2022, "AdaFace", equations 10 to 12):

        f(θ_y) = cos(θ_y − m·ẑ) − (m·ẑ + m),   ẑ = clip((|x| − μ) / (σ/h), −1, 1)

    μ and σ are moving averages of mean and standard deviation of the lengths |x| in a batch: the first batch
    counts whole, each later one moves them by a hundredth of the way (`momentum`). No gradient flows through
    ẑ, and θ_y − m·ẑ is held to 0 … π. The length is a quality score. m is an angle in the first place and a
    cosine in the second.
    """

    margin = 0.4
    concentration, momentum = 0.333, 0.01
    mean: Tensor
    deviation: Tensor
    batches: Tensor

    def __init__(self, dimension: int, classes: int, **options: float) -> None:
        super().__init__(dimension, classes, **options)  # type: ignore[arg-type]
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def target(self, cosine: Tensor, vectors: Tensor) -> Tensor:
        length = quality(vectors.detach()).clamp(1e-3, 100)
        if self.training:
            self._follow(length)
        relative = (length - self.mean) / (self.deviation + 1e-3) * self.concentration
        relative = relative.clamp(-1, 1)[:, None]
        angle = (_angle(cosine) - self.margin * relative).clamp(1e-3, math.pi - 1e-3)
        return torch.cos(angle) - (self.margin * relative + self.margin)

    def _follow(self, length: Tensor) -> None:
        share = self.momentum if int(self.batches) else 1.0
        self.mean.lerp_(length.mean().to(self.mean), share)
        self.deviation.lerp_(length.std(correction=0).to(self.deviation), share)
        self.batches += 1


class Contrastive(nn.Module):
    """Euclidean distances of pairs (Hadsell et al. 2006, "Dimensionality reduction by learning an invariant
    mapping", equation 4), on unit vectors, over all pairs of the batch:

        L = ½ mean_mated D² + ½ mean_non-mated max(0, m − D)²

    Mated and non-mated pairs weigh the same, however many there are of each. m is a distance, 0 … 2.
    """

    def __init__(self, *, margin: float | None = None) -> None:
        super().__init__()
        self.margin = 1.0 if margin is None else margin

    def forward(self, vectors: Tensor, labels: Tensor, *, step: int = 0) -> Tensor:
        with torch.autocast(vectors.device.type, enabled=False):
            squares = _squared_distances(_wide(vectors))
            pair = torch.ones_like(squares, dtype=torch.bool).triu(1)
            same = labels[:, None] == labels[None, :]
            mated, apart = squares[pair & same], squares[pair & ~same]
            pushed = (self.margin - apart.clamp(min=1e-12).sqrt()).clamp(min=0).square()
            return (_mean(mated) + _mean(pushed)) / 2


class Triplet(nn.Module):
    """Anchor, positive, negative on unit vectors (Schroff et al. 2015, "FaceNet", equation 2):

        L = mean max(0, D²(a, p) − D²(a, n) + m)

    over all mated pairs of the batch, each with its semi-hard negative (section 3.2): the nearest that is
    farther than the positive, or the farthest where there is none. m is a squared distance.
    """

    def __init__(self, *, margin: float | None = None) -> None:
        super().__init__()
        self.margin = 0.2 if margin is None else margin

    def forward(self, vectors: Tensor, labels: Tensor, *, step: int = 0) -> Tensor:
        with torch.autocast(vectors.device.type, enabled=False):
            squares = _squared_distances(_wide(vectors))
            same = labels[:, None] == labels[None, :]
            anchor, positive = torch.nonzero(same.fill_diagonal_(False), as_tuple=True)
            different = labels[anchor, None] != labels[None, :]
            usable = different.any(1)
            anchor, positive, different = anchor[usable], positive[usable], different[usable]
            near, candidates = squares[anchor, positive], squares[anchor]
            farther = different & (candidates > near[:, None])
            nearest = candidates.masked_fill(~farther, torch.inf).amin(1)
            farthest = candidates.masked_fill(~different, -torch.inf).amax(1)
            negative = torch.where(farther.any(1), nearest, farthest)
            return _mean((near - negative + self.margin).clamp(min=0))


def create(
    name: str,
    dimension: int,
    classes: int,
    *,
    scale: float | None = None,
    margin: float | None = None,
    sample: float = 1.0,
    seed: int = 0,
) -> nn.Module:
    """The loss of that name; scale and margin None mean those of its paper. UsageError if unknown."""
    if name not in LOSSES:
        raise UsageError(f"no loss is called {name!r}; there are {', '.join(LOSSES)}")
    module, _, kind = {**CLASS_LOSSES, **PAIR_LOSSES}[name].partition(":")
    made: Callable[..., nn.Module] = getattr(import_module(module), kind)
    if name in PAIR_LOSSES:
        return made(margin=margin)
    return made(dimension, classes, scale=scale, margin=margin, sample=sample, seed=seed)


def quality(vectors: Tensor) -> Tensor:
    """Length of each vector, (n,): with MagFace and AdaFace the better the picture, the longer."""
    length: Tensor = torch.linalg.vector_norm(vectors, dim=1)
    return length


def _wide(vectors: Tensor) -> Tensor:
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def _rows(values: Tensor, rows: Tensor | None) -> Tensor:
    return values if rows is None else values[rows]


def _angle(cosine: Tensor) -> Tensor:
    return torch.acos(cosine.clamp(-1 + _EDGE, 1 - _EDGE))


def _added(cosine: Tensor, margin: Tensor) -> Tensor:
    """cos(θ + margin), or its continuation where that passes π."""
    sine = (1 - cosine.square()).clamp(min=1e-12).sqrt()
    moved = cosine * torch.cos(margin) - sine * torch.sin(margin)
    return torch.where(cosine > -torch.cos(margin), moved, cosine - margin * torch.sin(margin))


def _squared_distances(vectors: Tensor) -> Tensor:
    unit = F.normalize(vectors)
    return (2 - 2 * (unit @ unit.T)).clamp(min=0)


def _mean(values: Tensor) -> Tensor:
    """0, with a gradient of 0, where there is nothing to take the mean of."""
    return values.sum() / max(1, values.numel())
