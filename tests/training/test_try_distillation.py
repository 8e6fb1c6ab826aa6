"""scripts/try_distillation.py in short: what each trial changes, and a row for each."""

from __future__ import annotations

import json
from pathlib import Path

import loading
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from facekit.training import bank, checkpoint, networks
from facekit.training.config import Augmentation
from facekit.training.networks import FaceResNet

from .small import Means, people, tiny, write_array

tried = loading.script("try_distillation")


def test_fewer_dimensions_lose_what_the_teachers_vectors_do_not_have() -> None:
    random = np.random.default_rng(0)
    plane = np.linalg.qr(random.normal(size=(6, 6)))[0][:, :2]
    vectors = bank.unit(np.float32(random.normal(size=(50, 2)) @ plane.T))
    basis = tried.components(vectors.astype(np.float16), 2)
    assert np.allclose((vectors @ basis) @ (vectors @ basis).T, vectors @ vectors.T, atol=2e-3)
    network = FaceResNet(6, widths=(2, 2, 2, 2)).eval()
    faces = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        wanted = network(faces) @ torch.from_numpy(basis)
        assert torch.allclose(tried.turned(network, basis).eval()(faces), wanted, atol=1e-5)


def test_all_dimensions_are_the_vectors_own() -> None:
    assert np.array_equal(tried.components(np.ones((3, 4), np.float16), 4), np.eye(4))


def test_every_trial_has_a_row_of_the_table_and_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks.NETWORKS, "tiny", networks.Architecture(tiny, 12, "for tests"))
    monkeypatch.setattr(tried, "user_embedder", lambda path: path)
    monkeypatch.setattr(tried, "Embedder", lambda *_, **__: Means())
    crops = write_array(tmp_path / "crops.npy", people(4, 4))
    faces = tried.read_array(crops)
    bank.build(faces.crops, tmp_path / "bank", views=1, teacher=Means(), augmentation=Augmentation())
    begun = networks.create("tiny", 12)
    tensors = {f"averaged.{name}": value for name, value in begun.state_dict().items()}
    run = tmp_path / "run"
    run.mkdir()
    config = tried.Config(network="tiny", dimension=12).to_dict()
    facts = {"step": 1, "best": -1.0, "seconds": 0.0, "history": []}
    checkpoint.write(run / checkpoint.LAST, checkpoint.Checkpoint(tensors, config, facts))
    trials = [replaced for replaced in tried.TRIALS if replaced.dimension == 256]
    monkeypatch.setattr(
        tried, "TRIALS", tuple(tried.replace(each, dimension=12, anchors=4) for each in trials)
    )
    result = CliRunner().invoke(
        tried.main,
        [
            *(str(crops), "--bank", str(tmp_path / "bank"), "--validation", str(crops), "--init", str(run)),
            *("--network", "tiny", "--teacher", str(crops), "--steps", "2", "--batch", "4"),
            *("--output", str(tmp_path / "tried.json")),
        ],
    )
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "tried.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in rows] == ["before any of them", *(trial.name for trial in trials)]
    assert all(row["as they are"]["accuracy"] > 0.4 and row["covered"] for row in rows)
    assert len(result.stdout.splitlines()) == 2 + len(rows)
