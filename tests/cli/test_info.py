"""`facekit info` and `facekit weights`: the state of an installation."""

import hashlib
import json
from pathlib import Path

import pytest
from conftest import Run

from facekit import __version__


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights as it is shipped, of a network nobody could run."""
    folder = tmp_path / "private" / "weights"
    folder.mkdir(parents=True)
    tables = []
    for table, name in (("embedder", "embedder.onnx"), ("landmarks", "landmarks.dat")):
        (folder / name).write_bytes(name.encode())
        digest = hashlib.sha256(name.encode()).hexdigest()
        more = 'name = "small"\ndimension = 8' if table == "embedder" else 'scheme = "arcface5"'
        tables.append(f'[{table}]\nfile = "{name}"\nsha256 = "{digest}"\n{more}\n')
    (folder / "manifest.toml").write_text("\n".join(tables))
    monkeypatch.setattr("facekit.settings.weights_folder", lambda: folder)
    return folder


def test_weights_are_listed_and_verified(run: Run, shipped: Path) -> None:
    assert "embedder.onnx" in run("weights", "list").stdout
    found = [json.loads(line) for line in run("weights", "list", "-f", "jsonl").stdout.splitlines()]
    assert [each["use"] for each in found] == ["embedder", "landmarks"]
    assert run("weights", "verify").exit_code == 0


@pytest.mark.parametrize("name", ["embedder.onnx", "landmarks.dat"])
def test_a_changed_byte_is_found_and_the_file_named(run: Run, shipped: Path, name: str) -> None:
    (shipped / name).write_bytes((shipped / name).read_bytes()[:-1] + b"!")
    result = run("weights", "verify")
    assert result.exit_code == 1
    assert name in result.stderr


def test_info_says_what_a_bug_report_needs(run: Run, shipped: Path, people: Path) -> None:
    found = json.loads(run("info", "-f", "json").stdout)
    assert found["facekit"] == __version__
    assert "numpy" in found["packages"]
    assert found["weights"].startswith("small, 8 numbers")
    assert found["gallery"].startswith("the user's, format 2, 3 subjects, 6 templates")


def test_info_tells_no_names_and_no_folders(run: Run, shipped: Path, people: Path, tmp_path: Path) -> None:
    (people / "gallery.db").write_bytes(b"damaged")
    for output in (run("info").stdout, run("info", "-g", tmp_path / "secret" / "g.db").stdout):
        assert not {"red", "private", "secret", str(tmp_path)} & set(output.replace("/", " ").split())
        assert str(tmp_path) not in output


def test_info_works_when_nothing_else_does(run: Run, shipped: Path) -> None:
    (shipped / "manifest.toml").unlink()
    result = run("info")
    assert result.exit_code == 0
    assert "cannot be used" in result.stdout
