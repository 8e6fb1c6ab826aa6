"""A teacher that torch runs gives the vectors that the runtime of `identify` gives, or is not used."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from facekit.errors import WeightsError
from facekit.faces.embedding import Embedder
from facekit.models.weights import EmbedderSpec, user_embedder
from facekit.training import export, teacher
from facekit.training.teacher import TorchTeacher, UntranslatedError

CROPS = np.random.default_rng(1).integers(0, 256, (5, 112, 112, 3)).astype(np.uint8)
CPU = torch.device("cpu")
OTHER = 'color = "bgr"\nmean = 0.0\nscale = 1.0\nflip = true\n'


def spec_of(folder: Path, facts: str = "") -> EmbedderSpec:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 28, 28), nn.BatchNorm2d(8), nn.PReLU(8), nn.Flatten())
    network = nn.Sequential(*layers, nn.Linear(128, 16)).eval()
    file = folder / "big.onnx"
    file.write_bytes(export.to_onnx(network))
    file.with_suffix(".toml").write_text(f"[embedder]\ndimension = 16\n{facts}")
    return user_embedder(file)


@pytest.mark.parametrize("facts", ["", OTHER])
def test_torch_gives_the_vectors_of_the_usual_runtime(
    facts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "PART", 2)
    usual = Embedder(spec_of(tmp_path, facts))
    ours = teacher.translated(usual, CPU)
    assert (ours.fingerprint, ours.dimension) == (usual.fingerprint, usual.dimension)
    assert np.allclose(ours(CROPS), usual(CROPS), atol=1e-5)
    assert np.allclose(ours(CROPS[:, :, ::-1]), usual(CROPS[:, :, ::-1]), atol=1e-5)


def test_a_part_that_cannot_be_translated_is_left_to_the_usual_runtime(tmp_path: Path) -> None:
    file = spec_of(tmp_path).path
    model = onnx.load(file)
    output = model.graph.output[0]
    model.graph.node.append(onnx.helper.make_node("LpNormalization", [output.name], ["unit"], axis=1))
    output.name = "unit"
    onnx.save(model, file)
    spec = user_embedder(file)
    with pytest.raises(NotImplementedError):
        TorchTeacher(spec, CPU)
    with pytest.raises(UntranslatedError, match="torch"):
        teacher.translated(Embedder(spec), CPU)


@pytest.mark.parametrize("wrong", [np.ones((3, 16), np.float32) / 4, np.ones((3, 8), np.float32)])
def test_a_translation_that_gives_other_vectors_is_not_used(
    wrong: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TorchTeacher, "__call__", lambda self, crops: wrong)
    with pytest.raises(UntranslatedError, match="torch"):
        teacher.translated(Embedder(spec_of(tmp_path)), CPU)


@pytest.mark.parametrize(
    "error", [KeyError("scale"), WeightsError("a vector that is zero"), RuntimeError("no memory")]
)
def test_a_translation_that_fails_is_not_used(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: TorchTeacher, crops: np.ndarray) -> np.ndarray:
        raise error

    monkeypatch.setattr(TorchTeacher, "__call__", fail)
    with pytest.raises(UntranslatedError, match="torch"):
        teacher.translated(Embedder(spec_of(tmp_path)), CPU)


def test_a_teacher_that_a_gpu_cannot_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(usual: Embedder, device: torch.device) -> TorchTeacher:
        raise UntranslatedError("big.onnx: torch cannot run it (a part)")

    monkeypatch.setattr(teacher, "translated", fail)
    notes: list[str] = []
    assert isinstance(teacher.load(spec_of(tmp_path), torch.device("cuda"), notes.append), Embedder)
    assert len(notes) == 1
    assert "big.onnx" in notes[0]
    assert "on the processor" in notes[0]


def test_without_a_gpu_the_usual_runtime_runs_it(tmp_path: Path) -> None:
    assert isinstance(teacher.load(spec_of(tmp_path), CPU), Embedder)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    spec_of(tmp_path).path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"big\.onnx: is no network"):
        teacher.load(user_embedder(tmp_path / "big.onnx"), CPU)
