"""The embedder's run on a GPU: what it begins with, how its rate falls, and that a short one ends."""

from pathlib import Path

import loading
import pytest
import torch

from facekit.training import bank, checkpoint, export, networks
from facekit.training.config import Augmentation
from facekit.training.networks import FaceResNet
from training.small import Means, people, tiny, write_array

train_embedder = loading.script("train_embedder")


def test_a_wider_network_begins_where_the_narrower_one_ended() -> None:
    torch.manual_seed(0)
    narrow, wide = FaceResNet(8, widths=(4, 6, 8, 10)), FaceResNet(8, widths=(6, 6, 12, 16))
    train_embedder.widened(narrow.state_dict(), wide)
    faces = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(narrow.eval()(faces), wide.eval()(faces), atol=1e-5)


@pytest.mark.parametrize("length", [{"steps": 400}, {"seconds": 400.0}])
def test_the_rate_falls_with_what_is_over_of_the_steps_or_of_the_time(length: dict[str, float]) -> None:
    plan = train_embedder.Plan(**length)
    rates = [plan.rate_at(100 + done, plan.passed(done, done)) for done in (0, 100, 200, 300, 400, 500)]
    assert rates[0] == plan.rate
    assert rates[2] == pytest.approx(plan.rate / 2)
    assert rates[4] == rates[5] == 0
    assert rates == sorted(rates, reverse=True)


def test_a_short_run_with_morphs_writes_what_export_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(networks.NETWORKS, "resnet18", networks.Architecture(tiny, 12, "for tests"))
    monkeypatch.setattr(train_embedder, "PART", 8)
    crops, judged = (write_array(tmp_path / name, people(4, 3)) for name in ("crops.npy", "others.npy"))
    faces = train_embedder.read_array(crops)
    bank.build(faces.crops, tmp_path / "bank", views=1, teacher=Means(), augmentation=Augmentation())
    monkeypatch.setattr(train_embedder.teacher, "load", lambda *_: Means())
    monkeypatch.setattr(train_embedder, "user_embedder", lambda path: path)
    train_embedder.main(
        [
            *(str(crops), "--bank", str(tmp_path / "bank"), "--validation", str(judged)),
            *("--teacher", "means.onnx", "--morph-seconds", "0.01", "--steps", "25", "--batch", "8"),
            *("--anchors", "4", "--dimension", "12", "--output", str(tmp_path / "run")),
        ]
    )
    assert "morphs" in (told := capsys.readouterr().out)
    assert "step 25" in told
    vectors = export.load_network(checkpoint.read(tmp_path / "run"))(torch.zeros(2, 3, 112, 112))
    assert vectors.shape == (2, 12)
