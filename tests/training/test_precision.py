"""The kind of numbers that a run computes in is the faster one of its machine, and stays it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from facekit.training import checkpoint, invocation, precision
from facekit.training.team import ALONE, Team
from training.small import people, write_array

TIMES = {torch.bfloat16: 2.0, torch.float32: 3.0}

pytestmark = pytest.mark.usefixtures("tiny_network")


@dataclass(frozen=True)
class Slowed(Team):
    """A team in which another process is faster in float32."""

    def any(self, flag: bool) -> bool:
        return True


@pytest.mark.parametrize(("float32", "faster"), [(3.0, "bf16"), (1.0, "float32")])
def test_the_faster_one_is_taken(float32: float, faster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "seconds", (TIMES | {torch.float32: float32}).__getitem__)
    assert precision.faster(ALONE) == faster


def test_processes_that_differ_all_take_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "seconds", TIMES.__getitem__)
    assert precision.faster(Slowed()) == "float32"


def test_a_convolution_is_timed_here() -> None:
    assert all(0 < precision.seconds(dtype) < 30 for dtype in TIMES)


def test_a_run_that_goes_on_keeps_what_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    listener = invocation.Listener(note=notes.append)
    request = invocation.Request(out=tmp_path / "run", data=write_array(tmp_path / "crops.npy", people(6, 4)))
    chosen = {"network": "tiny", "dimension": 8, "batch": 8, "warmup": 1}
    monkeypatch.setattr(precision, "seconds", TIMES.__getitem__)
    assert invocation.train(request, {**chosen, "phases": ((32, 1),)}, listener)
    assert "computing in bf16, the faster here" in notes
    monkeypatch.setattr(precision, "seconds", (TIMES | {torch.float32: 1.0}).__getitem__)
    resumed = invocation.Request(out=request.out, data=request.data, resume=True)
    assert invocation.train(resumed, {"phases": ((32, 2),)})
    saved = checkpoint.read(request.out / checkpoint.LAST)
    assert saved.facts["step"] == 2
    assert saved.config["precision"] == "bf16"
