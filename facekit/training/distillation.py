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
    student_log = F.log_softmax(F.normalize(student.float()) @ anchors.T / temperature, 1)
    return F.kl_div(student_log, wanted, log_target=True, reduction="batchmean")
