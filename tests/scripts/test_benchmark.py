"""The comparison of speed runs from end to end, on little."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


def test_every_figure_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "benchmark.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--short", "--out", out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["identify_cold"]["alone"]["facekit_s"] > 0
    assert {"facekit_ms_batch_1", "facekit_ms_batch_32"} <= set(found["embedding"])
    assert found["enroll"]["photos"] == 4
    assert min(found["milliseconds_a_photo"].values()) > 0
    assert found["search"]["search"]["same_answers"] == found["search"]["search"]["probes"]
