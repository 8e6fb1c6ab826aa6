"""An exported embedder can be trained on: the network that is restored computes what the file does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facekit.errors import WeightsError
from facekit.faces.embedding import normalized
from facekit.training import export, networks, run
from facekit.training.restore import restore
from facekit.training.validation import embed
from training.small import people, quick

FACES = people(6, 8)
WIDTHS = (8, 8, 16, 16)


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    torch.manual_seed(3)
    network = networks.FaceResNet(16, widths=WIDTHS).train()
    faces = torch.from_numpy(FACES.crops).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        for _ in range(20):
            network(faces)
    return network.eval()


def written(network: torch.nn.Module, kind: str, path: Path) -> Path:
    plain = export.to_onnx(network)
    smaller = {"float32": lambda: plain, "float16": lambda: export.half_weights(plain)}
    path.write_bytes(smaller.get(kind, lambda: export.quantized(plain, FACES.crops))())
    return path


@pytest.mark.parametrize(("kind", "nearness"), [("float32", 0.9999), ("float16", 0.9999), ("int8", 0.99)])
def test_the_restored_network_gives_the_vectors_of_the_file(
    trained: torch.nn.Module, kind: str, nearness: float, tmp_path: Path
) -> None:
    file = written(trained, kind, tmp_path / "network.onnx")
    again = networks.FaceResNet(16, widths=WIDTHS)
    restore(again, file, FACES.crops)
    found = embed(again, FACES.crops, side=112)
    wanted = export.embed(file.read_bytes(), FACES.crops)
    assert np.einsum("nd,nd->n", found, wanted).mean() > nearness


def test_kernels_have_the_length_they_are_drawn_with(trained: torch.nn.Module, tmp_path: Path) -> None:
    again = networks.FaceResNet(16, widths=WIDTHS)
    usual = [
        part.weight.flatten(1).norm(dim=1).mean()
        for part in again.modules()
        if isinstance(part, torch.nn.Conv2d)
    ]
    restore(again, written(trained, "float32", tmp_path / "network.onnx"), FACES.crops)
    found = [
        part.weight.flatten(1).norm(dim=1).mean()
        for part in again.modules()
        if isinstance(part, torch.nn.Conv2d)
    ]
    assert torch.allclose(torch.stack(found), torch.stack(usual), rtol=0.25)


@pytest.mark.parametrize("other", [(8, 8, 16, 24), (8, 8, 8, 8)])
def test_a_file_of_another_network_is_refused(
    other: tuple[int, int, int, int], trained: torch.nn.Module, tmp_path: Path
) -> None:
    file = written(trained, "float32", tmp_path / "network.onnx")
    with pytest.raises(WeightsError, match=r"network\.onnx: is of another network"):
        restore(networks.FaceResNet(16, widths=other), file, FACES.crops)


def test_a_network_with_norms_before_its_layers_is_refused(trained: torch.nn.Module, tmp_path: Path) -> None:
    file = written(trained, "float32", tmp_path / "network.onnx")
    first = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Conv2d(3, 8, 3))
    with pytest.raises(WeightsError, match="cannot be restored"):
        restore(first, file, FACES.crops)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"network\.onnx: is no ONNX file"):
        restore(networks.FaceResNet(16, widths=WIDTHS), tmp_path / "network.onnx", FACES.crops)


def test_a_run_begins_from_an_exported_file(
    trained: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {
        "small": networks.Architecture(
            lambda dimension: networks.FaceResNet(dimension, widths=WIDTHS), 16, ""
        )
    }
    monkeypatch.setattr(networks, "NETWORKS", table)
    state = run.start(quick(network="small", dimension=16), FACES)
    state.load_weights(written(trained, "float32", tmp_path / "network.onnx"), FACES)
    for begun in (state.network, state.averaged):
        found = normalized(embed(begun, FACES.crops, side=112))
        with torch.no_grad():
            faces = torch.from_numpy(FACES.crops).permute(0, 3, 1, 2) / 127.5 - 1
            wanted = F.normalize(trained(faces)).numpy()
        assert np.einsum("nd,nd->n", found, wanted).min() > 0.9999


def test_a_run_of_another_dimension_begins_near_its_teacher(
    trained: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(dimension: int) -> torch.nn.Module:
        return networks.FaceResNet(dimension, widths=WIDTHS)

    monkeypatch.setattr(networks, "NETWORKS", {"small": networks.Architecture(build, 16, "")})
    file = written(trained, "float32", tmp_path / "network.onnx")
    # What the teacher says follows from what the file's network sees, so a last layer can say it too.
    turned = np.random.default_rng(0).normal(size=(16, 5))
    wanted = normalized((embed(trained, FACES.crops, side=112) @ turned).astype(np.float32))
    taught = replace(FACES, teacher=wanted.astype(np.float16))
    state = run.start(quick(network="small", dimension=5), taught)
    state.load_weights(file, taught)
    for begun in (state.network, state.averaged):
        found = normalized(embed(begun, FACES.crops, side=112))
        assert np.einsum("nd,nd->n", found, wanted).mean() > 0.99
    alone = run.start(quick(network="small", dimension=5), FACES)
    with pytest.raises(WeightsError, match=r"network\.onnx: is of another dimension than 5"):
        alone.load_weights(file, FACES)
