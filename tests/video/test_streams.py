"""Videos that lie, are damaged, cost too much, or refer to what they should not; and servers that refuse."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import videos
from fakes import PYTHON_PATH
from PIL import Image

from facekit.errors import PictureError, UsageError
from facekit.video import backends
from facekit.video.reader import Reader
from facekit.video.sources import parse
from facekit.video.streams import USUAL_RATE, StreamError, believed_rate, open_stream

av = pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")


def noise(count: int, width: int = 320, height: int = 240) -> list[np.ndarray]:
    chance = np.random.default_rng(0)
    return [chance.integers(0, 255, (height, width, 3), np.uint8) for _ in range(count)]


def encoded(
    path: Path, frames: list[np.ndarray], codec: str = "libx264", movflags: str = "", **options: str
) -> Path:
    """A video whose frames come out as soon as they went in."""
    with av.open(
        str(path), "w", options={"movflags": movflags} if path.suffix == ".mp4" else {}
    ) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = options or {"tune": "zerolatency"}
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    """A server on this machine; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


LISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
    'bandwidth="1"><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period></MPD>',
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".sdp", ".mpd", ".txt"])
@pytest.mark.parametrize("pyav", [True, False])
def test_a_file_never_opens_another_nor_an_address(
    tmp_path: Path, kind: str, suffix: str, pyav: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pyav:
        pytest.importorskip("cv2", exc_type=ImportError)
        monkeypatch.setattr(backends, "pyav", lambda: None)
    asked: list[str] = []
    other = videos.save(tmp_path / "other.mp4", noise(3))
    with served(lambda handler: asked.append(handler.path)) as port:
        for target in (str(other), f"file://{other}", f"http://127.0.0.1:{port}/other.mp4"):
            (tmp_path / f"list{suffix}").write_text(LISTS[kind].replace("{0}", target))
            with pytest.raises(StreamError, match="list"):
                list(open_stream(str(tmp_path / f"list{suffix}")))
    assert asked == []


def test_an_address_never_opens_a_file_of_this_machine(tmp_path: Path) -> None:
    other = videos.save(tmp_path / "other.mp4", noise(3))
    answers = {f"/{kind}": text.replace("{0}", f"file://{other}") for kind, text in LISTS.items()}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/redirect":
            handler.send_response(302)
            handler.send_header("Location", f"file://{other}")
            handler.end_headers()
            return
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(answers[handler.path].encode())

    with served(answer) as port:
        for path in ("/redirect", "/HLS", "/concat", "/DASH"):
            with pytest.raises(StreamError):
                list(open_stream(f"http://127.0.0.1:{port}{path}"))


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "concat://a|b", "subfile,,start,0,end,9,,://x", "lavfi://x", "cache:http://x"],
)
def test_other_schemes_are_no_addresses(address: str) -> None:
    with pytest.raises(UsageError):
        parse(address)
    with pytest.raises(PictureError):
        parse("concat:a.mp4|b.mp4")


