"""Fixtures of the training tests."""

import pytest
import torch

from facekit.training import networks
from training.small import tiny


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The networks of these tests are too small to share."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the tiny network while the table has it."""
    monkeypatch.setitem(networks.NETWORKS, "tiny", networks.Architecture(tiny, 8, "for tests"))
    return "tiny"
