"""Pictures at addresses: the same results as from a folder; what cannot be read is told in a line."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fakes import COMMAND, PYTHON_PATH, FakeOptions, photo

import facekit
from facekit import settings
from facekit.errors import DependencyError, PictureError, UsageError
from facekit.pictures import images, remote
from facekit.pictures.folders import list_pictures, people
from facekit.pictures.left_out import LeftOut

fsspec = pytest.importorskip("fsspec", reason="needs the extra remote")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, colors in enumerate([["red"], ["green", "red"], []]):
        photo(tmp_path / "in" / "a b" / f"{number}.png", *colors, seed=number)
    photo(tmp_path / "in" / "cara" / "3.jpg", "blue")
    photo(tmp_path / "in" / "4.png", "red", seed=4)
    (tmp_path / "in" / "bad.png").write_bytes(b"bad")
    photo(tmp_path / "in" / ".hidden" / "5.png", "red")
    photo(tmp_path / "in" / "@eaDir" / "6.png", "red")
    (tmp_path / "in" / "notes.pdf").write_bytes(b"")
    (tmp_path / "in" / "Thumbs.db").write_bytes(b"")
    return tmp_path / "in"


@pytest.fixture
def bucket(photos: Path) -> Iterator[str]:
    """The same files in memory."""
    system = fsspec.filesystem("memory")
    system.put(str(photos), "/bucket", recursive=True)
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


class Quiet(SimpleHTTPRequestHandler):
    requests: list[str] = []  # noqa: RUF012
    sent_on: dict[str, str] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path == "/endless.png":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                return
        if self.path in self.sent_on:
            self.send_response(302)
            self.send_header("Location", self.sent_on[self.path])
            self.end_headers()
            return
        if self.path == "/closed.png":
            self.send_error(403, "no entry")
            return
        if self.path == "/late.png":
            time.sleep(2)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(photos: Path) -> Iterator[str]:
    """The same files on a server that knows no parts of files."""
    pytest.importorskip("aiohttp", reason="needs the extra remote")
    Quiet.requests, Quiet.sent_on = [], {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(photos.parent))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def results(inputs: str) -> list[tuple[str, int, str, str | None]]:
    """Without the folder before the names."""
    return [
        (
            reading.source.removeprefix(inputs).strip("/").replace("%20", " "),
            len(reading.faces),
            reading.sha256,
            reading.error and reading.error.replace(reading.source, ""),
        )
        for reading in facekit.detect(inputs, options=FakeOptions())
    ]


def test_a_folder_in_memory_gives_what_the_same_folder_here_gives(photos: Path, bucket: str) -> None:
    assert results(bucket) == results(str(photos))
    assert results(f"{bucket}/") == results(str(photos))


def test_a_folder_of_the_web_gives_what_the_same_folder_here_gives(photos: Path, server: str) -> None:
    assert results(f"{server}/in/") == results(str(photos))
    assert all(path.startswith("/in/") for path in Quiet.requests)


def test_what_is_left_out_there_is_told_with_its_reason(bucket: str) -> None:
    listing = list_pictures(bucket)
    assert LeftOut(f"{bucket}/notes.pdf", ".pdf") in listing.left_out
    assert LeftOut(f"{bucket}/.hidden/5.png", "hidden") in listing.left_out
    assert LeftOut(f"{bucket}/@eaDir/6.png", "of other programs") in listing.left_out
    assert len(listing.left_out) == 3


def test_folders_of_people_give_their_names(bucket: str, server: str) -> None:
    for address in (bucket, f"{server}/in/"):
        found = people([address])
        assert {name for name, _ in found.photos} == {"a b", "cara"}
        assert [item.reason for item in found.left_out if item.path.endswith("/4.png")] == [
            "beside the folders"
        ]


def test_people_of_a_bucket_are_enrolled_and_named(bucket: str, tmp_path: Path) -> None:
    report = facekit.enroll(bucket, tmp_path / "g.db", options=FakeOptions())
    assert "cara" in {outcome.subject for outcome in report.outcomes}
    named = facekit.identify(f"{bucket}/cara/3.jpg", tmp_path / "g.db", options=FakeOptions())
    assert [face.subject for result in named for face in result.faces] == ["cara"]
    with facekit.open_gallery(tmp_path / "g.db") as gallery:
        assert [info.source for info in gallery.templates("cara")] == ["3.jpg"]


def test_a_list_names_pictures_beside_it(photos: Path, server: str) -> None:
    (photos / "list.txt").write_text(
        "# mine\n4.png\n\na%20b/1.png\n/in/cara/3.jpg\n" + f"{server}/in/4.png\n"
    )
    found = [reading.source for reading in facekit.detect(f"{server}/in/list.txt", options=FakeOptions())]
    names = ["4.png", "a%20b/1.png", "cara/3.jpg", "4.png"]
    assert found == [f"{server}/in/{name}" for name in names]


@pytest.mark.parametrize(
    "line",
    ["http://169.254.169.254/secret", "//elsewhere.example/a.png", "file:///etc/passwd", "s3://b/a.png"],
)
def test_a_list_that_names_another_server_reads_nothing_there(photos: Path, server: str, line: str) -> None:
    (photos / "list.txt").write_text(f"4.png\n{line}\n")
    with pytest.raises(PictureError, match="names a picture of another server"):
        list_pictures(f"{server}/in/list.txt")
    assert Quiet.requests == ["/in/list.txt"]


def test_a_path_in_a_list_never_means_a_file_of_this_machine(photos: Path, bucket: str) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/list.txt", b"/etc/passwd\n../bucket/4.png\n")
    assert list_pictures(f"{bucket}/list.txt").pictures == (f"{bucket}/etc/passwd", f"{bucket}/bucket/4.png")


def test_no_more_is_read_than_a_picture_may_have(server: str, bucket: str) -> None:
    with pytest.raises(PictureError, match=r"endless.png: larger than 0.1 MB"):
        images.read(f"{server}/endless.png", max_bytes=100_000)
    with pytest.raises(PictureError, match=r"3.jpg: larger than 0.0001 MB"):
        images.read(f"{bucket}/cara/3.jpg", max_bytes=100)


def test_what_cannot_be_read_is_told_in_a_line(
    server: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_READ_SECONDS", 0.2)
    gone = server.rpartition(":")[0] + ":1"
    for address, told in (
        (f"{server}/in/nobody.png", "no such file there"),
        (f"{bucket}/nobody.png", "no such file there"),
        (f"{server}/late.png", "took too long|Timeout"),
        (f"{gone}/a.png", "Cannot connect"),
    ):
        with pytest.raises(PictureError, match=f"^{address}: .*({told})") as raised:
            images.read(address)
        assert "\n" not in str(raised.value)
    with pytest.raises(PictureError, match=r"cannot be listed|list cannot be read"):
        list_pictures(f"{server}/in/nolist.txt")


def test_a_scheme_may_be_written_in_capitals(photos: Path, server: str, bucket: str) -> None:
    address = server.replace("http", "HTTP")
    assert images.read(f"{address}/in/4.png").sha256 == images.read(photos / "4.png").sha256
    assert list_pictures(f"{address}/in/").pictures == list_pictures(f"{server}/in/").pictures
    assert len(list_pictures(bucket.replace("memory", "Memory")).pictures) == 6


def test_a_server_may_send_on_to_itself(photos: Path, server: str) -> None:
    Quiet.sent_on = {"/old/4.png": "/in/4.png", "/old/": f"{server}/in/", "/list.txt": "/in/list.txt"}
    (photos / "list.txt").write_text("in/4.png\n")
    assert images.read(f"{server}/old/4.png").sha256 == images.read(photos / "4.png").sha256
    assert list_pictures(f"{server}/list.txt").pictures == (f"{server}/in/4.png",)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/in/4.png",
        "http://127.0.0.1:1/in/4.png",
        "http://ada:pass@localhost:{port}/in/4.png?key=pass",
        "https://127.0.0.1:{port}/in/4.png",
        "//169.254.169.254/in/4.png",
        "file:///etc/in/4.png",
        "ftp://127.0.0.1/in/4.png",
    ],
)
@pytest.mark.parametrize("asked", ["one.png", "in/", "list.txt"])
def test_a_server_sends_nobody_on_to_another_one(server: str, target: str, asked: str) -> None:
    """A picture, a folder's page and a list: each ends at the first step, and says where it led."""
    Quiet.sent_on = {f"/{asked}": "/hop", "/hop": target.format(port=server.rpartition(":")[2])}
    with pytest.raises(PictureError, match=r"sent on to another server, '|no address of the web") as raised:
        images.read(f"{server}/{asked}") if asked == "one.png" else list_pictures(f"{server}/{asked}")
    assert Quiet.requests == [f"/{asked}", "/hop"]
    assert "pass" not in str(raised.value)
    assert "\n" not in str(raised.value)
    if "localhost" in target:
        assert "://localhost:" in str(raised.value)
        assert "/in/4.png': give that address itself" in str(raised.value)


