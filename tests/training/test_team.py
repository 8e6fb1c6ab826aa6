"""Two processes with half a batch each are one process with the whole batch."""

import csv
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from facekit.errors import UsageError
from facekit.training import checkpoint, networks
from facekit.training.team import ALONE, joined
from training.two_processes import train_each

SCRIPT = Path(__file__).with_name("two_processes.py")


def read(out: Path) -> tuple[checkpoint.Checkpoint, list[dict[str, str]]]:
    with (out / "metrics.csv").open() as file:
        return checkpoint.read(out / checkpoint.LAST), list(csv.DictReader(file))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both runs, in `one` by this process and in `two` by torchrun."""
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    out = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "NETWORKS", dict(networks.NETWORKS))
        train_each(out / "one", ALONE)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    command = [sys.executable, *launcher, str(SCRIPT), str(out / "two")]
    paths = os.pathsep.join(map(str, SCRIPT.parents[1:3]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("loss", ["arcface", "triplet"])
def test_two_processes_have_the_loss_and_the_weights_of_one(loss: str, runs: Path) -> None:
    one, alone = read(runs / "one" / loss)
    two, together = read(runs / "two" / loss)
    assert len(alone) == len(together) == 5
    for first, second in zip(alone, together, strict=True):
        for name in ("labels", "distance", "relational", "accuracy"):
            assert float(second[name]) == pytest.approx(float(first[name]), rel=1e-4), name
    for name, value in one.tensors.items():
        assert torch.allclose(two.tensors[name], value, rtol=1e-3, atol=1e-5), name


def test_alone_there_is_nothing_to_gather() -> None:
    network = torch.nn.Linear(2, 2)
    assert ALONE.wrap(network) is network
    assert ALONE.leads
    assert ALONE.any(True)
    assert not ALONE.any(False)
    with joined("cpu") as team:
        assert team == ALONE


def test_the_others_wait_while_the_first_reads_a_million_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[timedelta] = []
    dist = torch.distributed
    monkeypatch.setattr(dist, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(dist, "init_process_group", lambda _, *, timeout: begun.append(timeout))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    for name in ("get_node_local_rank", "get_rank"):
        monkeypatch.setattr(dist, name, lambda: 1)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    with joined("cpu") as team:
        assert (team.rank, team.world) == (1, 2)
    assert begun[0] >= timedelta(days=1)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device cuda: torch finds no GPU"), joined("cuda"):
        pass
