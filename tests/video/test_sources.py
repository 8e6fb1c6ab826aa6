"""What a user can name as a source."""

import os
from pathlib import Path

import pytest
from fakes import photo

from facekit.errors import PictureError, UsageError
from facekit.video.sources import VideoSource, parse


def test_a_number_is_a_camera_and_an_address_an_address() -> None:
    assert (parse("0").kind, parse("2").place) == ("device", "/dev/video2")
    assert parse("rtsp://cam/1").kind == "address"
    assert parse("0").live
    assert parse("http://cam/1").live


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert (parse(str(tmp_path / "a.mp4")).kind, parse(str(tmp_path)).kind) == ("file", "folder")
    assert not parse(str(tmp_path)).live


def test_nothing_and_no_such_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no source"):
        parse("")
    with pytest.raises(PictureError, match=r"none\.mp4: No such file"):
        parse(str(tmp_path / "none.mp4"))
    with pytest.raises(PictureError, match="null"):
        parse("a\0null.mp4")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="neither a video"):
        parse(str(tmp_path / "pipe"))


def test_a_folder_gives_its_pictures_in_order_and_tells_what_cannot_be_read(tmp_path: Path) -> None:
    for seed in (2, 1, 3):
        photo(tmp_path / f"{seed}.png", "red", seed=seed)
    (tmp_path / "2.png").write_bytes(b"damaged")
    stream = parse(str(tmp_path), folder_rate=2).open()
    assert [time for _, time in stream] == [0, 1]
    assert "2.png" in stream.problems[0]  # type: ignore[attr-defined]
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no pictures"):
        parse(str(tmp_path / "empty")).open()


def test_a_password_is_in_no_message_and_no_file_name() -> None:
    source = parse("rtsp://user:secret@cam.local:554/stream?user=a&password=secret2")
    assert source.public_name == "rtsp://cam.local:554/stream"
    for hidden in ("cam/1?password=se@cret", "cam?password=se@cret", "me:se?cret@cam/1", "me:se/cret@cam/1"):
        assert parse(f"rtsp://{hidden}").public_name == "rtsp://…"
        assert parse(f"rtsp://{hidden}").name == "address"
    assert source.name == "cam.local"
    assert parse("http://10.0.0.7/video").name == "10.0.0.7"
    assert parse("3").name == "camera3"
    assert VideoSource("/dev/v4l/by-id/usb-cam", "device").name == "usb-cam"


def test_two_videos_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"1")
    first = parse(str(tmp_path / "a.mp4")).digest()
    assert parse(str(tmp_path / "a.mp4")).digest() == first
    (tmp_path / "a.mp4").write_bytes(b"2")
    assert parse(str(tmp_path / "a.mp4")).digest() != first
    assert parse("0").digest() != parse("0").digest()
