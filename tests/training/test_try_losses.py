"""scripts/try_losses.py in short."""

from __future__ import annotations

import json
from pathlib import Path

import loading
import numpy as np
import pytest
from click.testing import CliRunner

from .small import people


def test_each_loss_has_a_row_of_the_table_and_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for least in ("TRIAL_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(loading.script("try_losses"), least, 2)
    faces = people(10, 8)
    np.save(tmp_path / "crops.npy", faces.crops)
    rows = "".join(f"{number},s{label}\n" for number, label in enumerate(faces.labels))
    (tmp_path / "crops.csv").write_text("index,subject\n" + rows)
    arguments = [
        "--loss",
        "arcface",
        "--loss",
        "triplet",
        "--seconds",
        "0.1",
        "--side",
        "32",
        "--batch",
        "16",
    ]
    output = tmp_path / "losses.json"
    result = CliRunner().invoke(
        loading.script("try_losses").main, [str(tmp_path / "crops.npy"), *arguments, "--output", str(output)]
    )
    assert result.exit_code == 0, result.output
    assert "64 crops of 8 subjects to train on, 16 of 2 others to judge by" in result.output
    told = json.loads(output.read_text())
    assert [row["loss"] for row in told] == ["arcface", "triplet"]
    for row in told:
        assert row["after"]["mated"] == 2 * 28
        assert 0.5 <= row["after"]["accuracy"] <= 1
