"""The window, on a screen that nobody sees: what it shows, and that its keys do what they say.

Needs Debian's packages xvfb, xdotool and imagemagick; keys are pressed and the screen is read by them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import videos
from fakes import COLORS, COMMAND, PYTHON_PATH, photo
from PIL import Image

pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")
pytest.importorskip("cv2", reason="a window needs OpenCV and libGL", exc_type=ImportError)

MISSING = [name for name in ("Xvfb", "xdotool", "import") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"apt-get install xvfb xdotool imagemagick: {MISSING}")

FAKE = COMMAND[2].replace("facekit.cli.main", "fakes.slow_eyes()\nfacekit.cli.main")


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "900x700x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(screen: str, tmp_path: Path) -> Iterator[Start]:
    """`start("watch", …)` on the screen, in a folder where "red" is enrolled."""
    photo(tmp_path / "people" / "red" / "1.png", "red")
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH, "DISPLAY": screen}
    environment.pop("FACEKIT_GALLERY", None)
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [*COMMAND[:2], FAKE, *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        running.append(subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **pipes))
        return running[-1]

    assert begin("enroll", "people", "-g", "g.db").wait(60) == 0
    yield begin
    for process in running:
        process.kill()
        process.communicate()


def squares(colors: tuple[str, ...], count: int) -> Iterator[np.ndarray]:
    for number in range(count):
        frame = np.full((240, 420, 3), 128, np.uint8)
        for place, color in enumerate(colors):
            left = 40 + 200 * place + number // 4
            frame[60:160, left : left + 100] = COLORS[color]
        yield frame


def press(screen: str, key: str, title: str) -> None:
    """Press a key in the window, as soon as it is there."""
    find = ["xdotool", "search", "--sync", "--onlyvisible", "--name", title]
    environment = {**os.environ, "DISPLAY": screen}
    subprocess.run([*find, "key", key], env=environment, check=True, timeout=60, capture_output=True)


def shot(screen: str, path: Path) -> np.ndarray:
    environment = {**os.environ, "DISPLAY": screen}
    subprocess.run(["import", "-window", "root", str(path)], env=environment, check=True, timeout=60)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def near(pixels: np.ndarray, color: tuple[int, int, int]) -> int:
    """How many pixels have nearly this color."""
    return int((np.abs(pixels - color) < 30).all(axis=2).sum())


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        time.sleep(0.05)
    assert there()


def test_watch_shows_names_saves_a_frame_with_s_and_ends_with_q(
    start: Start, screen: str, tmp_path: Path
) -> None:
    videos.save(tmp_path / "film.mp4", squares(("red", "yellow"), 600))
    process = start("watch", "film.mp4", "--view", "-g", "g.db")
    assert process.stdout
    while json.loads(process.stdout.readline())["event"] != "recognized":
        pass
    press(screen, "s", "facekit")
    until(lambda: bool(list(tmp_path.glob("film-*.png"))))
    picture = shot(screen, tmp_path / "screen.png")
    assert near(picture, COLORS["red"]) > 3000
    assert near(picture, (40, 200, 90)) > 100, "the box of the known person is green"
    assert near(picture, (255, 190, 60)) > 100, "the box of the unknown person is orange"
    press(screen, "q", "facekit")
    output, messages = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(output.splitlines()[-1])["event"] == "left"
    assert "frame saved in film-" in messages
    [saved] = tmp_path.glob("film-*.png")
    with Image.open(saved) as image:
        assert image.size == (420, 240)


def test_register_shows_the_ring_and_q_finishes_and_saves(start: Start, screen: str, tmp_path: Path) -> None:
    videos.save(tmp_path / "ada.mp4", squares(("cyan",), 600))
    process = start("register", "Ada", "ada.mp4", "--view", "-g", "g.db")
    assert process.stderr
    while "front: done" not in process.stderr.readline():
        pass
    time.sleep(0.5)
    picture = shot(screen, tmp_path / "screen.png")
    assert near(picture, (255, 190, 60)) > 100, "the pose that is asked for is orange"
    press(screen, "q", "facekit register")
    output, messages = process.communicate(timeout=60)
    assert process.returncode == 0, messages
    assert output == "Ada: 3 templates added (front 3)\n"
    assert "not seen: left, right, up, down" in messages
