"""The real thing on made videos, on a machine without a display and without libGL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import videos

import facekit
from facekit import settings

pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")
pytestmark = pytest.mark.skipif(
    not (settings.weights_folder() / "manifest.toml").is_file(), reason="the weights are not built yet"
)

NO_LIBGL = 'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")\n'
LOOKS = [(0, 0), (30, 0), (-30, 0), (0, 25), (0, -25)]


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of such a machine."""
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "cv2.py").write_text(NO_LIBGL)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FACEKIT", "DISPLAY", "WAYLAND"))
    }
    root = Path(facekit.__file__).parent.parent
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (tmp_path / "stub", root)))}


def test_register_from_a_turning_head_then_watch_and_identify(
    tmp_path: Path, bare: dict[str, str], astronaut: Path
) -> None:
    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "facekit", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == status, done.stderr
        return done

    head = videos.head()
    turning = videos.turning(head, [(yaw * part, pitch * part) for yaw, pitch in LOOKS for part in (1, 0.85)])
    videos.save(tmp_path / "turning.mp4", turning, rate=2)
    added = run("register", "Eileen Collins", "turning.mp4", "--frames", "2", "-g", "g.db").stdout
    assert re.search(r"templates added \(front \d, left \d, right \d, up \d, down \d\)", added)

    [face] = json.loads(run("identify", str(astronaut), "-g", "g.db", "-f", "jsonl").stdout)["faces"]
    assert face["subject"] == "Eileen Collins"

    videos.save(
        tmp_path / "walk.mp4", videos.moving(head, 30, size=(480, 270), start=(150, 140), end=(300, 130))
    )
    wishes = ["--save-video", "named.mp4", "--save-faces", "faces", "--log", "events.csv"]
    events = [
        json.loads(line) for line in run("watch", "walk.mp4", "-g", "g.db", *wishes).stdout.splitlines()
    ]
    assert [event["event"] for event in events] == ["appear", "recognized", "left"]
    assert events[-1]["subject"] == "Eileen Collins"
    assert (tmp_path / "faces" / "walk-001-Eileen Collins.png").is_file()
    assert (tmp_path / "named.mp4").stat().st_size > 1000

    refused = run("watch", "walk.mp4", "-g", "g.db", "--view", status=1)
    assert refused.stderr.count("\n") == 1
    assert "needs a display" in refused.stderr


def test_a_window_without_libgl_names_the_packages(tmp_path: Path, bare: dict[str, str]) -> None:
    code = (
        "from facekit import settings\nsettings.display = lambda: 'native'\n"
        "from facekit.video.window import Window\nWindow('x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )
    assert "DependencyError: a window needs a system library: apt-get install libgl1" in done.stderr