@pytest.mark.parametrize("pyav", [True, False])
def test_frames_over_the_limit_are_refused_before_they_are_made(
    tmp_path: Path, pyav: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pyav:
        pytest.importorskip("cv2", exc_type=ImportError)
        monkeypatch.setattr(backends, "pyav", lambda: None)
    path = videos.save(tmp_path / "a.mp4", noise(2))
    with pytest.raises(PictureError, match=r"a\.mp4: too large: 320×240 pixels.*--max-pixels"):
        open_stream(str(path), max_pixels=320 * 240 - 1)
    assert len(list(open_stream(str(path), max_pixels=320 * 240))) == 2


def test_a_small_file_of_huge_frames_takes_little_memory(tmp_path: Path) -> None:
    path = encoded(tmp_path / "huge.webm", noise(3), codec="libvpx-vp9", **{"lag-in-frames": "0"})
    data = bytearray(path.read_bytes())
    # The size stands in each key frame, after the sync code and four bits: section 6.2 of VP9's bitstream.
    place = data.index(b"\x49\x83\x42") + 3
    huge = (data[place] >> 4 << 32 | 16383 << 16 | 16383) << 4 | data[place + 4] & 0xF
    data[place : place + 5] = huge.to_bytes(5, "big")
    path.write_bytes(data)
    code = (
        "import sys; from facekit.video.streams import open_stream\n"
        "try: list(open_stream(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        capture_output=True,
        text=True,
        check=True,
    )
    words, kilobytes = done.stdout.splitlines()
    assert "64 megapixels (see --max-pixels)" in words
    assert int(kilobytes) < 250_000
    assert done.stderr == ""


def test_a_size_that_grows_beyond_the_limit_amid_the_video_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "grows.h264"
    data = b""
    for width, height, count in ((64, 48, 300), (640, 480, 5)):
        data += encoded(tmp_path / "part.h264", noise(count, width, height)).read_bytes()
    path.write_bytes(data)
    shapes = {pixels.shape for pixels, _ in open_stream(str(path))}
    assert shapes == {(48, 64, 3), (480, 640, 3)}
    seen = []
    with pytest.raises(PictureError, match="too large: 640×480"):
        seen.extend(pixels.shape for pixels, _ in open_stream(str(path), max_pixels=100_000))
    assert set(seen) == {(48, 64, 3)}


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e9, float("nan"), float("inf")])
def test_a_header_that_lies_about_the_rate_is_not_believed(rate: float) -> None:
    assert believed_rate(rate) == USUAL_RATE
    assert believed_rate(29.97) == 29.97


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_video_that_is_cut_off_is_told_and_gives_what_there_is(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    encoded(path, noise(100), movflags="faststart")
    whole = open_stream(str(path))
    assert (len(list(whole)), whole.problems) == (100, [])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    stream = open_stream(str(path))
    assert 20 < len(list(stream)) < 80
    assert "it says 4.0 s" in stream.problems[-1]


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "libx264"), (".webm", "libvpx"), (".mp4", "libx264"), (".avi", "mpeg4")]
)
@pytest.mark.parametrize("frames", [6, 30])
@pytest.mark.parametrize("missing", [1, 200])
def test_a_short_video_without_its_last_bytes_is_told(
    tmp_path: Path, suffix: str, codec: str, frames: int, missing: int
) -> None:
    path = tmp_path / f"a{suffix}"
    encoded(
        path,
        noise(frames),
        codec,
        movflags="faststart",
        **({"deadline": "realtime"} if codec == "libvpx" else {}),
    )
    whole = open_stream(str(path))
    assert (len(list(whole)), whole.problems) == (frames, [])
    path.write_bytes(path.read_bytes()[:-missing])
    stream = open_stream(str(path))
    assert list(stream)
    assert "cut off" in " ".join(stream.problems)


