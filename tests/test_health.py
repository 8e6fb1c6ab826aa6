"""`facekit doctor`: what is broken is found, said with what to do, and hides nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from fakes import FakeOptions, photo

import facekit
from facekit import health
from facekit.cli import group
from facekit.health import Checkup


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["doctor", *arguments], prog_name="facekit")


def of(subject: str, gallery: str | None = None) -> list[Checkup]:
    return [checkup for checkup in facekit.doctor(gallery) if checkup.subject == subject]


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    photo(tmp_path / "red.png", "red")
    facekit.enroll("red.png", "g.db", subject="Red", options=FakeOptions())
    return tmp_path / "g.db"


def test_an_installation_that_is_in_order_has_no_failure() -> None:
    result = run("-f", "json")
    assert result.exit_code == 0, result.output
    lines = {each["subject"]: each for each in json.loads(result.stdout)["results"]}
    for subject in ("Python", "packages", "weights", "a picture", "gallery", "space"):
        assert lines[subject]["state"] == "ok"
    assert all(each["advice"] for each in lines.values() if each["state"] != "ok")


@pytest.mark.parametrize("module", ["numpy", "PIL", "dlib", "onnxruntime"])
def test_a_package_that_cannot_be_loaded_is_named_without_a_trace(module: str, tmp_path: Path) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text("raise ImportError('libx.so.6: cannot open')")
    paths = os.pathsep.join([str(tmp_path), str(Path(facekit.__file__).parent.parent)])
    done = subprocess.run(
        [sys.executable, "-m", "facekit", "doctor"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "libx.so.6" in done.stdout
    assert "pip install --force-reinstall" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "space" in done.stdout


def test_weights_that_were_changed_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "w.onnx"
    changed.write_bytes(b"changed")
    monkeypatch.setattr("facekit.models.weights.shipped_files", lambda: [("embedder", changed, "0" * 64)])
    [checkup] = of("weights: embedder")
    assert (checkup.state, str(changed) in checkup.detail) == ("failed", True)
    assert "install facekit again" in checkup.advice


def test_a_damaged_gallery_fails_and_one_of_another_embedder_warns(gallery: Path) -> None:
    [other] = [each for each in of("gallery", "g.db") if "undamaged" in each.detail]
    assert (other.state, "another embedder" in other.detail) == ("warning", True)
    gallery.write_bytes(gallery.read_bytes()[:2000])
    damaged = of("gallery", "g.db")
    assert {checkup.state for checkup in damaged} == {"failed"}
    assert run("-g", "g.db").exit_code == 1


def test_a_gallery_that_is_not_there_fails_with_the_command_that_makes_one() -> None:
    [checkup] = of("gallery", "none.db")
    assert (checkup.state, "none.db" in checkup.detail) == ("failed", True)
    assert checkup.advice.startswith("make one: facekit enroll")


@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (500 << 20, "warning"), (1 << 20, "failed")])
def test_a_full_disk_is_told(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    assert {checkup.state for checkup in of("space")} == {state}


@pytest.mark.parametrize(("script", "state"), [("exit 2", "warning"), ("echo 13.1", "ok"), (None, "absent")])
def test_exiftool_is_tried(
    script: str | None, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "exiftool"
    if script:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + (":/bin" if script else ""))
    [checkup] = of("exiftool")
    assert checkup.state == state


def test_what_is_not_installed_is_absent_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("facekit.video.backends.pyav", lambda: None)
    monkeypatch.setattr("facekit.settings.has_package", lambda name: False)
    absent = [*of("videos"), *of("extra serve"), *of("extra ray")]
    assert [checkup.state for checkup in absent] == ["absent"] * 3
    assert all("pip install" in checkup.advice for checkup in absent)


def test_whatever_goes_wrong_in_looking_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise() -> None:
        raise RuntimeError("surprise")

    for name in ("_python", "_weights", "_picture", "_heic", "_videos", "_cameras", "_extras"):
        monkeypatch.setattr(health, name, surprise)
    result = run()
    assert result.exit_code == 1
    assert result.stdout.count("surprise") == 7
    assert "exiftool" in result.stdout
    assert "7 failed" in result.stderr
