"""What the detector network learns from besides its photos: drawn dials, and labels that were looked at."""

from pathlib import Path

import loading
import numpy as np
from PIL import Image

from facekit.training.detector_pictures import COLUMNS, NO_FACE

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_dials_are_drawn_the_same_every_time(tmp_path: Path) -> None:
    script = loading.script("make_dials")
    Image.new("RGB", (600, 400), "green").save(tmp_path / "field.png")
    one, same, other = (
        np.asarray(script.picture(tmp_path / "field.png", np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert max(one.shape[:2]) <= script.SIDE
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)
    assert np.unique(one.reshape(-1, 3), axis=0).shape[0] > 50


def test_labels_that_were_looked_at_replace_others_of_the_same_box() -> None:
    script = loading.script("correct_labels")
    blank = dict.fromkeys(COLUMNS[4:], "")

    def row(kind: str, left: str, **more: str) -> dict[str, str]:
        box = dict(zip(COLUMNS, (left, "20", "40", "60"), strict=False))
        return {"picture": "a.avif", "kind": kind, **box, **blank, **more}

    faces = [row("ignore", "10.00", scrfd="0.1", p0x="12"), row("face", "90", scrfd="0.8")]
    looked_at = [row("face", "10"), row(NO_FACE, "90"), row(NO_FACE, "200")]
    first, second, third = script.corrected(faces, looked_at)
    assert (first["kind"], first["scrfd"], first["p0x"]) == ("face", "1", "12")
    assert second["kind"] == third["kind"] == NO_FACE


def test_the_labels_that_were_looked_at_are_of_the_kinds_that_are_read() -> None:
    rows = loading.script("correct_labels").rows(SCRIPTS / "detection_labels.csv")
    kinds = [row["kind"] for row in rows]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "face": 1_179,
        "ignore": 1_038,
        "none": 167,
    }
    assert all(float(row["x0"]) < float(row["x1"]) for row in rows)
