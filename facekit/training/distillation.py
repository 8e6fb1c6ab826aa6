"""Terms that make a network follow a teacher. Vectors need not be unit length; no label is needed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def embedding_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 − cos between the student's and the teacher's vector of the same picture, 0 … 2."""
    return 1 - F.cosine_similarity(student.float(), teacher.float()).mean()


def relational(student: Tensor, teacher: Tensor, anchors: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Cross-entropy between the teacher's and the student's similarities to the same anchors.

    Fang et al. 2021, "SEED: self-supervised distillation", equation 3: with p = softmax(t·A/τ) and
    q = softmax(s·A/τ), L = −Σ p log q − H(p) (the entropy of p is taken off, so 0 is perfect).
    `anchors` are unit vectors of the teacher, (k, d); the batch's own are put before them.
    """
    anchors = torch.cat([teacher, anchors]).float()
    wanted = F.log_softmax(F.normalize(teacher.float()) @ anchors.T / temperature, 1)
    found = F.log_softmax(F.normalize(student.float()) @ anchors.T / temperature, 1)
    return F.kl_div(found, wanted, log_target=True, reduction="batchmean")


def companions(student: Tensor, teacher: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Cross-entropy between the teacher's and the student's similarities of each vector to the batch's others.

    Passalis and Tefas 2018, "Learning deep representations with probabilistic knowledge transfer", equations
    3, 4 and 7, with the kernel exp(cos/τ): both sides of a comparison are the student's, as when faces are
    identified, where `relational` compares the student with the teacher. 0 is perfect.
    """
    wanted, found = (
        F.log_softmax(_to_the_others(vectors.float()) / temperature, 1) for vectors in (teacher, student)
    )
    return F.kl_div(found, wanted, log_target=True, reduction="batchmean")


def _to_the_others(vectors: Tensor) -> Tensor:
    """Cosines (n, n − 1) of each vector to those that are not it."""
    unit = F.normalize(vectors)
    count = len(unit)
    others = ~torch.eye(count, dtype=torch.bool, device=unit.device)
    return (unit @ unit.T)[others].view(count, count - 1)
