"""scripts/try_networks.py in short."""

from __future__ import annotations

import json
from pathlib import Path

import loading
import pytest
from click.testing import CliRunner

from facekit.training import networks

from .small import people, write_array
from .test_bank import build


def test_each_variant_has_a_row_of_the_table_and_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "NETWORKS", dict(networks.NETWORKS))
    # Networks of the real size: a few steps, and a call or two of each.
    fitting, tried = loading.script("try_losses"), loading.script("try_networks")
    for least in ("TRIAL_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(fitting, least, 2)
    times = tried.times
    monkeypatch.setattr(tried, "times", lambda call, seconds: times(call, seconds / 100))
    faces = people(4, 4)
    crops, views, output = (
        write_array(tmp_path / "crops.npy", faces),
        tmp_path / "bank",
        tmp_path / "tried.json",
    )
    build(views, faces, views=1)
    arguments = [
        str(crops),
        "--bank",
        str(views),
        "--validation",
        str(crops),
        "--seconds",
        "0.1",
        "--batch",
        "4",
    ]
    result = CliRunner().invoke(
        loading.script("try_networks").main,
        [*arguments, "--variant", "2", "--variant", "6", "--output", str(output)],
    )
    assert result.exit_code == 0, result.output
    narrow, small = json.loads(output.read_text())
    assert (narrow["widths"], narrow["side"], narrow["stride"]) == ([32, 64, 128, 256], 112, 2)
    assert (small["widths"], small["side"], small["stride"]) == ([32, 96, 192, 384], 64, 1)
    # The maps that are multiplied are 64 pixels wide instead of 56.
    assert small["macs"] == pytest.approx(narrow["macs"] * 2.45, rel=0.02)
    for row in (narrow, small):
        assert row["milliseconds"] > 0
        assert 0.5 <= row["accuracy"] <= 1
        assert f"{row['macs'] / 1e9:.2f}, {row['parameters'] / 1e6:.1f} M | " in result.output
