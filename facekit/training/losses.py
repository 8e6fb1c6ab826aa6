"""Losses for face embedders. Margins are radians, labels are class numbers, vectors need not be unit length."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ArcFace(nn.Module):
    """Additive angular margin (Deng et al. 2019, "ArcFace", equation 3):

        L = −log( e^{s·cos(θ_y + m)} / (e^{s·cos(θ_y + m)} + Σ_{j≠y} e^{s·cos θ_j}) )

    Where θ_y + m would pass π the target falls on as cos θ_y − m·sin m, so that it stays monotone.
    """

    def __init__(self, dimension: int, classes: int, *, scale: float = 64.0, margin: float = 0.5) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(classes, dimension), std=0.01))
        self.scale, self.margin = scale, margin

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(vectors.float()), F.normalize(self.weight))
        target = cosine.gather(1, labels[:, None])
        sine = (1 - target.square()).clamp(min=1e-9).sqrt()
        moved = target * math.cos(self.margin) - sine * math.sin(self.margin)
        moved = torch.where(
            target > -math.cos(self.margin), moved, target - self.margin * math.sin(self.margin)
        )
        return F.cross_entropy(self.scale * cosine.scatter(1, labels[:, None], moved), labels)


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
