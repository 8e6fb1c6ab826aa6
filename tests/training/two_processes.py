"""What test_team.py runs, alone and by torchrun: `two_processes.py OUT`. No test itself."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from facekit.training import loop, networks, run
from facekit.training.team import Team, joined
from training.small import people, quick


def plain(dimension: int) -> nn.Module:
    """Without batch norm, which would see another batch in each process."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, dimension)
    )


def train_each(out: Path, team: Team) -> None:
    """A short run for a loss with class centers, and for one that compares the faces of the batch."""
    networks.NETWORKS["plain"] = networks.Architecture(plain, 8, "for tests")
    data = people(6, 4, unknown=7)
    vectors = np.random.default_rng(0).normal(size=(len(data.labels), 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    data = replace(data, teacher=vectors.astype(np.float16))
    for loss, sampler in (("arcface", "every"), ("triplet", "subjects")):
        config = quick(network="plain", loss=loss, sampler=sampler, phases=((32, 5),), validate_every=1)
        state = run.start(config, data)
        loop.train(state, config, data, out / loss, validation=people(4, 3), team=team)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as team:
        train_each(Path(sys.argv[1]), team)
