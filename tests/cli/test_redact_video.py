"""`facekit redact` of videos: who is to be redacted is seen in no frame, and the sound is the same."""

import dataclasses
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from fakes import COLORS, FakeFrameDetector, photo

from facekit.results import Detection
from facekit.video.frames import Frame
from facekit.video.streams import open_stream

av = pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")

RATE, FRAMES = 20, 30


class Blinking(FakeFrameDetector):
    """Sees nobody in some frames."""

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        return [] if frame.number in (0, 1, 10, 11, 12, 28, 29) else super().detect(frame, deep=deep)


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)


def film(path: Path, *people: str, sound: bool = True) -> Path:
    """People who move to the right, a square each, with a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Ada at the sea"
        container.metadata["creation_time"] = "2019-07-24T10:00:00.000000Z"
        video = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt, video.options = 480, 160, "yuv444p", {"crf": "10"}
        audio = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number in range(FRAMES):
            pixels = np.full((160, 480, 3), 128, np.uint8)
            for place, name in enumerate(people):
                left = 20 + place * 150 + 2 * number
                pixels[50:100, left : left + 50] = COLORS[name]
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode(None))
        if audio:
            wave = (8000 * np.sin(np.arange(16000 * FRAMES // RATE) / 5)).astype(np.int16)
            for start in range(0, len(wave), 1000):
                frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1000], "s16", "mono")
                frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def sound(path: str | Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def visible(path: str | Path, name: str) -> list[int]:
    """The numbers of the frames in which somebody can be seen."""
    frames = [pixels.astype(int) for pixels, _ in open_stream(str(path))]
    near = [(np.abs(pixels - COLORS[name]).max(axis=2) < 70).sum() > 250 for pixels in frames]
    return [number for number, seen in enumerate(near) if seen]


def redacted(run: Run, *arguments: str | Path) -> dict[str, Any]:
    result = run("redact", *arguments, "--method", "cover", "-f", "jsonl")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_everybody_is_redacted_and_the_sound_is_as_it_was(run: Run) -> None:
    film(Path("in/a.mp4"), "red", "cyan")
    assert visible("in/a.mp4", "red") == list(range(FRAMES))
    before = Path("in/a.mp4").read_bytes()
    result = redacted(run, "in", "-o", "out", "--review", "sheet.html")
    assert result["output"] == "out/a.mp4"
    assert result["video"] | {"seconds": 0} == {
        "frames": FRAMES,
        "seconds": 0,
        "redacted_frames": FRAMES,
        "visible_frames": 0,
        "visible": [],
        "weak": 0,
    }
    assert visible("out/a.mp4", "red") == visible("out/a.mp4", "cyan") == []
    assert sound("out/a.mp4") == sound("in/a.mp4")
    assert b"Ada" not in Path("out/a.mp4").read_bytes()
    assert Path("in/a.mp4").read_bytes() == before
    assert Path("sheet.html").read_text().count("data:image/jpeg") == 8
    times = [time for _, time in open_stream("out/a.mp4")]
    assert times == pytest.approx([number / RATE for number in range(FRAMES)], abs=0.01)


def test_a_face_is_redacted_in_frames_in_which_it_was_missed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", Blinking)
    film(Path("a.mp4"), "red", sound=False)
    assert redacted(run, "a.mp4", "-o", "out")["video"]["redacted_frames"] == FRAMES
    assert visible("out/a.mp4", "red") == []


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("--except", "red"), ["red"]),
        (("--only", "red"), ["green"]),
        (("--only", "red", "--leave-unknown"), ["green", "cyan"]),
    ],
)
def test_who_stays_visible_is_so_from_the_first_frame_to_the_last(
    words: Sequence[str], seen: list[str], run: Run
) -> None:
    film(Path("a.mkv"), "red", "green", "cyan", sound=False)
    result = redacted(run, "a.mkv", "-o", "out", *words)
    everywhere = {name for name in ("red", "green", "cyan") if len(visible("out/a.mkv", name)) >= FRAMES - 2}
    nowhere = {name for name in ("red", "green", "cyan") if not visible("out/a.mkv", name)}
    assert (everywhere, nowhere) == (set(seen), {"red", "green", "cyan"} - set(seen))
    assert result["video"]["visible"] == [name for name in seen if name != "cyan"]


def test_a_second_run_replaces_its_own_copy_and_nothing_else(run: Run) -> None:
    film(Path("in/a.mp4"), "red", sound=False)
    Path("out").mkdir()
    Path("out/a.mp4").write_bytes(b"mine")
    for _ in range(2):
        assert redacted(run, "in", "-o", "out")["output"] == "out/a~2.mp4"
    assert Path("out/a.mp4").read_bytes() == b"mine"
    film(Path("more/a.mp4"), "red", sound=False)
    assert redacted(run, "more/a.mp4", "-o", "out")["output"] == "out/a~3.mp4"
    assert len(list(Path("out").iterdir())) == 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_copy_that_was_changed_since_is_left_as_it_is(suffix: str, run: Run) -> None:
    film(Path("a.mp4"), "red", sound=False).rename(f"a{suffix}")
    for _ in range(2):
        assert redacted(run, f"a{suffix}", "-o", "out")["output"] == f"out/a{suffix}"
    path = Path(f"out/a{suffix}")
    data = path.read_bytes()
    path.write_bytes(data + b"\0")
    result = redacted(run, f"a{suffix}", "-o", "out")
    assert (result["output"], result["changed_copy"]) == (None, f"out/a{suffix}")
    planned = run("redact", f"a{suffix}", "-o", "out", "--dry-run")
    assert "would be left as it is" in planned.stdout
    told = run("redact", f"a{suffix}", "-o", "out", "--review", "sheet.html")
    assert told.exit_code == 0
    assert Path("sheet.html").read_text().count("data:image/jpeg;base64,") == 8
    assert "picture" not in told.stderr
    assert "1 copy left alone that somebody changed since" in told.stderr
    assert path.read_bytes() == data + b"\0"
    assert redacted(run, f"a{suffix}", "-o", "out", "--overwrite")["output"] == f"out/a{suffix}"
    assert not path.read_bytes().endswith(data[-9:] + b"\0")


def test_nothing_is_written_in_a_dry_run(run: Run) -> None:
    film(Path("a.mp4"), "red", sound=False)
    result = redacted(run, "a.mp4", "-o", "out", "--dry-run")
    assert (result["output"], result["video"]["redacted_frames"]) == (None, FRAMES)
    assert not Path("out").exists()


def test_what_a_camera_wrote_stays_if_it_is_wanted(run: Run) -> None:
    film(Path("a.mp4"), "red", sound=False)
    redacted(run, "a.mp4", "-o", "out", "--keep-metadata")
    with av.open("out/a.mp4") as container:
        assert container.metadata["creation_time"].startswith("2019-07-24")
        assert "title" not in container.metadata


def test_other_containers_have_a_copy_that_holds_their_sound(run: Run) -> None:
    film(Path("a.avi"), "red")
    assert redacted(run, "a.avi", "-o", "out")["output"] == "out/a.mkv"
    assert sound("out/a.mkv") == sound("a.avi")


def test_a_damaged_video_is_told_and_photos_go_on(run: Run) -> None:
    film(Path("in/a.mp4"), "red")
    Path("in/bad.mp4").write_bytes(b"bad" * 1000)
    photo(Path("in/p.png"), "red")
    result = run("redact", "in", "-o", "out")
    assert result.exit_code == 1
    assert "in/bad.mp4" in result.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.mp4", "p.png"]
    assert "in/a.mp4: faces redacted in 30 of 30 frames" in result.stdout
    assert "1 face redacted in 1 picture, 1 video looked through" in result.stderr


def test_a_short_video_that_breaks_off_is_told(run: Run) -> None:
    path = film(Path("a.mkv"), "red", sound=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 4 // 5])
    result = run("redact", "a.mkv", "-o", "out")
    assert result.exit_code == 1
    assert "a.mkv: cut off" in result.stderr
    assert Path("out/a.mkv").exists()


@pytest.mark.parametrize("more", [-5, 5])
def test_a_video_that_changes_meanwhile_has_no_copy(
    more: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facekit.video.face_paths import Survey

    film(Path("a.mp4"), "red", sound=False)
    hidden = Survey.hidden

    def other(self: Survey, shows: Any) -> Any:
        boxes, visible = hidden(self, shows)
        return (boxes * 2)[: FRAMES + more], (visible * 2)[: FRAMES + more]

    monkeypatch.setattr(Survey, "hidden", other)
    result = run("redact", "a.mp4", "-o", "out")
    assert result.exit_code == 1
    assert "a.mp4: was changed while it was read" in result.stderr
    assert list(Path("out").iterdir()) == []


def test_without_pyav_it_is_said_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    film(Path("a.mp4"), "red", sound=False)
    monkeypatch.setattr("facekit.video.backends.pyav", lambda: None)
    result = run("redact", "a.mp4", "-o", "out")
    assert result.exit_code == 1
    assert "a.mp4: redacting videos needs PyAV" in result.stderr


def test_the_result_is_as_promised(run: Run) -> None:
    from jsonschema import Draft202012Validator

    from facekit.output.schema import schema

    film(Path("a.mp4"), "red", sound=False)
    Draft202012Validator(schema()).validate(redacted(run, "a.mp4", "-o", "out"))


def test_a_weak_detection_is_told_and_marked_in_the_page(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsure(FakeFrameDetector):
        def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
            return [dataclasses.replace(each, score=0.7) for each in super().detect(frame, deep=deep)]

    film(tmp_path / "in" / "a.mp4", "red", sound=False)
    assert "weakly" not in run("redact", "in", "--dry-run").stdout
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", Unsure)
    result = run("redact", "in", "-o", "out", "--review", "sheet.html")
    assert "faces redacted in 30 of 30 frames (1 detected weakly)" in result.stdout
    assert "1 of them with a weak detection" in result.stderr
    assert 'class="look"' in Path("sheet.html").read_text()
    [line] = run("redact", "in", "--dry-run", "-f", "jsonl").stdout.splitlines()
    assert json.loads(line)["video"]["weak"] == 1
