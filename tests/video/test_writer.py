"""Video files out and in again, with PyAV and with OpenCV, and what is no video."""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos

from facekit.errors import DependencyError, UsageError
from facekit.video import backends, streams
from facekit.video.reader import Reader
from facekit.video.sources import parse
from facekit.video.streams import StreamError, open_stream
from facekit.video.writer import VideoFile, is_recording

av = pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")


def gray(value: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_every_frame_comes_back_in_order_with_its_time(tmp_path: Path, suffix: str) -> None:
    path = videos.save(tmp_path / f"a{suffix}", (gray(20 * n) for n in range(10)), rate=20)
    reader = Reader(parse(str(path)))
    found = [reader.next(5) for _ in range(10)]
    assert [round(float(frame.pixels.mean()) / 20) for frame in found if frame] == list(range(10))
    assert [frame.time for frame in found if frame] == pytest.approx([n / 20 for n in range(10)], abs=0.011)
    assert reader.next(5) is None
    assert reader.over
    assert not reader.live


def test_threads_of_ffmpeg_never_wait_for_python(tmp_path: Path) -> None:
    av.logging.set_level(av.logging.ERROR)  # which asks for Python's lock, and hung one run in ten
    open_stream(str(videos.save(tmp_path / "a.mp4", [gray(0)]))).close()
    assert av.logging.get_level() is None


def test_a_video_appears_when_it_is_whole(tmp_path: Path) -> None:
    file = VideoFile(tmp_path / "new" / "a.mp4")
    file.add(gray(0), 0)
    assert not (tmp_path / "new" / "a.mp4").exists()
    file.close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mp4"]
    VideoFile(tmp_path / "none.mp4").close()
    assert not (tmp_path / "none.mp4").exists()


def test_an_abandoned_video_leaves_what_was_there(tmp_path: Path) -> None:
    path = videos.save(tmp_path / "a.mp4", [gray(0)] * 3)
    before = path.read_bytes()
    for frames in (0, 3):
        file = VideoFile(path)
        for number in range(frames):
            file.add(gray(200), number / 25)
        file.abandon()
        file.close()
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_odd_sizes_and_frames_of_another_size_are_fitted(tmp_path: Path) -> None:
    file = VideoFile(tmp_path / "a.mp4")
    for number, (width, height) in enumerate([(65, 49), (65, 49), (200, 30), (1, 1)]):
        file.add(gray(200, width, height), number / 25)
    file.close()
    assert [pixels.shape for pixels, _ in open_stream(str(file.path))] == [(48, 64, 3)] * 4


def test_a_video_that_a_telephone_took_upright_comes_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write how a telephone was held")
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(90)
        picture = gray(0)
        picture[:, 32:] = 255  # the right half is white, and is above when the picture is turned by 90°
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    [(pixels, _)] = list(open_stream(str(path)))
    assert pixels.shape == (64, 48, 3)
    bright = [pixels[:20].mean() > 200, pixels[-20:].mean() > 200]
    turned = next(iter(av.open(str(path)).decode(video=0))).rotation
    assert bright == ([True, False] if turned == 90 else [False, True])


@pytest.mark.parametrize(
    ("name", "content"), [("a.mp4", b"no video"), ("b.mp4", b""), ("c.avi", bytes(5000))]
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StreamError, match=name):
        list(open_stream(str(tmp_path / name)))


def test_a_file_that_is_cut_off_gives_what_there_is(tmp_path: Path) -> None:
    path = videos.save(tmp_path / "a.mkv", (gray(n) for n in range(100)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(list(open_stream(str(path)))) < 100


def test_a_name_without_a_format_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name it out\.mp4"):
        VideoFile(tmp_path / "out.txt")


def test_opencv_does_it_where_pyav_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    monkeypatch.setattr(backends, "pyav", lambda: None)
    path = videos.save(tmp_path / "a.mp4", (gray(20 * n) for n in range(10)))
    stream = open_stream(str(path))
    assert "PyAV" in "".join(stream.remarks)
    assert [round(float(pixels.mean()) / 20) for pixels, _ in stream] == list(range(10))
    stream.close()
    with pytest.raises(StreamError, match="cannot be opened"):
        open_stream(str(tmp_path / "missing.mp4"))


def test_a_video_written_without_pyav_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    assert VideoFile(tmp_path / "a.mp4").remarks == []
    monkeypatch.setattr(backends, "pyav", lambda: None)
    [remark] = VideoFile(tmp_path / "a.mp4").remarks
    assert remark.startswith(f"{tmp_path / 'a.mp4'}: written by OpenCV")
    assert "pip install" in remark


def test_without_pyav_nobody_is_told_that_facekit_did_not_write_a_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = videos.save(tmp_path / "a.mp4", [gray(0)])
    monkeypatch.setattr(backends, "pyav", lambda: None)
    with pytest.raises(UsageError, match="can only be told by PyAV: give another name"):
        is_recording(path)


def test_a_camera_opened_without_pyav_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Camera:
        def __init__(self, place: str, device: bool, max_pixels: int) -> None:
            self.remarks: list[str] = []

    monkeypatch.setattr(backends, "pyav", lambda: None)
    monkeypatch.setattr(streams, "_OpenCvStream", Camera)
    monkeypatch.setattr(sys, "platform", "linux")
    [remark] = open_stream("/dev/video0", device=True).remarks
    assert remark.startswith("read by OpenCV, which does not tell when a frame was taken: PyAV does")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert open_stream("0", device=True).remarks == []


def test_without_either_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    for use in (lambda: open_stream("a.mp4"), lambda: VideoFile(tmp_path / "a.mp4")):
        with pytest.raises(DependencyError, match=r"pip install '\.\[video\]'"):
            use()


class Full:
    """A disk that takes so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        opened = Path.open

        def limited(path: Path, *arguments: Any, **more: Any) -> Any:
            file = opened(path, *arguments, **more)
            return self._limited(file) if path.name.startswith(".facekit-") else file

        monkeypatch.setattr(Path, "open", limited)

    def _limited(self, file: Any) -> Any:
        full = self

        class File:
            seek, close = file.seek, file.close

            def write(self, data: memoryview) -> int:
                taken = min(len(data), full.room)
                if not taken:
                    raise OSError(errno.ENOSPC, "No space left on device")
                full.room -= taken
                return int(file.write(data[:taken]))

        return File()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
@pytest.mark.parametrize("room", [0, 500, 40_000])
def test_a_full_disk_is_an_error_that_names_the_video_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, room: int
) -> None:
    chance = np.random.default_rng(0)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"before")
    Full(monkeypatch, room)
    file = VideoFile(path)

    def record() -> None:
        for number in range(100):
            file.add(chance.integers(0, 255, (96, 128, 3)).astype(np.uint8), number / 25)
        file.close()  # FFmpeg keeps much of a short video back

    with pytest.raises(OSError, match="No space left") as raised:
        record()
    assert raised.value.filename == str(path)
    file.close()
    assert [(left.name, left.read_bytes()) for left in tmp_path.iterdir()] == [(path.name, b"before")]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("pyav", [True, False])
def test_no_limit_of_the_system_ends_the_program(tmp_path: Path, pyav: bool) -> None:
    code = (
        "import resource, sys; import numpy as np; from pathlib import Path\n"
        "from facekit.video import backends, writer\n"
        f"if not {pyav}: backends.pyav = lambda: None\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); chance = np.random.default_rng(0)\n"
        "file = writer.VideoFile(Path(sys.argv[1]))\n"
        "try:\n"
        "    for number in range(60):\n"
        "        file.add(chance.integers(0, 255, (96, 128, 3)).astype(np.uint8), number / 25)\n"
        "    file.close()\n"
        "except OSError as error: print(error.filename)\n"
    )
    path = tmp_path / "a.mp4"
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stdout) == (0, f"{path}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_recording_is_known_from_other_files(tmp_path: Path, suffix: str) -> None:
    assert is_recording(videos.save(tmp_path / f"a{suffix}", [gray(0)] * 3))
    (tmp_path / f"b{suffix}").write_bytes(b"mine")
    assert not is_recording(tmp_path / f"b{suffix}")
    assert not is_recording(tmp_path / "none.mp4")


def test_a_video_that_another_program_made_is_no_recording(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(gray(0), format="rgb24")))
        container.mux(stream.encode(None))
    assert not is_recording(tmp_path / "a.mp4")


def test_a_place_for_a_video_that_cannot_be_written_is_told_before_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        VideoFile(tmp_path / "file" / "a.mp4")
