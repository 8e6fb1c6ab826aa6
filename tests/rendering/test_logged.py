"""The log of watch: whole lines, added to a log and to nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facekit.rendering.logged import Log, is_log
from facekit.video.events import Event

HEADER = b"time,clock,event,track,subject,score,reason,contenders,frame,x0,y0,x1,y1\n"


def event(track: int) -> Event:
    return Event("appeared", 1.0, track, None, 0.5, (1.0, 2.0, 3.0, 4.0), 3)


def test_events_are_added_to_a_log_of_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.csv"
    for track in (1, 2):
        log = Log(path)
        log.add(event(track))
        log.close()
    content = path.read_bytes()
    assert content.startswith(HEADER)
    assert content.count(b"\n") == 3
    assert content.count(HEADER) == 1
    assert is_log(path)
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_whole_lines_and_no_empty_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.csv"
    log = Log(path)
    log.add(event(1))
    before = path.read_bytes()
    write, room = os.write, [5]

    def full(number: int, data: bytes) -> int:
        taken = min(room[0], len(data))
        if not taken:
            raise OSError(28, "No space left on device")
        room[0] -= taken
        return write(number, data[:taken])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space") as raised:
        log.add(event(2))
    assert raised.value.filename == str(path)
    assert path.read_bytes() == before
    log.close()
    with pytest.raises(OSError, match="No space"):
        Log(tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_nothing_but_a_file_is_a_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match="no regular file") as raised:
            Log(path)
        assert raised.value.filename == str(path)