def test_a_short_video_of_fewer_frames_than_its_header_promises_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(tmp_path / "a.mkv", noise(20), "mpeg4", g="1")
    monkeypatch.setattr("facekit.video.streams.is_cut_off", lambda path: False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    stream = open_stream(str(path))
    assert list(stream)
    assert "it says 0.8 s" in " ".join(stream.problems)


def test_damaged_frames_are_left_out_and_counted(tmp_path: Path) -> None:
    path = videos.save(tmp_path / "a.mkv", noise(60))
    data = bytearray(path.read_bytes())
    chance = np.random.default_rng(1)
    for place in chance.integers(len(data) // 4, len(data) // 2, 300):
        data[place] ^= 0xFF
    path.write_bytes(data)
    stream = open_stream(str(path))
    count = len(list(stream))
    assert 0 < count < 60
    assert "damaged" in " ".join(stream.problems)


def test_a_video_without_a_frame_is_an_error(tmp_path: Path) -> None:
    path = videos.save(tmp_path / "a.mkv", noise(10))
    data = path.read_bytes()
    start = data.index(b"\x1f\x43\xb6\x75")  # the first cluster
    path.write_bytes(data[: start + 30])
    with pytest.raises(StreamError, match=r"a\.mkv: no frame in it can be read"):
        list(open_stream(str(path)))


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (400, False),
        (401, True),
        (403, True),
        (404, True),
        (410, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_a_server_that_refuses_is_told_without_the_password(status: int, final: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()

    with served(answer) as port, pytest.raises(StreamError, match="Server returned") as raised:
        open_stream(f"http://admin:S3CRET@127.0.0.1:{port}/video?token=T0KEN")
    assert raised.value.final == final
    assert str(raised.value).startswith(f"http://127.0.0.1:{port}/video: ")
    error: BaseException | None = raised.value
    while error is not None:
        assert "S3CRET" not in f"{error!r}{error.args}"
        assert "T0KEN" not in f"{error!r}{error.args}"
        error = error.__cause__ or error.__context__


PAGES = {
    "a page": ("text/html", b"<!DOCTYPE html><html><body>Please log in</body></html>"),
    "a page for a video": ("video/mp4", b"<html>Please log in</html>" * 1000),
    "JSON": ("application/json", b'{"status": "ok"}'),
    "text": ("text/plain", b"hello\n" * 500),
    "nothing": ("text/plain", b""),
    "half a picture": ("image/jpeg", b"\xff\xd8\xff" * 20),
}


@pytest.mark.parametrize("kind", PAGES)
def test_an_answer_that_is_no_video_is_told_at_once_and_not_asked_for_again(kind: str) -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(200)
        handler.send_header("Content-Type", PAGES[kind][0])
        handler.send_header("Content-Length", str(len(PAGES[kind][1])))
        handler.end_headers()
        handler.wfile.write(PAGES[kind][1])

    told: list[str] = []
    with served(answer) as port:
        reader = Reader(parse(f"http://me:S3CRET@127.0.0.1:{port}/"), tell=told.append)
        with pytest.raises(StreamError, match="no video: give the address of the stream itself") as raised:
            reader.next(30)
    assert told == []
    assert "S3CRET" not in str(raised.value)
    assert len(asked) <= 2  # FFmpeg may ask for a part once more


def test_a_camera_of_rtsp_that_refuses_is_told_without_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while request := connection.recv(4096):
                        number = request.split(b"CSeq: ")[1].split(b"\r\n")[0]
                        connection.sendall(b"RTSP/1.0 404 Not Found\r\nCSeq: " + number + b"\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(StreamError, match="404 Not Found") as raised:
            open_stream(f"rtsp://admin:S3CRET@127.0.0.1:{server.getsockname()[1]}/1?token=T0KEN")
    assert raised.value.final
    assert "S3CRET" not in repr(raised.value) + str(raised.value.__context__)


def test_opencv_says_nothing_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    code = (
        "import sys; from facekit.video import backends; backends.pyav = lambda: None\n"
        "from facekit.video.streams import open_stream\n"
        "for place, device in (('/dev/video77', True), ('rtsp://admin:S3CRET@127.0.0.1:1/1', False),\n"
        "                      ('http://admin:S3CRET@127.0.0.1:1/1', False), ('/dev/zero', True)):\n"
        "    try: open_stream(place, device=device)\n"
        "    except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "S3CRET" not in done.stdout
    assert len(done.stdout.splitlines()) == 4


def test_a_camera_whose_frames_are_too_large_says_so() -> None:
    file = BytesIO()
    Image.new("L", (2000, 2000)).save(file, "JPEG")
    data = file.getvalue()
    head = b"--part\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write((head + data + b"\r\n") * 5)

    with served(answer) as port, pytest.raises(PictureError, match=r"megapixels \(see --max-pixels\)"):
        list(open_stream(f"http://127.0.0.1:{port}/", max_pixels=1_000_000))


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".avi", ".mov"])
def test_damage_of_any_kind_is_told_in_words(tmp_path: Path, suffix: str) -> None:
    codec = {".ts": "mpeg2video", ".avi": "mpeg4"}.get(suffix, "libx264")
    path = encoded(tmp_path / f"a{suffix}", noise(20, 160, 128), codec=codec)
    whole, chance = path.read_bytes(), np.random.default_rng(2)
    for _ in range(40):
        data = bytearray(whole)
        for place in chance.integers(0, len(data), chance.choice([3, 50, 500])):
            data[place] = chance.integers(256)
        path.write_bytes(data)
        try:
            stream = open_stream(str(path))
            told = " ".join(f"{pixels.shape}{time}" for pixels, time in stream) + " ".join(stream.problems)
        except PictureError as error:
            told = str(error)
        assert "Error: " not in told
