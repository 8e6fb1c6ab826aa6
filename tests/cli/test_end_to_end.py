"""The real thing, on the photo of one astronaut, with the weights and the gallery that ship."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facekit import settings
from facekit.cli import group

pytestmark = pytest.mark.skipif(
    not (settings.weights_folder() / "manifest.toml").is_file(), reason="the weights are not built yet"
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(each) for each in arguments], prog_name="facekit")


def test_an_enrolled_astronaut_is_identified(astronaut: Path) -> None:
    assert run("enroll", "--subject", "Eileen Collins", astronaut).exit_code == 0
    result = run("identify", astronaut, "--format", "jsonl", "--annotate", ".", "--save-face", "faces")
    assert result.exit_code == 0, result.output
    [face] = json.loads(result.stdout)["faces"]
    assert (face["subject"], face["candidates"][0]["score"]) == ("Eileen Collins", 1.0)
    x0, y0, x1, y1 = face["box"]
    assert 150 < x0 < 224 < x1 < 300
    assert 50 < y0 < 120 < y1 < 200
    assert Path("astronaut-faces.jpg").is_file()
    assert Path("faces/astronaut-1.png").is_file()


def test_a_small_grey_mirrored_copy_has_the_name_too(astronaut: Path) -> None:
    run("enroll", "--subject", "Eileen Collins", astronaut, "--gallery", "first.db")
    copy = astronaut.with_name("astronaut-copy.jpg")
    result = run("identify", copy, "--gallery", "first.db", "--format", "jsonl")
    [face] = json.loads(result.stdout)["faces"]
    assert face["subject"] == "Eileen Collins"
    assert 0.8 < face["candidates"][0]["score"] < 0.99


def test_verify_knows_a_picture_from_itself(astronaut: Path) -> None:
    assert run("verify", astronaut, astronaut).exit_code == 0


@pytest.mark.skipif(not settings.reference_gallery().is_file(), reason="the gallery is not built yet")
def test_the_shipped_gallery_answers_with_one_face_and_five_candidates(astronaut: Path) -> None:
    result = run("identify", astronaut, "--verbose")
    assert result.exit_code == 0
    assert "using the shipped one" in result.stderr
    assert f"{astronaut.name}: 1 face" in result.stdout
    assert len(result.stdout[result.stdout.index(": 1 face") :].splitlines()) == 2 + 5
