"""Every loss is what its paper says, and stays finite where arc cosines and margins do not."""

import math
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.training import losses
from facekit.training.config import CLASS_LOSSES, LOSSES, PAIR_LOSSES

HEADS = sorted(CLASS_LOSSES)
DIMENSION, CLASSES, COUNT = 6, 5, 8


def made(name: str, **options: float) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """A loss in float64 with vectors and labels for it."""
    torch.manual_seed(1)
    head = losses.create(name, DIMENSION, CLASSES, **options).double()
    for value in head.parameters():
        torch.nn.init.normal_(value)
    return head, 8 * torch.randn(COUNT, DIMENSION, dtype=torch.float64), torch.arange(COUNT) % CLASSES


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-logs[np.arange(len(labels)), labels].mean())


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sphereface(angle: np.ndarray, length: np.ndarray, margin: float) -> np.ndarray:
    k = np.floor(margin * angle / np.pi)
    return (-1) ** k * np.cos(margin * angle) - 2 * k


def arcface(angle: np.ndarray, length: np.ndarray, margin: float) -> np.ndarray:
    return np.where(angle + margin < np.pi, np.cos(angle + margin), np.cos(angle) - margin * np.sin(margin))


def magface(angle: np.ndarray, length: np.ndarray, margin: float) -> np.ndarray:
    share = (np.clip(length, 10, 110) - 10) / 100
    return np.array([arcface(a, n, margin + 0.35 * s) for a, n, s in zip(angle, length, share, strict=True)])


def adaface(angle: np.ndarray, length: np.ndarray, margin: float) -> np.ndarray:
    z = np.clip((length - length.mean()) / (length.std() + 1e-3) * 0.333, -1, 1)
    return np.cos(angle - margin * z) - (margin * z + margin)


TARGETS = {
    "arcface": (arcface, 64, 0.5),
    "cosface": (lambda angle, length, margin: np.cos(angle) - margin, 64, 0.35),
    "sphereface": (sphereface, 30, 1.5),
    "magface": (magface, 64, 0.45),
    "adaface": (adaface, 64, 0.4),
}


def wanted(name: str, x: np.ndarray, weight: np.ndarray, y: np.ndarray) -> float:
    """The loss of vectors x (n, d) by its equation, in float64."""
    target, scale, margin = TARGETS[name]
    logits = unit(x) @ unit(weight).T
    rows, length = np.arange(len(x)), np.linalg.norm(x, axis=1)
    logits[rows, y] = target(np.arccos(logits[rows, y]), length, margin)
    pull = 35 * np.mean(length / 110**2 + 1 / length) if name == "magface" else 0.0
    return cross_entropy(scale * logits, y) + pull


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_margin_loss_is_its_equation(name: str) -> None:
    head, vectors, labels = made(name)
    value = wanted(name, vectors.numpy(), head.weight.detach().numpy(), labels.numpy())
    assert head(vectors, labels).item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_margin_loss_is_its_equation_at_every_angle(name: str) -> None:
    """One picture at a time, so that those near the center do not hide behind those past π."""
    head = losses.create(name, 3, 2).double()
    head.weight.data.copy_(torch.eye(2, 3))
    label = torch.zeros(1, dtype=torch.int64)
    for angle in np.linspace(0.05, math.pi - 0.05, 40):
        x = np.array([[30 * np.cos(angle), 0.0, 30 * np.sin(angle)]])
        value = wanted(name, x, np.eye(2, 3), label.numpy())
        assert head(torch.from_numpy(x), label).item() == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_adaface_follows_the_lengths_of_the_batches() -> None:
    """The first batch counts whole; each later one moves mean and deviation by a hundredth of the way."""
    head, vectors, labels = made("adaface")
    weight, y, rows = head.weight.detach().numpy(), labels.numpy(), np.arange(COUNT)
    mean = deviation = 0.0
    for number, stretch in enumerate([1.0, 1.3, 0.6, 1.1]):
        x = stretch * np.roll(vectors.numpy(), number, 0) + number
        length = np.linalg.norm(x, axis=1)
        share = 0.01 if number else 1.0
        mean = (1 - share) * mean + share * length.mean()
        deviation = (1 - share) * deviation + share * length.std()
        z = np.clip(0.333 * (length - mean) / (deviation + 1e-3), -1, 1)
        logits = unit(x) @ unit(weight).T
        logits[rows, y] = np.cos(np.arccos(logits[rows, y]) - 0.4 * z) - (0.4 * z + 0.4)
        value = head(torch.from_numpy(x), labels).item()
        assert value == pytest.approx(cross_entropy(64 * logits, y), rel=1e-9)
        assert head.mean.item() == pytest.approx(mean, rel=1e-12)
        assert head.deviation.item() == pytest.approx(deviation, rel=1e-12)


