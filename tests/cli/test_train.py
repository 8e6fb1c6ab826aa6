"""`facekit train` and `facekit export`: from faces on disk to an embedder file."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Run
from PIL import Image
from training.small import people, tiny, write_array

from facekit.models import weights
from facekit.training import checkpoint, data, invocation, journal, loop, manifest, networks, release
from facekit.training import run as runs
from facekit.training.checkpoint import Checkpoint
from facekit.training.config import Config
from facekit.training.data import Faces
from facekit.training.export import embed

QUICK = ("--phases", "32:2", "--batch", "8", "--dimension", "16", "--warmup", "1", "--precision", "float32")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Faces to train on, with a network of seconds in the place of the usual one."""
    monkeypatch.setitem(networks.NETWORKS, "resnet18", networks.Architecture(tiny, 8, "for tests"))
    monkeypatch.setattr(journal, "draw", lambda *_: None)  # takes several times as long as these runs
    return write_array(tmp_path / "crops.npy", people(6, 4))


def test_train_then_export_gives_an_embedder(run: Run, crops: Path) -> None:
    result = run("train", "--data", crops, "--output", "mine", *QUICK)
    assert result.exit_code == 0, result.output
    assert "step 2" in result.stdout
    assert "accuracy" in result.stdout
    assert "16 faces to train on, 16 of them of 4 subjects; 8 faces of 2 others" in result.stderr
    assert "facekit export mine" in result.stderr
    result = run(
        "export", "mine", "-o", "mine.onnx", "--unproven", "--validation", crops, "--license", "none",
        "--data", "squares",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["embedder"]["figures"]["crops"] == 24
    spec = weights.user_embedder(Path("mine.onnx"))
    assert spec.dimension == 16
    assert spec.side == 32
    assert embed(spec.path.read_bytes(), people(2, 1).crops, side=32).shape == (2, 16)
    text = Path("mine.toml").read_text()
    assert 'license = "none"' in text
    assert 'command = "facekit' in text


def test_a_run_goes_on_with_its_own_settings_and_those_given(run: Run, crops: Path) -> None:
    assert run("train", "--data", crops, "--output", "mine", "--loss", "cosface", *QUICK).exit_code == 0
    result = run(
        "train", "--data", crops, "--output", "mine", "--resume", "--phases", "32:3", "--augment-blur", "0"
    )
    assert result.exit_code == 0, result.output
    assert "going on at step 2 of 3" in result.stderr
    saved = checkpoint.read(Path("mine", checkpoint.LAST))
    assert saved.facts["step"] == 3
    assert (saved.config["loss"], saved.config["batch"]) == ("cosface", 8)
    again = run("train", "--data", crops, "--output", "mine", *QUICK)
    assert again.exit_code == 2
    assert "--resume goes on with it" in again.stderr


@pytest.mark.parametrize("option", ["--data", "--validation"])
def test_a_run_goes_on_with_its_own_faces_only(run: Run, crops: Path, option: str) -> None:
    """Also where there are as many others of as many people."""
    given = {"--data": crops, "--validation": write_array(Path("judges.npy"), people(4, 3, seed=5))}
    words = [word for pair in given.items() for word in pair]
    assert run("train", "--output", "mine", *words, *QUICK).exit_code == 0
    faces = data.read_array(given[option])
    noise = np.random.default_rng(3).integers(0, 255, faces.crops.shape, np.uint8)
    other = write_array(Path("other.npy"), replace(faces, crops=noise))
    result = run("train", "--output", "mine", "--resume", *words, option, other)
    assert result.exit_code == 2
    assert f"was {'trained' if option == '--data' else 'validated'} on other faces" in result.stderr


def test_a_run_knows_the_command_and_the_commit_that_it_began_with(
    run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        monkeypatch.setattr(manifest, "command", lambda number=number: f"facekit train {number}")
        monkeypatch.setattr(manifest, "commit", lambda number=number: f"c0ffee{number}")
        phases, again = ("--phases", f"32:{number + 2}"), ("--resume",) if number else ()
        result = run("train", "--data", crops, "--output", "mine", *QUICK, *phases, *again)
        assert result.exit_code == 0, result.output
    assert run("export", "mine/last.safetensors", "-o", "mine.onnx", "--unproven").exit_code == 0
    entry = tomllib.loads(Path("mine.toml").read_text())["embedder"]
    assert (entry["command"], entry["commit"]) == ("facekit train 0", "c0ffee0")
    assert entry["training"]["resumed"] == ["facekit train 1", "facekit train 2"]
    run("export", "mine", "-o", "mine.onnx", "--unproven", "--command", "by hand", "--commit", "mine")
    entry = tomllib.loads(Path("mine.toml").read_text())["embedder"]
    assert (entry["command"], entry["commit"]) == ("by hand", "mine")


def test_a_folder_is_taken_before_faces_are_read(
    run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation, "_read", None)
    with journal.claimed(Path("mine")):
        result = run("train", "--data", crops, "--output", "mine", *QUICK)
    assert result.exit_code == 2
    assert "another training writes here" in result.stderr


def test_weights_are_loaded_where_the_crops_are(
    run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network on a GPU cannot be shown crops that are not there."""
    assert run("train", "--data", crops, "--output", "first", *QUICK).exit_code == 0
    calls: list[str] = []
    to = runs.Run.to

    def move(state: runs.Run, device: torch.device) -> runs.Run:
        calls.append("move")
        return to(state, device)

    monkeypatch.setattr(runs.Run, "load_weights", lambda *_: calls.append("load"))
    monkeypatch.setattr(runs.Run, "to", move)
    assert run("train", "--data", crops, "--output", "mine", "--init", "first", *QUICK).exit_code == 0
    assert calls[:2] == ["load", "move"]


def test_an_interrupted_run_says_how_to_go_on(run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add = loop.Meter.add

    def interrupt(self: loop.Meter, *values: object) -> None:
        add(self, *values)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Meter, "add", interrupt)
    result = run("train", "--data", crops, "--output", "mine", *QUICK)
    assert result.exit_code == 130
    assert "--resume" in result.stderr
    assert checkpoint.read(Path("mine", checkpoint.LAST)).facts["step"] == 1


def test_folders_of_crops_and_the_default_gallery(run: Run, crops: Path, tmp_path: Path) -> None:
    faces = people(5, 2)
    for number, (crop, label) in enumerate(zip(faces.crops, faces.labels, strict=True)):
        folder = tmp_path / "gallery" / f"person {label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).save(folder / f"{number}.png")
    (tmp_path / "gallery" / "person 0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n?")
    result = run("train", "--aligned", "--output", "mine", *QUICK)
    assert result.exit_code == 0, result.output
    assert "broken.png" in result.stderr
    assert "6 faces to train on, 6 of them of 3 subjects" in result.stderr


def test_two_people_are_enough_and_what_is_missing_then_is_said(run: Run, crops: Path) -> None:
    two = write_array(Path("two.npy"), people(2, 4))
    result = run("train", "--data", two, "--output", "mine", "--patience", "1", *QUICK)
    assert result.exit_code == 0, result.output
    assert "8 faces to train on, 8 of them of 2 subjects; none to validate" in result.stderr
    assert "accuracy" not in result.stdout
    result = run("export", "mine", "-o", "mine.onnx", "--unproven")
    assert result.exit_code == 0, result.output
    assert "no figures and no threshold" in result.stderr
    assert "--validation" in result.stderr
    assert "figures" not in json.loads(result.stdout)["embedder"]


@pytest.mark.parametrize("others", [people(3, 1, unknown=4), people(1, 4)])
def test_crops_that_cannot_judge_are_refused(run: Run, crops: Path, others: Faces) -> None:
    useless = write_array(Path("useless.npy"), others)
    result = run("train", "--data", crops, "--output", "mine", "--validation", useless, *QUICK)
    assert result.exit_code == 2
    assert "too few to validate on" in result.stderr
    assert run("train", "--data", crops, "--output", "mine", *QUICK).exit_code == 0
    result = run("export", "mine", "--validation", useless)
    assert result.exit_code == 2
    assert "too few to validate on" in result.stderr


def test_without_data_it_says_what_is_needed(run: Run) -> None:
    result = run("train")
    assert result.exit_code == 2
    assert "--data FOLDER" in result.stderr
    assert "FILE.csv" in result.stderr


def test_without_torch_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['torch'] = None; from facekit.cli import group; group.main(['train'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "training needs torch: " in done.stderr
    assert "pip install '.[train]'" in done.stderr


def test_a_teacher_and_a_bank_of_views(run: Run, crops: Path) -> None:
    assert run("train", "--data", crops, "--output", "teacher", *QUICK).exit_code == 0
    assert run("export", "teacher", "-o", "teacher.onnx", "--side", "112", "--unproven").exit_code == 0
    unlabeled = write_array(Path("faces.npy"), people(6, 4, unknown=6))
    options = ("--teacher", "teacher.onnx", "--bank", "bank", "--views", "2", "--anchors", "16")
    result = run("train", "--data", unlabeled, "--output", "mine", *options, *QUICK)
    assert result.exit_code == 0, result.output
    assert "22 faces to train on, 16 of them of 4 subjects" in result.stderr
    assert "distance" in result.stdout
    assert {path.name for path in Path("bank").iterdir()} == {
        "bank.json",
        "views.npy",
        "teacher.npy",
        "progress",
    }
    alone = run("train", "--data", unlabeled, "--output", "mine", "--resume")
    assert alone.exit_code == 2
    assert "learned from a teacher" in alone.stderr
    run("train", "--data", unlabeled, "--output", "alone", *QUICK)
    late = run("train", "--data", unlabeled, "--output", "alone", "--resume", *options)
    assert late.exit_code == 2
    assert "had a teacher of 0 dimensions" in late.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--loss", "triplet", "--sampler", "every"), "needs --sampler subjects"),
        (("--views", "3"), "say where with --bank"),
        (("--phases", "8:10"), "32 pixels or more"),
        (("--phases", "sixty"), "64:5000,112:20000"),
        (("--loss", "contrastive", "--batch", "6"), "cannot hold"),
        (("--loss", "arcfase"), "arcface"),
        (("--rate", "-1"), "--rate must be above 0, not -1"),
        (("--rate", "nan"), "'--rate': nan is not a finite number"),
        (("--seed", "-1"), "'--seed': -1 is not in the range"),
        (("--augment-scale", "1"), "--augment-scale"),
        (("--augment-blur", "nan"), "'--augment-blur': nan is not a finite number"),
        (("--clip", "0"), "--clip must be above 0"),
        (("--scale", "-5"), "--scale must be above 0"),
    ],
)
def test_what_does_not_go_together(run: Run, crops: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("train", "--data", crops, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("runs").exists()


def test_the_list_of_networks(run: Run) -> None:
    result = run("train", "--list-networks")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()[1:]}
    assert list(rows) == list(networks.NETWORKS)
    assert rows["resnet18"][1:6] == ["256", "11.2", "M", "1.48", "45.0"]
    assert rows["resnet18-narrow"][1:6] == ["128", "6.3", "M", "0.80", "25.2"]


def test_an_int8_file_needs_something_to_be_judged_by(run: Run, crops: Path) -> None:
    assert run("train", "--data", crops, "--output", "mine", *QUICK).exit_code == 0
    result = run("export", "mine", "--precision", "int8", "--calibration", crops)
    assert result.exit_code == 2
    assert "--validation" in result.stderr
    result = run("export", "mine", "--precision", "int8", "--calibration", crops, "--validation", crops,
                 "--max-drift", "0", "--unproven")  # fmt: skip
    assert result.exit_code == 1
    assert "not written" in result.stderr
    assert not Path("embedder.onnx").exists()
    assert run("export", "nothing").exit_code == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--loss", "softmax", "--margin", "0.3"), "--margin is nothing that softmax has"),
        (("--loss", "triplet", "--scale", "30"), "--scale is nothing that triplet has"),
        (("--loss", "triplet", "--batch", "10", "--per-subject", "4"), "cannot hold 4 pictures each"),
    ],
)
def test_what_does_not_go_together_is_told_before_any_picture_is_read(
    run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr(data, "read_array", lambda path: pytest.fail("read"))
    result = run("train", "--data", crops, "--output", "mine", *QUICK, *options)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_a_teacher_of_other_crops_is_refused(run: Run, crops: Path, tmp_path: Path) -> None:
    (tmp_path / "t.onnx").write_bytes(b"network")
    (tmp_path / "t.toml").write_text("[embedder]\ndimension = 8\nside = 150\n")
    result = run("train", "--data", crops, "--output", "mine", *QUICK, "--teacher", "t.onnx")
    assert (result.exit_code, "a teacher sees the crops as they are" in result.stderr) == (2, True)


def test_a_run_that_has_hardly_begun_is_not_exported(run: Run, crops: Path) -> None:
    assert run("train", "--data", crops, "--output", "mine", *QUICK).exit_code == 0
    result = run("export", "mine", "-o", "mine.onnx")
    assert result.exit_code == 1
    assert "has hardly begun, with 2 of 2 steps" in result.stderr
    assert "--unproven exports it all the same" in result.stderr
    assert not Path("mine.onnx").exists()
    result = run("export", "mine", "-o", "mine.onnx", "--unproven")
    assert "after 2 of 2 steps" in result.stderr
    training = tomllib.loads(Path("mine.toml").read_text())["embedder"]["training"]
    assert (training["steps"], training["steps_planned"]) == (2, 2)


@pytest.mark.parametrize(
    ("step", "history", "told"),
    [
        (200, [], "was never validated"),
        (99, [{"step": 50, "accuracy": 0.9}], "has hardly begun, with 99 of"),
        (200, [{"step": 200, "accuracy": 0.6}], ""),
        (50, [{"step": 0, "accuracy": 0.9}, {"step": 50, "accuracy": 0.9}], ""),
        (50, [{"step": 0, "accuracy": 0.9}, {"step": 50, "accuracy": 0.8}],
         "is worse than what it began from"),
        (200, [{"step": 0, "tar_1e-3": 0.9, "accuracy": 1}, {"step": 200, "tar_1e-3": 0.8, "accuracy": 1}],
         "tar_1e-3 0.8000 after 0.9000"),
    ],
)  # fmt: skip
def test_what_speaks_for_a_run(step: int, history: list[dict[str, float]], told: str) -> None:
    facts = {"step": step, "history": history, "seconds": 1.0}
    doubt = release.doubtful(Checkpoint({}, Config().to_dict(), facts))
    assert told in doubt
    assert bool(told) == bool(doubt)


def test_the_shipped_embedder_learns_some_more_people(run: Run, tmp_path: Path) -> None:
    """It is judged before the first step, so that what comes out is never worse than it on the people held
    out."""
    crops = write_array(tmp_path / "crops.npy", people(6, 4))
    options = ("--phases", "112:2", "--batch", "8", "--precision", "float32")
    result = run("train", "--data", crops, "--init", "shipped", "--output", "mine", *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].startswith("step 0  0.00 h  accuracy")
    assert "on the held-out people: accuracy" in result.stderr
    saved = checkpoint.read(Path("mine", checkpoint.LAST))
    assert saved.config["dimension"] == weights.shipped_embedder().dimension
    assert saved.facts["history"][0]["step"] == 0
    rates = [row["accuracy"] for row in saved.facts["history"]]
    assert checkpoint.read(Path("mine")).facts["best"] == max(rates)
    result = run(
        "train", "--data", crops, "--init", "shipped", "--output", "mine", "--resume", "--phases", "112:3"
    )
    assert result.exit_code == 0, result.output
    assert "going on at step 2 of 3" in result.stderr


@pytest.mark.parametrize("name", ["best.safetensors", "trunk.safetensors", "metrics.csv", "curve.png"])
def test_a_run_takes_the_place_of_no_file_that_no_run_wrote(
    run: Run, crops: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"mine")
    result = run("train", "--data", crops, "--output", "mine", *QUICK)
    assert (result.exit_code, f"{name}: is there already" in result.stderr) == (2, True)
    assert (tmp_path / "mine" / name).read_bytes() == b"mine"


@pytest.mark.parametrize(("option", "place"), [("--output", ""), ("--output", "run"), ("--bank", "ada/bank")])
def test_nothing_is_written_into_the_pictures_that_are_trained_on(
    run: Run, tmp_path: Path, option: str, place: str
) -> None:
    people = tmp_path / "people"
    for name in ("ada", "bob"):
        (people / name).mkdir(parents=True)
    before = sorted(people.rglob("*"))
    result = run("train", "--data", "people", "--output", "mine", option, f"people/{place}", *QUICK)
    assert result.exit_code == 2
    assert "give another folder" in result.stderr or "give a folder outside" in result.stderr
    assert sorted(people.rglob("*")) == before


def test_a_bank_takes_the_place_of_no_other_array(run: Run, crops: Path, tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    np.save(tmp_path / "bank" / "views.npy", np.arange(3))
    before = (tmp_path / "bank" / "views.npy").read_bytes()
    result = run("train", "--data", crops, "--output", "mine", "--bank", "bank", "--views", "2", *QUICK)
    assert result.exit_code == 2
    assert (tmp_path / "bank" / "views.npy").read_bytes() == before


class TestInputsBeforePhotos:
    """A broken input is missed at once, not after minutes of cropping."""

    @pytest.fixture(autouse=True)
    def photos_of_people(self, run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("people").mkdir()
        monkeypatch.setattr("facekit.training.photos.read_folder", lambda *_, **__: pytest.fail("cropped"))
        Path("bad.onnx").write_bytes(b"no network")
        Path("bad.toml").write_text("[embedder]\ndimension = 16\nmean = 127.5\nscale = 127.5\n")
        Path("bad.npy").write_bytes(b"no array")
        Path("bad.csv").write_text("subject\nann\n")
        Path("bad.safetensors").write_bytes(b"no checkpoint")
        Path("bank").mkdir()
        Path("bank/progress").write_text("many")
        Path("none").mkdir()

    @pytest.mark.parametrize(
        ("option", "said"),
        [
            ("--init bad.onnx", "bad.onnx: is no ONNX file"),
            ("--init bad.safetensors", "bad.safetensors"),
            ("--teacher bad.onnx", "bad.onnx"),
            ("--validation bad.npy", "bad.npy"),
            ("--bank bank", "bank/progress: is damaged"),
            ("--bank bank --teacher bad.onnx", "bank/progress: is damaged"),
            ("--bank none", "none: holds no bank"),
        ],
    )
    def test_a_broken_one_is_told_at_once(self, run: Run, option: str, said: str) -> None:
        result = run("train", "--data", "people", "--output", "out", *option.split(), *QUICK)
        assert result.exit_code in (1, 2), result.output
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_so_is_a_network_of_another_kind(self, run: Run) -> None:
        shipped = weights.shipped_embedder().path
        result = run("train", "--data", "people", "--output", "out", "--init", shipped, *QUICK)
        assert result.exit_code == 1
        assert f"{shipped}: is of another network; layer" in result.stderr


@pytest.mark.parametrize("command", ["train-landmarks", "train-refiner"])
def test_a_teacher_that_is_not_there_is_missed_before_pictures_are_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("facekit.training.landmarks.read_examples", lambda *_: pytest.fail("read pictures"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "points.csv").touch()
    np.save(tmp_path / "crops.npy", np.zeros((2, 112, 112, 3), np.uint8))
    more = {
        "train-landmarks": ("photos", "points.csv", "-o", "p.dat"),
        "train-refiner": ("crops.npy", "--pictures", "photos", "--points", "points.csv", "-o", "r.onnx"),
    }
    result = run(command, *more[command], "--teacher", "yunet=missing.onnx")
    assert result.exit_code == 1, result.output
    assert "missing.onnx: no such file" in result.stderr
