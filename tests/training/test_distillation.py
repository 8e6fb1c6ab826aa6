"""What makes a network follow a teacher is its equation, and is 0 where it follows."""

import numpy as np
import pytest
import torch
from torch import Tensor

from facekit.training import distillation

COUNT, ANCHORS, DIMENSION = 5, 9, 6


def made() -> tuple[Tensor, Tensor, Tensor]:
    """A student's vectors of any length, a teacher's unit vectors, and anchors."""
    random = torch.Generator().manual_seed(2)
    sizes = ((COUNT, DIMENSION), (COUNT, DIMENSION), (ANCHORS, DIMENSION))
    student, teacher, anchors = (torch.randn(size, generator=random, dtype=torch.float64) for size in sizes)
    unit = torch.nn.functional.normalize
    return 7 * student, unit(teacher), unit(anchors)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def seed(student: Tensor, teacher: Tensor, anchors: Tensor, temperature: float) -> float:
    """Equation 3 of SEED without the teacher's entropy: teacher and student have the same temperature."""
    s, t = student.numpy(), teacher.numpy()
    s, t = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (s, t))
    queue = np.concatenate([teacher.numpy(), anchors.numpy()])
    p, q = softmax(t @ queue.T / temperature), softmax(s @ queue.T / temperature)
    return float((p * (np.log(p) - np.log(q))).sum(1).mean())


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_relational_is_its_equation(temperature: float) -> None:
    student, teacher, anchors = made()
    value = distillation.relational(student, teacher, anchors, temperature=temperature).item()
    assert value == pytest.approx(seed(student, teacher, anchors, temperature), rel=1e-5)


def test_the_distance_is_its_equation() -> None:
    student, teacher, _ = made()
    s, t = student.numpy(), teacher.numpy()
    cosines = (s * t).sum(1) / np.linalg.norm(s, axis=1)
    value = distillation.embedding_distance(student, teacher).item()
    assert value == pytest.approx(1 - cosines.mean(), rel=1e-5)


def test_a_student_that_follows_has_nothing_to_learn_whatever_its_length() -> None:
    _, teacher, anchors = made()
    assert distillation.relational(3 * teacher, teacher, anchors).item() == pytest.approx(0, abs=1e-5)
    assert distillation.embedding_distance(3 * teacher, teacher).item() == pytest.approx(0, abs=1e-6)