def test_softmax_is_its_equation() -> None:
    head, vectors, labels = made("softmax")
    logits = vectors.numpy() @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert head(vectors, labels).item() == pytest.approx(cross_entropy(logits, labels.numpy()), rel=1e-12)


def test_contrastive_is_its_equation() -> None:
    loss, vectors, labels = made("contrastive")
    x, y = unit(vectors.numpy()), labels.numpy()
    mated, apart = [], []
    for a in range(COUNT):
        for b in range(a + 1, COUNT):
            distance = np.linalg.norm(x[a] - x[b])
            if y[a] == y[b]:
                mated.append(distance**2)
            else:
                apart.append(max(0.0, 1 - distance) ** 2)
    assert apart
    assert loss(vectors, labels).item() == pytest.approx(np.mean(mated) / 2 + np.mean(apart) / 2, rel=1e-9)


def test_triplet_takes_the_semi_hard_negative() -> None:
    loss, vectors, labels = made("triplet", margin=1.0)
    x, y = unit(vectors.numpy()), labels.numpy()
    squares = ((x[:, None] - x[None, :]) ** 2).sum(-1)
    terms = []
    for a in range(COUNT):
        for p in range(COUNT):
            if a == p or y[a] != y[p]:
                continue
            negatives = squares[a][y != y[a]]
            farther = negatives[negatives > squares[a, p]]
            negative = farther.min() if len(farther) else negatives.max()
            terms.append(max(0.0, squares[a, p] - negative + 1.0))
    assert loss(vectors, labels).item() == pytest.approx(np.mean(terms), rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_the_loss_s_own(name: str) -> None:
    loss, vectors, labels = made(name)
    vectors = (vectors / 8).requires_grad_()
    loss.eval()
    if name == "adaface":
        # No gradient flows through its quality, so that must stand still while differences are taken.
        loss.deviation.zero_()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (vectors,), atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cosines_of_exactly_one_have_finite_gradients(name: str, sign: float) -> None:
    """With −1 the margin passes π in every angular loss."""
    loss = losses.create(name, 4, 3)
    centers = torch.eye(3, 4)
    if name in CLASS_LOSSES:
        loss.weight.data.copy_(centers)
    labels = torch.tensor([0, 1, 2, 0])
    vectors = (sign * 12 * centers[labels]).requires_grad_()
    value = loss(vectors, labels)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(vectors.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in loss.parameters())


@pytest.mark.parametrize("name", ["arcface", "magface", "sphereface"])
def test_the_target_falls_with_the_angle_all_the_way_to_pi(name: str) -> None:
    head = losses.create(name, 2, 2).double()
    angles = torch.linspace(0.01, math.pi - 0.01, 500, dtype=torch.float64)
    vectors = 20 * torch.stack([angles.cos(), angles.sin()], 1)
    target = head.target(angles.cos()[:, None], vectors)[:, 0]
    assert (target[1:] < target[:-1]).all()
    assert (target <= angles.cos() + 1e-12).all()


@given(
    st.sampled_from(HEADS),
    st.lists(st.floats(-1, 1), min_size=1, max_size=5),
    st.floats(1e-3, 1e3),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_heads_are_finite_and_at_least_the_loss_without_a_margin(
    name: str, cosines: list[float], length: float, seed: int
) -> None:
    torch.manual_seed(seed)
    head = losses.create(name, 3, 4)
    cosine = torch.tensor(cosines)
    vectors = length * torch.stack([cosine, (1 - cosine**2).sqrt(), torch.zeros_like(cosine)], 1)
    labels = torch.zeros(len(cosines), dtype=torch.int64)
    head.weight.data[0] = torch.tensor([1.0, 0, 0])
    value = head(vectors, labels)
    assert torch.isfinite(value)
    if name not in ("softmax", "magface", "adaface"):
        plain = losses.create("cosface", 3, 4, scale=head.scale, margin=0.0)
        plain.load_state_dict(head.state_dict())
        assert value >= plain(vectors, labels) - 1e-3


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_does_not_reach_inside(name: str) -> None:
    loss, vectors, labels = made(name)
    loss, vectors = loss.float(), vectors.float()
    wanted = loss(vectors, labels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(vectors, labels), wanted)
    assert wanted.dtype == torch.float32


@pytest.mark.parametrize("name", HEADS)
def test_partial_sampling_keeps_the_batch_s_classes_and_follows_the_seed(name: str) -> None:
    head = losses.create(name, 4, 100, sample=0.2, seed=3)
    head.eval()
    labels, vectors = torch.tensor([7, 99, 7]), torch.randn(3, 4)
    kept = head._kept(labels, 0)
    assert len(kept) == 20
    assert {7, 99} <= set(kept.tolist())
    assert torch.equal(kept, head._kept(labels, 0))
    assert not torch.equal(kept, head._kept(labels, 1))
    part = losses.create(name, 4, 20)
    part.eval()
    rows = {key: value[kept] if value.ndim else value for key, value in head.state_dict().items()}
    part.load_state_dict(rows)
    value = head(vectors, labels, step=0)
    assert value.item() == pytest.approx(part(vectors, torch.searchsorted(kept, labels)).item(), rel=1e-6)
    value.backward()
    untouched = np.setdiff1d(np.arange(100), kept.numpy())
    assert (head.weight.grad[untouched] == 0).all()


def test_more_classes_in_the_batch_than_the_sample_allows_are_all_kept() -> None:
    head = losses.create("arcface", 4, 10, sample=0.1)
    assert head._kept(torch.arange(6), 0).tolist() == [0, 1, 2, 3, 4, 5]


def test_magface_gives_good_pictures_a_larger_margin() -> None:
    head = losses.create("magface", 2, 2).double()
    cosine = torch.full((3, 1), 0.6, dtype=torch.float64)
    vectors = torch.tensor([[5.0, 0], [60, 0], [500, 0]], dtype=torch.float64)
    near, middle, far = head.target(cosine, vectors)[:, 0].tolist()
    angle = math.acos(0.6)
    assert near == pytest.approx(math.cos(angle + 0.45))
    assert middle == pytest.approx(math.cos(angle + 0.625))
    assert far == pytest.approx(math.cos(angle + 0.8))


def test_adaface_keeps_its_means_in_the_checkpoint_and_only_moves_them_in_training() -> None:
    head = losses.create("adaface", 3, 2)
    vectors, labels = torch.randn(4, 3) * 5, torch.tensor([0, 1, 0, 1])
    head(vectors, labels)
    assert head.mean.item() == pytest.approx(losses.quality(vectors).mean().item(), rel=1e-5)
    kept = {name: value.clone() for name, value in head.state_dict().items()}
    assert {"weight", "mean", "deviation", "batches"} == set(kept)
    head.eval()
    head(vectors * 3, labels)
    assert all(torch.equal(value, kept[name]) for name, value in head.state_dict().items())


@pytest.mark.parametrize("name", sorted(PAIR_LOSSES))
@pytest.mark.parametrize("labels", [[0], [0, 0, 0], [0, 1, 2]])
def test_a_batch_without_any_pair_to_learn_from_is_no_error(name: str, labels: list[int]) -> None:
    vectors = torch.randn(len(labels), 3, requires_grad=True)
    value = losses.create(name, 3, 3)(vectors, torch.tensor(labels))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(vectors.grad).all()


def test_an_unknown_loss_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="arcface"):
        losses.create("arcfase", 2, 2)


def test_a_loss_is_one_file_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("facekit.training.plain_cosine")

    class PlainCosine(losses.ClassHead):
        def target(self, cosine: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
            return cosine

    module.PlainCosine = PlainCosine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(CLASS_LOSSES, "plain-cosine", f"{module.__name__}:PlainCosine")
    monkeypatch.setattr(losses, "LOSSES", (*CLASS_LOSSES, *PAIR_LOSSES))
    assert isinstance(losses.create("plain-cosine", 4, 3), PlainCosine)
