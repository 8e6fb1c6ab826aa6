"""A teacher that torch runs gives the vectors that the runtime of `identify` gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facekit.embedding import Embedder
from facekit.errors import WeightsError
from facekit.training import export, teacher
from facekit.weights import user_embedder

CROPS = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3)).astype(np.uint8)
CPU = torch.device("cpu")
PLAIN = ""
OTHER = 'colour = "bgr"\nmean = 0.0\nscale = 1.0\nflip = true\n'


def written(folder: Path, facts: str) -> Path:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 28, 28), nn.BatchNorm2d(8), nn.PReLU(8), nn.Flatten())
    network = nn.Sequential(*layers, nn.Linear(128, 16)).eval()
    file = folder / "big.onnx"
    file.write_bytes(export.to_onnx(network))
    file.with_suffix(".toml").write_text(f"[embedder]\ndimension = 16\n{facts}")
    return file


@pytest.mark.parametrize("facts", [PLAIN, OTHER])
def test_torch_gives_the_vectors_of_the_usual_runtime(facts: str, tmp_path: Path) -> None:
    spec = user_embedder(written(tmp_path, facts))
    usual, ours = Embedder(spec), teacher.TorchTeacher(spec, CPU)
    assert (ours.fingerprint, ours.dimension) == (usual.fingerprint, usual.dimension)
    assert np.allclose(ours(CROPS), usual(CROPS), atol=1e-5)
    assert np.allclose(ours(CROPS[:, :, ::-1]), usual(CROPS[:, :, ::-1]), atol=1e-5)


def test_without_a_gpu_the_usual_runtime_runs_it(tmp_path: Path) -> None:
    assert isinstance(teacher.load(user_embedder(written(tmp_path, PLAIN)), CPU), Embedder)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, PLAIN)
    file.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"big\.onnx: is no network"):
        teacher.TorchTeacher(user_embedder(file), CPU)
