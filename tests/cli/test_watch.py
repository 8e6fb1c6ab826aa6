"""`facekit watch`: events, files and exit statuses, with colored squares for faces."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from conftest import Run
from fakes import COLORS, COMMAND, PYTHON_PATH, FakeFrameDetector, photo
from PIL import Image, ImageDraw

from facekit.calibration.threshold import Calibration
from facekit.gallery import open_gallery
from facekit.results import Detection
from facekit.video import streams, writer
from facekit.video.frames import Frame
from facekit.video.voting import CHANCES, SURER

pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")

pytestmark = pytest.mark.usefixtures("people", "eyes")


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)


def walk(*colors: str, count: int = 50, size: tuple[int, int] = (320, 180)) -> list[np.ndarray]:
    """Squares that move slowly to the right."""
    frames = []
    for number in range(count):
        image = Image.new("RGB", size, (128, 128, 128))
        draw = ImageDraw.Draw(image)
        for place, color in enumerate(colors):
            left = 20 + 100 * place + number // 2
            draw.rectangle((left, 40, left + 59, 99), fill=COLORS[color])
        frames.append(np.asarray(image))
    return frames


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds with somebody known and a stranger."""
    return videos.save(tmp_path / "film.mp4", walk("red", "yellow"))


def events(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_known_person_and_a_stranger_are_told_one_event_a_line(run: Run, film: Path) -> None:
    result = run("watch", "film.mp4")
    assert result.exit_code == 0, result.stderr
    found = events(result.stdout)
    assert {event["schema"] for event in found} == {1}
    assert [(event["event"], event["subject"]) for event in found if event["track"] == 1] == [
        ("appear", None),
        ("recognized", "red"),
        ("left", "red"),
    ]
    assert [event["event"] for event in found if event["track"] == 2] == ["appear", "left"]
    assert found[0]["clock"] is None
    box = found[0]["box"]
    assert box == pytest.approx([20 + found[0]["frame"] // 2, 40, 80 + found[0]["frame"] // 2, 100], abs=2)
    assert "2 tracks, 1 of them named, in 50 frames (2.0 s)" in result.stderr
    assert run("watch", "film.mp4").stdout == result.stdout


def test_the_saved_video_has_boxes_and_every_frame(run: Run, film: Path) -> None:
    from facekit.video.streams import open_stream

    result = run("watch", "film.mp4", "--save-video", "out.mp4")
    assert result.exit_code == 0
    assert "facekit: video saved in out.mp4\n" in result.stderr
    frames = [pixels for pixels, _ in open_stream("out.mp4")]
    assert len(frames) == 50
    assert frames[-1].shape == (180, 320, 3)
    # At the left edge of the known person's square there is a dark line with a green one in it.
    edge = frames[-1][60:80, 38:50].astype(int).mean(axis=0)
    assert edge.sum(axis=1).min() < 200
    assert (edge[:, 1] - edge[:, 0]).max() > 40
    assert np.abs(frames[0].astype(int) - walk("red", "yellow")[0]).mean() < 6


def test_a_video_written_without_pyav_is_said_to_lack_something(
    run: Run, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    monkeypatch.setattr("facekit.video.backends.pyav", lambda: None)
    result = run("watch", "film.mp4", "--save-video", "out.mp4")
    assert result.exit_code == 0
    assert result.stderr.count("out.mp4: written by OpenCV") == 1


def test_the_best_face_of_everybody_is_saved_and_again_in_its_place(run: Run, film: Path) -> None:
    for _ in range(2):
        result = run("watch", "film.mp4", "--save-faces", "faces")
        assert result.exit_code == 0
        assert "facekit: 2 faces saved in faces\n" in result.stderr
        assert sorted(os.listdir("faces")) == ["film-001-red.png", "film-002-unknown.png"]


def test_pictures_of_unknown_people_are_saved_for_cluster_and_enroll(run: Run, film: Path) -> None:
    for _ in range(2):
        result = run("watch", "film.mp4", "--save-unknown", "unknown")
        assert result.exit_code == 0, result.stderr
        # All frames of a fake face are alike: one picture says it all.
        assert "facekit: 1 picture saved in unknown\n" in result.stderr
        assert sorted(os.listdir("unknown")) == ["film-002-1.png"]
    found = run("cluster", "unknown", "--format", "json")
    [group] = [group for group in json.loads(found.stdout)["results"] if group["faces"]]
    assert group["subject"] is None
    assert run("enroll", "--subject", "Yolanda", "unknown/film-002-1.png").exit_code == 0
    again = run("watch", "film.mp4", "--save-unknown", "unknown")
    assert "no picture saved in unknown" in again.stderr
    assert {event["subject"] for event in events(again.stdout)} == {None, "red", "Yolanda"}


def test_pictures_of_unknown_people_take_no_name_of_another_file(run: Run, film: Path) -> None:
    Path("unknown").mkdir()
    Path("unknown/film-002-1.png").write_bytes(b"mine")
    run("watch", "film.mp4", "--save-unknown", "unknown")
    assert Path("unknown/film-002-1.png").read_bytes() == b"mine"
    assert sorted(os.listdir("unknown")) == ["film-002-1.png", "film~2-002-1.png"]
    same = run("watch", "film.mp4", "--save-unknown", "unknown", "--save-faces", "unknown")
    assert same.exit_code == 2
    assert "give each its own folder" in same.stderr


def test_the_log_is_added_to_and_guards_against_formulas(run: Run, film: Path, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "yellow")
    run("enroll", "--subject", "=cmd()\x1b[2J", "a.png", "--gallery", "gallery/gallery.db")
    for _ in range(2):
        result = run("watch", "film.mp4", "--log", "e.csv")
        assert "\x1b" not in result.stdout
    text = Path("e.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.count("time,clock,event") == 1
    assert len(rows) == 12
    assert {row["subject"] for row in rows} == {"", "red", "'=cmd()\\x1b[2J"}
    assert stat.S_IMODE(os.stat("e.csv").st_mode) == 0o600


def test_a_folder_of_frames_is_a_source(run: Run, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(walk("green", count=12)):
        Image.fromarray(frame).save(tmp_path / "frames" / f"{number:03}.png")
    (tmp_path / "frames" / "005.png").write_bytes(b"damaged")
    result = run("watch", "frames", "--detect-every", "1")
    assert [event["event"] for event in events(result.stdout)] == ["appear", "recognized", "left"]
    assert "005.png" in result.stderr


def test_seconds_and_frames_a_second_are_kept_to(run: Run, film: Path) -> None:
    assert "in 25 frames" in run("watch", "film.mp4", "--seconds", "1").stderr
    assert "in 20 frames (1.9 s)" in run("watch", "film.mp4", "--max-fps", "10").stderr


def test_threshold_is_said_and_decides(run: Run, film: Path) -> None:
    result = run("watch", "film.mp4", "--threshold", "1")
    assert not [event for event in events(result.stdout) if event["event"] == "recognized"]
    assert "A name needs 1.0000, as you asked." in result.stderr


def test_a_track_needs_a_little_more_than_a_photo(run: Run, film: Path, people: Path) -> None:
    said = "A name needs {:.4f}."
    assert said.format(0.6 + SURER) in run("watch", "film.mp4").stderr
    with open_gallery(people / "gallery.db", write=True) as opened:
        opened.set_calibration(Calibration(0.5, "made up", tail=0.03))
    assert said.format(0.5 + 0.03 * log(CHANCES)) in run("watch", "film.mp4").stderr


def test_an_address_that_shows_nothing_is_an_error(run: Run) -> None:
    result = run("watch", "http://127.0.0.1:1/camera", "--seconds", "0.3")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Connection refused; trying again in 1 s" in result.stderr
    assert result.stderr.rstrip().endswith("http://127.0.0.1:1/camera: no frame came")


def test_nobody_is_no_error_but_an_exit_status(run: Run, tmp_path: Path) -> None:
    videos.save(tmp_path / "empty.mp4", walk(count=10))
    result = run("watch", "empty.mp4")
    assert (result.exit_code, result.stdout) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["none.mp4"], 1, "none.mp4: No such file"),
        (["77"], 1, "/dev/video77: No such file"),
        (["text.mp4"], 1, "text.mp4: Invalid data"),
        (["film.mp4", "--save-video", "film.mp4"], 2, "is one of the inputs"),
        (["film.mp4", "--save-video", "out.gif"], 2, "name it out.mp4"),
        (["film.mp4", "--seconds", "0"], 2, "--seconds"),
        (["film.mp4", "-g", "none.db"], 1, "facekit enroll"),
        ([], 2, "SOURCE"),
    ],
)
def test_mistakes_are_a_line_and_a_status(
    run: Run, film: Path, tmp_path: Path, arguments: list[str], status: int, words: str
) -> None:
    before = film.read_bytes()
    (tmp_path / "text.mp4").write_text("no video")
    result = run("watch", *arguments)
    assert result.exit_code == status
    assert words in result.stderr
    assert film.read_bytes() == before


def test_a_window_without_a_display_is_refused_in_one_line(
    run: Run, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    result = run("watch", "film.mp4", "--view")
    assert result.exit_code == 1
    assert "a window needs a display" in result.stderr
    monkeypatch.setenv("DISPLAY", ":4711")
    assert ":4711 does not answer" in run("watch", "film.mp4", "--view").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_with_a_summary_and_whole_files(
    tmp_path: Path, people: Path, number: signal.Signals
) -> None:
    videos.save(tmp_path / "long.mp4", walk("red", count=60))
    slow = COMMAND[2].replace("facekit.cli.main", "fakes.slow_eyes()\nfacekit.cli.main")
    command = [*COMMAND[:2], slow, "watch", "long.mp4", "--save-video", "out.mp4"]
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.readline()  # somebody has appeared
    start = time.monotonic()
    process.send_signal(number)
    output, messages = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert time.monotonic() - start < 4  # within a second where nothing else runs
    assert "stopped: 1 track," in messages
    assert json.loads(output.splitlines()[-1])["event"] == "left"
    assert (tmp_path / "out.mp4").stat().st_size > 0
    assert 0 < len(list(streams.open_stream(str(tmp_path / "out.mp4")))) < 60
    assert not list(tmp_path.glob(".facekit*"))


@pytest.mark.parametrize("option", ["--save-video", "--log"])
def test_no_output_takes_the_place_of_what_facekit_did_not_write(
    run: Run, film: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "mine.mp4").write_bytes(b"mine")
    result = run("watch", "film.mp4", option, "mine.mp4")
    assert result.exit_code == 2
    assert "mine.mp4" in result.stderr
    assert (tmp_path / "mine.mp4").read_bytes() == b"mine"


def test_a_video_and_a_log_of_one_name_are_refused(run: Run, film: Path, tmp_path: Path) -> None:
    result = run("watch", "film.mp4", "--save-video", "out.mp4", "--log", "./new/../out.mp4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "out.mp4: is given for two files" in result.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_a_second_run_replaces_the_video_and_adds_to_the_log(run: Run, film: Path, tmp_path: Path) -> None:
    lengths = []
    for _ in range(2):
        assert run("watch", "film.mp4", "--save-video", "out.mp4", "--log", "new/log.csv").exit_code == 0
        lengths.append(len((tmp_path / "new" / "log.csv").read_text().splitlines()))
    assert lengths[1] == 2 * lengths[0] - 1


def test_a_full_disk_ends_a_recording_in_a_line_that_names_it(
    run: Run, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(disk: Any, data: bytes) -> int:
        disk._error = OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    monkeypatch.setattr(writer._Disk, "write", full)
    before = sorted(tmp_path.iterdir())
    result = run("watch", "film.mp4", "--save-video", "out.mp4")
    assert result.exit_code == 1
    assert (
        result.stderr.splitlines()[-1] == "facekit: out.mp4: No space left on device: make room and run again"
    )
    assert "video saved" not in result.stderr
    assert sorted(tmp_path.iterdir()) == before


@contextmanager
def camera(status: int) -> Iterator[str]:
    """An address that answers with a status."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/video"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("command", [["watch"], ["register", "Ada"]])
def test_a_camera_that_refuses_is_told_in_one_line_without_its_password(
    tmp_path: Path, command: list[str], debug: bool
) -> None:
    with camera(401) as place:
        address = f"http://admin:S3CRET@{place}?token=T0KEN"
        code = COMMAND[2].replace("facekit.cli.main", "fakes.slow_eyes()\nfacekit.cli.main")
        arguments = [*COMMAND[:2], code, *command, address, *["--debug"] * debug]
        environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert not [secret for secret in ("admin", "S3CRET", "T0KEN") if secret in said], said
    assert f"http://{place}: Server returned 401 Unauthorized" in done.stderr
    assert done.stdout == ""
    assert debug or done.stderr.count("\n") == 1, done.stderr
    assert ("Traceback" in done.stderr) == debug


@pytest.mark.parametrize(
    "arguments",
    [
        ["rtsp://admin:S3 CRET@cam/1"],
        ["watch", "x.mp4", "rtsp://admin:S3 CRET@cam/1"],
        ["watch", "admin:S3 CRET@cam/1"],
        ["watch", "lavfi://admin:S3 CRET@cam/1"],
        ["watch", "--sekonds", "3", "rtsp://admin:S3CRET@cam/1"],
        ["identify", "http://admin:S3CRET@cam/1.jpg"],
        ["identify", "http://admin:S3CRET@cam/1.jpg", "--format", "jsonl"],
        ["identify", "x.jpg", "-g", "postgresql://admin:S3CRET@host/people"],
    ],
)
def test_a_password_is_in_no_mistake(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert "CRET" not in result.output + result.stderr


@pytest.mark.parametrize("command", [["watch"], ["register", "Ada"]])
def test_without_a_camera_there_is_one_line(run: Run, command: list[str]) -> None:
    result = run(*command, "77")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "facekit: /dev/video77: No such file or directory: no such camera is plugged in\n"


def test_whoever_waits_for_a_camera_can_end_it(run: Run) -> None:
    result = run("watch", "77", "--wait", "--seconds", "0.3")
    assert "trying again in 1 s" in result.stderr
    assert result.stderr.splitlines()[-1] == "facekit: /dev/video77: no frame came"
    assert run("watch", "film.mp4", "--wait").exit_code == 1
    Path("film.mp4").touch()
    assert "--wait is for cameras" in run("watch", "film.mp4", "--wait").stderr


@pytest.mark.parametrize("status", [400, 500])
def test_a_server_in_trouble_is_tried_again(run: Run, status: int) -> None:
    with camera(status) as place:
        result = run("watch", f"http://{place}", "--seconds", "0.5")
    assert "trying again in 1 s" in result.stderr


def test_a_video_that_is_cut_off_is_told_and_what_was_seen_stays(run: Run, tmp_path: Path) -> None:
    videos.save(tmp_path / "film.mkv", walk("red", count=250))
    data = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "film.mkv").write_bytes(data[: len(data) // 2])
    result = run("watch", "film.mkv", "--log", "log.csv")
    assert result.exit_code == 1
    assert [event["event"] for event in events(result.stdout)] == ["appear", "recognized", "left"]
    assert "film.mkv: cut off, or its header is wrong: it says 10.0 s" in result.stderr
    assert len(Path("log.csv").read_text().splitlines()) == 4


def test_frames_over_the_limit_are_refused(run: Run, film: Path) -> None:
    result = run("watch", "film.mp4", "--max-pixels", "1000")
    assert (result.exit_code, result.stdout) == (1, "")
    words = "film.mp4: too large: 320×180 pixels, over the limit of 0.001 megapixels (see --max-pixels)"
    assert result.stderr == f"facekit: {words}\n"


def test_what_is_no_video_is_refused_at_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n")
    for place in ("pipe", "/dev/zero", "/dev/null", "empty", "list.m3u8"):
        result = run("watch", place)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.stderr


def test_who_is_enrolled_while_a_video_is_read_is_recognized(
    run: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos.save(tmp_path / "film.mp4", walk("yellow", count=60))
    photo(tmp_path / "y.png", "yellow")
    looks: list[int] = []
    detect = FakeFrameDetector.detect

    def enrolling(self: FakeFrameDetector, frame: Frame, **options: bool) -> list[Detection]:
        looks.append(frame.number)
        if len(looks) == 3:
            done = [*COMMAND, "enroll", "--subject", "Yves", "y.png", "-g", str(people / "gallery.db")]
            subprocess.run(done, cwd=tmp_path, env={**os.environ, "PYTHONPATH": PYTHON_PATH}, check=True)
        return detect(self, frame, **options)

    monkeypatch.setattr("facekit.video.knowledge.FRESH", 0.0)
    monkeypatch.setattr(FakeFrameDetector, "detect", enrolling)
    found = [(event["event"], event["subject"]) for event in events(run("watch", "film.mp4").stdout)]
    assert found == [("appear", None), ("recognized", "Yves"), ("left", "Yves")]
