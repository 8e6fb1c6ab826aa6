"""scripts/measure_watch.py runs, and what it measures without pictures keeps its promises."""

from __future__ import annotations

import json
from types import ModuleType

import loading
import pytest
from click.testing import CliRunner

from facekit import settings

pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return loading.script("measure_watch")


def test_the_shown_frame_is_younger_than_100_ms_while_a_look_takes_300(script: ModuleType) -> None:
    found = script.live(2.0)
    assert found["age_ms_95"] < 100
    assert found["frames_a_second_shown"] > 15
    assert found["frames_with_a_box"] > 0


def test_memory_stays_flat_over_ten_thousand_frames(script: ModuleType) -> None:
    assert script.memory(10_000)["grown_mb"] < 8


@pytest.mark.skipif(
    not (settings.weights_folder() / "manifest.toml").is_file(), reason="the weights are not built yet"
)
def test_everything_is_measured_once_in_the_short_run(script: ModuleType) -> None:
    result = CliRunner().invoke(script.main, ["--short", "--only", "names", "--only", "speed"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["names"]["enrolled_people"]["share_wrong"] == 0
    assert found["names"]["enrolled_people"]["share_right"] > 0.3
    assert found["speed"]["facekit_frames_a_second"] > 0
