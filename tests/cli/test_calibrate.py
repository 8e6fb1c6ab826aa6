"""`facekit calibrate`: a threshold from data into the gallery, and what identify makes of it."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import photo

from facekit.calibration.threshold import Calibration
from facekit.gallery import NewTemplate, open_gallery

DIMENSION = 8


@pytest.fixture
def gallery(people: Path, run: Run) -> Path:
    """The gallery of red, green and blue, and 60 people more, five templates each."""
    random = np.random.default_rng(0)
    path = people / "gallery.db"
    with open_gallery(path, write=True) as opened:
        templates = []
        for person in range(60):
            middle = random.normal(size=DIMENSION)
            for number in range(5):
                raw = middle + 0.2 * random.normal(size=DIMENSION)
                vector = (raw / np.linalg.norm(raw)).astype(np.float32)
                digest = f"{person * 5 + number:064x}"
                templates.append(NewTemplate(f"p{person:02}", vector, digest, "x.png", (0, 0, 9, 9)))
        opened.add(templates)
    return path


def settings_of(path: Path) -> tuple[float, str]:
    with open_gallery(path) as opened:
        return opened.threshold, opened.settings.calibration.description


def test_a_threshold_from_the_gallerys_own_templates(run: Run, gallery: Path) -> None:
    result = run("calibrate", "--fpir", "0.05")
    assert result.exit_code == 0, result.stderr
    threshold, calibration = settings_of(gallery)
    assert threshold != 0.6
    assert calibration.startswith("FPIR at most 0.05 at N = 63: ")
    assert "of 63 people named" in calibration
    assert f"Threshold {threshold:.3f}, was 0.600" in result.stdout
    with open_gallery(gallery) as opened:
        assert opened.settings.calibration.templates == len(opened)
    first = run("identify", "gallery/red/1.png").stdout
    assert first.startswith(f"A name needs {threshold:.2f}; about 1 stranger in 20 gets one.")


def test_what_the_counts_cannot_show_is_refused_and_nothing_is_changed(run: Run, gallery: Path) -> None:
    before = gallery.read_bytes()
    result = run("calibrate", "--fpir", "0.001")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "FPIR 0.001 takes 3000" in result.stderr
    assert gallery.read_bytes() == before


def test_a_dry_run_says_it_and_changes_nothing(run: Run, gallery: Path) -> None:
    before = settings_of(gallery)
    made = json.loads(run("calibrate", "--fpir", "0.05", "--dry-run", "-f", "json").stdout)
    assert (made["schema"], made["kind"], made["gallery_subjects"]) == (1, "FPIR", 63)
    assert made["limit"] <= 0.05
    assert settings_of(gallery) == before


def test_probabilities_are_printed_when_asked_for_and_change_nothing_else(run: Run, gallery: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra evaluate")
    refused = run("identify", "gallery/red/1.png", "--probability")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "facekit calibrate" in refused.stderr
    for kind in ("logistic", "isotonic"):
        assert run("calibrate", "--fpir", "0.05", "--probability", kind).exit_code == 0
        plain = json.loads(run("identify", "gallery/red/1.png", "-f", "jsonl").stdout)
        likely = json.loads(run("identify", "gallery/red/1.png", "-f", "jsonl", "--probability").stdout)
        candidates = likely["faces"][0]["candidates"]
        value = candidates[0].pop("probability")
        assert likely == plain
        assert 0 <= value <= 1
    rows = run("identify", "gallery/red/1.png", "-f", "csv", "--probability").stdout
    assert float(next(csv.DictReader(io.StringIO(rows)))["probability"]) == value
    assert " %  red" in run("identify", "gallery/red/1.png", "--probability").stdout
    none = run("calibrate", "--fpir", "0.05", "--probability", "none")
    assert "Probabilities" not in none.stdout


def test_a_gallery_that_has_grown_is_told_and_its_threshold_raised(run: Run, gallery: Path) -> None:
    with open_gallery(gallery, write=True) as opened:
        count = len(opened)
        opened.set_calibration(Calibration(0.5, "made up", tail=0.1, templates=count))
    assert "threshold" not in run("identify", "gallery/red/1.png").stderr
    with open_gallery(gallery, write=True) as opened:
        opened.set_calibration(Calibration(0.5, "made up", tail=0.1, templates=count // 2))
    faces = run("identify", "gallery/red/1.png")
    assert faces.stdout.startswith("A name needs 0.57.")
    told = f"set for {count // 2} enrolled faces and there are {count} now: it is raised by 0.069"
    assert told in faces.stderr
    assert "facekit calibrate" in faces.stderr
    given = run("identify", "gallery/red/1.png", "--threshold", "0.5")
    assert "threshold" not in given.stderr


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_a_threshold_that_would_name_nobody_is_refused_and_nothing_is_changed(
    run: Run, people: Path, spread: float
) -> None:
    place = people / "gallery.db"
    raw = np.eye(DIMENSION)[0] + spread * np.random.default_rng(0).normal(size=(30, DIMENSION))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    with open_gallery(place, write=True) as opened:
        digests = iter(f"{number:064x}" for number in range(60))
        for name in ("Ada", "Ada Lovelace"):
            opened.add([NewTemplate(name, each, next(digests), "x.png", (0, 0, 9, 9)) for each in vectors])
    before = place.read_bytes()
    result = run("calibrate", "--fpir", "0.1", "--probability", "none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nobody would have a name any more" in result.stderr
    assert "facekit gallery check --people; nothing was changed" in result.stderr
    assert place.read_bytes() == before


def test_a_threshold_from_photos_and_from_scores(run: Run, gallery: Path, tmp_path: Path) -> None:
    for color in ("yellow", "cyan", "magenta", "red"):
        for seed in range(8):
            photo(tmp_path / "strangers" / color / f"{seed}.png", color, seed=seed)
    (tmp_path / "strangers" / "cyan" / "bad.png").write_bytes(b"damaged")
    result = run("calibrate", "--fpir", "0.3", "--images", "strangers", "--data", "mine", "-f", "json")
    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    made = json.loads(result.stdout)
    # Red's searches count without red, two photos of red are enrolled themselves, and the damaged one counts.
    assert (made["counted"]["total"], made["people"]) == (31, 4)
    assert (made["measured_subjects"], made["missed"]["total"]) == (62, 6)
    assert "mine" in made["calibration"]
    rows = ["a,b,mated,score", *(f"x{n},y{n},0,{n / 1000}" for n in range(1000)), "x,y,1,0.9"]
    (tmp_path / "s.csv").write_text("\n".join(rows))
    made = json.loads(run("calibrate", "--fmr", "0.01", "--scores", "s.csv", "-f", "json").stdout)
    assert made["kind"] == "FMR"
    assert 0.99 < made["threshold"] <= 1.0
    assert settings_of(gallery)[1].startswith("FMR at most 0.01")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "one of --fpir and --fmr"),
        (["--fpir", "0.1", "--fmr", "0.1"], "one of --fpir and --fmr"),
        (["--fpir", "1.5"], "--fpir"),
        (["--fpir", "0.1", "--images", ".", "--scores", "s.csv"], "one of --images and --scores"),
        (["--fpir", "0.1", "--scores", "none.csv"], "none.csv"),
        (["--fpir", "0.1", "--gallery", "none.db"], "none.db"),
        (["--fpir", "0.1", "--images", "empty"], "sub-folder"),
    ],
)
def test_what_makes_no_sense_is_told(run: Run, people: Path, arguments: list[str], told: str) -> None:
    (people.parent / "empty").mkdir()
    result = run("calibrate", *arguments)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert told in result.stderr


def test_strangers_in_poorer_photos_than_the_gallery_s_promise_nothing(
    run: Run, gallery: Path, tmp_path: Path
) -> None:
    for number in range(30):
        photo(tmp_path / "strangers" / f"s{number}" / "1.png", "cyan", seed=number, poor=True)
        photo(tmp_path / "people" / "red" / f"{number}.png", "red", seed=number)
    run("enroll", "people", "-g", str(gallery))
    before = settings_of(gallery)
    result = run("calibrate", "--fpir", "0.2", "--images", "strangers")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the strangers' photos are poorer than the gallery's" in result.stderr
    assert "--accept-difference" in result.stderr
    assert settings_of(gallery) == before
    result = run("calibrate", "--fpir", "0.2", "--images", "strangers", "--accept-difference")
    assert result.exit_code == 0, result.stderr
    assert "poorer" in result.stderr


def test_poor_templates_take_no_part_in_a_calibration(run: Run, tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "people" / "red" / f"{number}.png", "red", seed=number, poor=True)
    run("enroll", "people", "-g", "g.db", "--accept-poor")
    result = run("calibrate", "--fpir", "0.2", "-g", "g.db")
    assert result.exit_code == 2
    assert "only poor pictures are enrolled" in result.stderr
