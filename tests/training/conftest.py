"""Fixtures of the training tests."""

from collections.abc import Iterator

import pytest
import torch

from facekit import settings
from facekit.training import networks
from training.small import tiny

JOURNAL_PACKAGES = ("matplotlib", "tensorboard")
HAS_PACKAGE = settings.has_package


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The networks of these tests are too small to share."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the tiny network while the table has it."""
    monkeypatch.setitem(networks.NETWORKS, "tiny", networks.Architecture(tiny, 8, "for tests"))
    return "tiny"


@pytest.fixture(autouse=True, scope="module")
def bare_journals() -> Iterator[None]:
    """Runs write no curve and nothing for TensorBoard, as where neither package is installed: that takes
    several times as long as a run of these tests. A test of them asks for `whole_journals`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            settings, "has_package", lambda name: name not in JOURNAL_PACKAGES and HAS_PACKAGE(name)
        )
        yield


@pytest.fixture
def whole_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs write curves and for TensorBoard."""
    monkeypatch.setattr(settings, "has_package", HAS_PACKAGE)
