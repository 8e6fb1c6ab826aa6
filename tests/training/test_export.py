"""The exported file gives the network's vectors, smaller files nearly so, and a bad one is not written."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from facekit.errors import UsageError, WeightsError
from facekit.evaluation import metrics
from facekit.faces.embedding import Embedder
from facekit.files import untrusted
from facekit.models import runtime, weights
from facekit.training import checkpoint, export, manifest, networks, release, run
from facekit.training.checkpoint import Checkpoint
from facekit.training.config import Config
from facekit.training.data import Faces
from facekit.training.validation import embed
from training.small import people, quick

FACES = people(6, 4)


def settled(network: torch.nn.Module) -> torch.nn.Module:
    """With batch norms that do something, as after training."""
    torch.manual_seed(2)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(part.bias, 0, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def resnet() -> torch.nn.Module:
    return settled(networks.FaceResNet(16, widths=(8, 8, 16, 16)))


@pytest.fixture(scope="module")
def plain(resnet: torch.nn.Module) -> bytes:
    return export.to_onnx(resnet)


@pytest.fixture
def saved(tiny_network: str, tmp_path: Path) -> Path:
    state = run.start(quick(), FACES)
    settled(state.averaged)
    state.save(tmp_path / checkpoint.LAST, quick())
    return tmp_path


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_batch_gives_the_vectors_of_torch(resnet: torch.nn.Module, plain: bytes, count: int) -> None:
    faces = torch.randn(count, 3, 112, 112)
    with torch.no_grad():
        wanted = resnet(faces).numpy()
    found = runtime.load(plain)(faces.numpy())
    assert found.shape == (count, 16)
    assert found == pytest.approx(wanted, abs=1e-5)
    # The length is kept: it tells the quality for some losses.
    assert not np.allclose(np.linalg.norm(found, axis=1), 1, atol=0.05)


def test_batch_norms_are_folded_and_names_are_kept(plain: bytes) -> None:
    model = onnx.load_from_string(plain)
    onnx.checker.check_model(model)
    kinds = {node.op_type for node in model.graph.node}
    assert kinds <= {"Conv", "Relu", "Add", "Flatten", "Gemm", "Identity"}
    assert [value.name for value in model.graph.input] == ["faces"]
    assert [value.name for value in model.graph.output] == ["vector"]
    assert {entry.version for entry in model.opset_import} == {17}
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert shape[0].dim_param
    assert [dimension.dim_value for dimension in shape[1:]] == [3, 112, 112]


@pytest.mark.parametrize(
    ("name", "side"),
    [("resnet18", 112), ("iresnet18", 112), ("iresnet18", 64), ("resnet18-torchvision", 112)],
)
def test_networks_of_the_table_can_be_exported(name: str, side: int) -> None:
    network = settled(networks.create(name, 16))
    faces = torch.randn(1, 3, side, side)
    with torch.no_grad():
        wanted = network(faces).numpy()
    found = runtime.load(export.to_onnx(network, side=side))(faces.numpy())
    assert found == pytest.approx(wanted, rel=1e-3, abs=1e-3 * float(np.abs(wanted).max()))


def test_half_weights_are_half_the_size_and_the_same_vectors(plain: bytes) -> None:
    half = export.half_weights(plain)
    onnx.checker.check_model(onnx.load_from_string(half))
    assert len(half) < 0.6 * len(plain)
    moved = export.drift(export.embed(plain, FACES.crops), export.embed(half, FACES.crops), FACES.labels)
    assert moved.vector_max < 1e-5


def test_int8_is_smaller_still_and_near(plain: bytes) -> None:
    small = export.quantized(plain, FACES.crops)
    # Names and scales weigh more than the weights of so small a network do.
    assert len(small) < 0.75 * len(plain)
    kinds = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    moved = export.drift(export.embed(plain, FACES.crops), export.embed(small, FACES.crops), FACES.labels)
    assert 0 < moved.vector_mean < 0.01


def test_drift_by_hand() -> None:
    before = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    after = np.array([[1, 0], [0, 1], [0.8, 0.6], [0, 1]], np.float32)
    found = export.drift(before, after, np.array([0, 1, 0, 1]))
    assert found.crops == 4
    assert found.vector_max == pytest.approx(0.2)
    assert found.vector_mean == pytest.approx(0.05)
    # Of the sixteen scores those of the third crop with others moved: 0.2 once, 0.6 twice, both ways.
    assert found.score_max == pytest.approx(0.6)
    assert found.score_mean == pytest.approx(2 * (0.2 + 0.6 + 0.6) / 16)
    assert found.loss("accuracy") == pytest.approx(found.before["accuracy"] - found.after["accuracy"])


def test_a_released_network_is_an_embedder(saved: Path, tiny_network: str) -> None:
    written = release.release(saved, saved / "mine.onnx", validation=FACES, side=112, unproven=True)
    spec = weights.user_embedder(written.network)
    assert spec.dimension == 8
    assert spec.sha256 == weights.digest(written.network)
    assert spec.name == "mine"
    wanted = embed(export.load_network(checkpoint.read(saved)), FACES.crops, side=112)
    assert Embedder(spec)(FACES.crops) == pytest.approx(wanted, abs=1e-5)
    assert written.entry["figures"]["crops"] == 24
    assert written.entry["training"]["steps"] == 0


def test_the_file_takes_faces_of_the_size_that_was_trained_on_last(saved: Path) -> None:
    """A network that has only seen small faces is no good at large ones."""
    written = release.release(saved, saved / "mine.onnx", validation=FACES, unproven=True)
    assert written.entry["side"] == weights.user_embedder(written.network).side == 32
    network = export.load_network(checkpoint.read(saved))
    wanted = metrics.verification(embed(network, FACES.crops, side=32), FACES.labels)
    assert written.entry["figures"]["accuracy"] == pytest.approx(wanted["accuracy"], abs=1e-5)


def test_what_is_smaller_is_compared_and_reported(saved: Path) -> None:
    written = release.release(
        saved,
        saved / "small.onnx",
        unproven=True,
        precision="int8",
        calibration=FACES,
        validation=people(5, 3, seed=4),
        bounds=release.Bounds(vector=0.05),
    )
    assert written.drifts["int8"].crops == 15
    assert weights.user_embedder(written.network).precision == "int8"


def test_a_file_worse_than_the_bound_is_not_written(saved: Path) -> None:
    out = saved / "small.onnx"
    release.release(saved, out, unproven=True)
    before = [path.read_bytes() for path in (out, out.with_suffix(".toml"))]
    with pytest.raises(release.DriftError, match=r"not written: .* allowed 1e-09"):
        release.release(
            saved,
            out,
            unproven=True,
            precision="int8",
            calibration=FACES,
            validation=FACES,
            bounds=release.Bounds(vector=1e-9),
        )
    assert [path.read_bytes() for path in (out, out.with_suffix(".toml"))] == before


@pytest.mark.parametrize("name", ["network.onnx", "network.toml"])
def test_a_file_that_no_release_wrote_is_not_replaced(saved: Path, name: str) -> None:
    (saved / name).write_text("[tool]\nmine = true\n")
    with pytest.raises(UsageError, match=f"{name}: is there already"):
        release.release(saved, saved / "network.onnx")
    assert sorted(path.name for path in saved.iterdir()) == sorted(["last.safetensors", name])
    with pytest.raises(UsageError, match="one of the inputs"):
        release.release(saved / "last.safetensors", saved / "last.safetensors")


def test_a_full_disk_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = saved / "network.onnx"
    release.release(saved, out, unproven=True)
    before = out.read_bytes()

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        release.release(saved, out, unproven=True)
    assert out.read_bytes() == before
    assert not list(saved.glob(".facekit*"))


def test_a_loss_of_tar_is_a_bound_of_its_own() -> None:
    drift = export.Drift(
        9, 0.0, 0.0, 0.0, 0.0, {"tar_1e-4": 0.7, "accuracy": 0.9}, {"tar_1e-4": 0.68, "accuracy": 1.0}
    )
    with pytest.raises(release.DriftError, match=r"tar_1e-4 fell from 0\.7000 to 0\.6800"):
        release.Bounds().check(drift)
    release.Bounds(tar=0.03).check(drift)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8", "validation": FACES}, "--calibration"),
        ({"precision": "int8", "calibration": FACES}, "--validation"),
        ({"precision": "float16"}, "--validation"),
    ],
)
def test_what_a_smaller_file_needs(options: dict[str, Faces], message: str, saved: Path) -> None:
    with pytest.raises(UsageError, match=message):
        release.release(saved, saved / "small.onnx", unproven=True, **options)  # type: ignore[arg-type]


def test_calibration_sees_all_of_the_array() -> None:
    faces = replace(FACES, crops=np.concatenate([FACES.crops, FACES.crops]))
    assert len(release.sample(faces, 4)) == 4
    assert (release.sample(faces, 4)[-1] == FACES.crops[-1]).all()
    assert len(release.sample(faces, 1000)) == 24


def test_the_manifest_keeps_its_other_tables(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    entry = {"file": "a.onnx", "flip": False, "scale": 127.5, "name": 'say "hi"\\', "figures": {"tar": 0.5}}
    manifest.update(path, entry)
    assert tomllib.loads(path.read_text()) == {"embedder": entry}
    path.write_text(path.read_text() + '\n# theirs\n[landmarks]\nfile = "l.dat"\n')
    manifest.update(path, {"file": "b.onnx", "figures": {"tar": 0.6}})
    assert tomllib.loads(path.read_text()) == {
        "embedder": {"file": "b.onnx", "figures": {"tar": 0.6}},
        "landmarks": {"file": "l.dat"},
    }
    assert "# theirs" in path.read_text()


def test_a_run_is_its_best_checkpoint_else_its_last(saved: Path) -> None:
    assert checkpoint.find(saved).name == checkpoint.LAST
    (saved / checkpoint.BEST).write_bytes((saved / checkpoint.LAST).read_bytes())
    assert checkpoint.find(saved).name == checkpoint.BEST
    empty = saved / "empty"
    empty.mkdir()
    with pytest.raises(WeightsError, match="is it the folder"):
        checkpoint.find(empty)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not a checkpoint"):
        checkpoint.read(path)


FACTS = {"step": 1, "best": 0.5, "seconds": 2.0, "history": [{"step": 1.0}]}


def test_a_checkpoint_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / checkpoint.LAST
    checkpoint.write(path, Checkpoint({"a": torch.ones(3)}, Config(seed=1).to_dict(), FACTS))
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write(path, Checkpoint({"a": torch.zeros(3)}, {}, {}))
    assert path.read_bytes() == before
    read = checkpoint.read(path)
    assert (read.config["seed"], read.facts) == (1, FACTS)


@pytest.mark.parametrize("place", ["numbers", "settings"])
def test_a_checkpoint_with_a_changed_byte_is_refused(place: str, tmp_path: Path) -> None:
    path = tmp_path / checkpoint.LAST
    parts = {"a": torch.ones(3), "b": torch.tensor(7), "c": torch.rand(2, 3, 4, 4)}
    parts["c"] = parts["c"].contiguous(memory_format=torch.channels_last)
    checkpoint.write(path, Checkpoint(parts, Config(seed=1).to_dict(), FACTS))
    read = checkpoint.read(path)
    assert all(torch.equal(read.tensors[name], value) for name, value in parts.items())
    content = bytearray(path.read_bytes())
    content[-5 if place == "numbers" else content.index(b"seed")] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        checkpoint.read(path)


def test_a_checkpoint_of_another_network_is_refused(saved: Path) -> None:
    read = checkpoint.read(saved)
    other = replace(read, config={**read.config, "network": "resnet18"})
    with pytest.raises(WeightsError, match="does not fit resnet18"):
        export.load_network(other)


def test_a_network_of_exactly_one_picture_takes_more(resnet: torch.nn.Module, plain: bytes) -> None:
    """As most published ones are: a teacher must not be refused for it."""
    model = onnx.load_from_string(plain)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    faces = torch.randn(3, 3, 112, 112).numpy()
    assert runtime.load(model.SerializeToString())(faces) == pytest.approx(
        runtime.load(plain)(faces), abs=1e-6
    )


def test_a_manifest_takes_a_weight_for_each_of_many_dimensions(tmp_path: Path) -> None:
    """A line may not have as many dots as such a list has."""
    path, weights = tmp_path / "manifest.toml", [round(number / 7, 5) for number in range(-512, 512)]
    manifest.update(path, {"file": "a.onnx", "poorness": {"weights": weights, "bias": 1.5}})
    manifest.update(path, {"file": "detector.onnx"}, name="detector")
    assert untrusted.toml(path)["embedder"]["poorness"] == {"weights": weights, "bias": 1.5}
    manifest.update(path, {"file": "b.onnx"})
    assert untrusted.toml(path) == {"embedder": {"file": "b.onnx"}, "detector": {"file": "detector.onnx"}}