def test_what_a_server_answers_instead_is_told_in_a_line(server: str) -> None:
    Quiet.sent_on = {"/circle.png": "/circle.png?token=x", "/circle.png?token=x": "/circle.png"}
    with pytest.raises(PictureError) as raised:
        images.read(f"{server}/circle.png")
    assert str(raised.value) == f"{server}/circle.png: it is sent on in a circle, or too often"
    with pytest.raises(PictureError) as raised:
        images.read(f"{server}/closed.png")
    assert str(raised.value) == f"{server}/closed.png: the server answers 403 no entry"


@pytest.mark.parametrize(
    "address",
    [
        *("http://ada:secret@127.0.0.1/a.png", "s3://b/a::http://127.0.0.1/x", "memory://a::memory://b"),
        *("s3://key:secret@bucket/a.png", "az://user:secret@container/"),
    ],
)
def test_passwords_and_chains_of_addresses_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "has_package", lambda name: True)
    with pytest.raises(UsageError) as raised:
        list_pictures(address)
    assert "secret" not in str(raised.value)


def test_the_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "has_package", lambda name: name != "s3fs")
    with pytest.raises(DependencyError, match=r"s3:// needs s3fs: .*\[remote\]"):
        list_pictures("s3://bucket/photos/")


def test_other_addresses_and_files_of_such_a_name_stay_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list_pictures(["file:///etc/passwd", "reference://x"]).pictures == (
        "file:///etc/passwd",
        "reference://x",
    )
    photo(tmp_path / "memory:" / "a.png", "red")
    assert not remote.is_remote("memory://a.png")
    assert images.read("memory://a.png").size == (200, 120)


@pytest.mark.parametrize(
    "call",
    [
        lambda address: facekit.find("Ada", address),
        lambda address: facekit.index(address),
        lambda address: facekit.sync(address),
        lambda address: list(facekit.identify(address, xmp=True)),
        lambda address: list(facekit.redact(address, dry_run=True)),
        lambda address: facekit.cluster(address, out="out", copy="photos"),
        lambda address: facekit.enroll(address, from_xmp=True),
    ],
)
def test_what_needs_files_of_this_machine_says_so(call, bucket: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="files of this machine only"):
        call(bucket)


def test_the_command_takes_addresses_and_tells_what_it_could_not_read(photos: Path, server: str) -> None:
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
    command = [*COMMAND, "detect", f"{server}/in/", f"{server}/nobody.png?token=secret", "--format", "jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 7
    assert f"{server}/in/bad.png: not a picture" in done.stderr
    assert f"{server}/nobody.png: no such file there" in done.stderr
    assert "secret" not in done.stderr
