#!/usr/bin/env python3
"""Kill `facekit enroll` at random moments, fill its disk, take its rights: nothing reported is ever lost.

    scripts/crash_test.py FOLDER [--kills 50] [--seed 1]

FOLDER has a sub-folder with pictures for each person. After every kill -9, everyone reported as stored
must be in the gallery, it must open, `gallery check` must find nothing, and running again must finish.
The full disk and the read-only gallery are tried on a small file system in memory: as root, or where
users may make namespaces. Prints a line for each trial; the exit status is 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from facekit.gallery import open_gallery
from facekit.gallery.sqlite.check import check

COMMAND = (sys.executable, "-m", "facekit")
Stored = set[tuple[str, str]]
_LEFT_OUT = "; not enrolled"  # a photo that was read before the failure


class Trials:
    """Trials of one command on one folder of people; `scratch` is an empty folder for the galleries."""

    def __init__(self, folder: Path, scratch: Path, *, seed: int, command: Sequence[str] = COMMAND) -> None:
        self._folder = folder
        self._scratch = scratch
        self._command = command
        self._chance = random.Random(seed)
        self._count = 0
        started = time.monotonic()
        self._all = self._finish(self._new())
        self._seconds = time.monotonic() - started
        if not self._all:
            raise SystemExit(f"{folder}: nobody there can be enrolled")

    def kill(self) -> str:
        """One enroll, killed at any moment; then again, to the end."""
        gallery = self._new()
        process = self._start(gallery)
        reported = self._kill(process)
        self._check(gallery, reported)
        assert self._finish(gallery) == self._all
        self._check(gallery, self._all)
        return f"killed with {len(reported)} of {len(self._all)} reported, finished by the next run"

    def kill_one_of_two(self) -> str:
        """Two enrolls into one gallery at once, one of them killed: the other finishes."""
        gallery = self._new()
        victim, other = self._start(gallery), self._start(gallery)
        reported = self._kill(victim)
        output, errors = other.communicate()
        assert other.returncode in (0, 1), errors
        assert all(line.endswith(_LEFT_OUT) for line in errors.splitlines()), errors
        self._check(gallery, reported | _enrolled(output.splitlines()))
        self._finish(gallery)
        self._check(gallery, self._all)
        return f"one of two killed with {len(reported)} reported, the other finished"

    def full_disk(self) -> str:
        """A disk that gets full: told in a line, nothing lost, and finished when there is room."""
        with _small_disk(self._new().parent, "192k") as disk:
            gallery = disk / "gallery.db"
            (disk / "ballast").write_bytes(bytes(self._chance.randrange(20_000, 130_000)))
            process = self._start(gallery)
            output, errors = process.communicate()
            reported = _enrolled(output.splitlines())
            if process.returncode == 0 and reported == self._all:
                return "the disk had room for all"
            _assert_plain_failure(process.returncode, errors)
            self._check(gallery, reported)
            _mount("remount,size=64m", disk)
            assert self._finish(gallery) == self._all
            self._check(gallery, self._all)
        return f"disk full with {len(reported)} reported, finished when there was room"

    def read_only(self) -> str:
        """A gallery that cannot be written: told in a line, unchanged, and still good to identify with."""
        with _small_disk(self._new().parent, "64m") as disk:
            gallery = disk / "gallery.db"
            self._finish(gallery)
            extra = self._scratch / "extra" / "somebody else"
            shutil.copytree(next(path for path in self._folder.iterdir() if path.is_dir()), extra)
            before = gallery.read_bytes()
            _mount("remount,ro", disk)
            process = self._start(gallery, extra.parent)
            _, errors = process.communicate()
            _assert_plain_failure(process.returncode, errors)
            assert gallery.read_bytes() == before
            done = subprocess.run(
                [*self._command, "identify", "-q", "-g", str(gallery), str(self._folder)], capture_output=True
            )
            assert done.returncode in (0, 1), done.stderr
            assert done.stdout
        return "read-only gallery left alone, and searched"

    def _new(self) -> Path:
        self._count += 1
        place = self._scratch / str(self._count)
        place.mkdir()
        return place / "gallery.db"

    def _start(self, gallery: Path, folder: Path | None = None) -> subprocess.Popen[str]:
        arguments = [
            "enroll",
            str(folder or self._folder),
            "-q",
            "-g",
            str(gallery),
            "-f",
            "jsonl",
            "--jobs",
            "1",
        ]
        return subprocess.Popen(
            [*self._command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _kill(self, process: subprocess.Popen[str]) -> Stored:
        """Kill it after some lines and a moment: anywhere in its run, however fast the machine is."""
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(self._chance.randrange(len(self._all)))]
        pause = self._seconds * self._chance.random() / (1 if not lines else len(self._all) / 4)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines()
        with process.stdout, process.stderr:
            process.wait()
        return _enrolled(lines)

    def _finish(self, gallery: Path) -> Stored:
        """Enroll to the end; what is in the gallery then."""
        process = self._start(gallery)
        output, errors = process.communicate()
        assert process.returncode in (0, 1), errors
        there = {
            (row["subject"], row["source"])
            for row in map(json.loads, output.splitlines())
            if row["status"] != "refused"
        }
        self._check(gallery, there)
        return there

    def _check(self, gallery: Path, reported: Stored) -> None:
        if not gallery.exists():
            assert not reported, "the gallery is gone"
            return
        problems = check(gallery)
        assert not problems, problems
        with open_gallery(gallery) as opened:
            stored = {(info.subject, os.path.basename(info.source)) for info in opened.templates()}
        lost = {(subject, os.path.basename(source)) for subject, source in reported} - stored
        assert not lost, f"reported but not stored: {sorted(lost)}"


def can_mount() -> bool:
    """Whether a small file system can be made here."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with _small_disk(Path(folder), "64k"):
                return True
        except OSError:
            return False


@contextmanager
def _small_disk(place: Path, size: str) -> Iterator[Path]:
    _mount(f"size={size}", place)
    try:
        yield place
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(place), 2)


def _mount(options: str, place: Path) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        raise OSError(done.stderr.decode())


def _assert_plain_failure(status: int, errors: str) -> None:
    assert status == 1, (status, errors)
    lines = [line for line in errors.splitlines() if not line.endswith(_LEFT_OUT)]
    assert len(lines) == 1, errors
    assert lines[0].startswith("facekit: "), errors
    assert "internal error" not in errors, errors


def _enrolled(lines: Sequence[str]) -> Stored:
    """What was reported as stored; a last line that was cut off counts for nothing."""
    found: Stored = set()
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if row["status"] == "enrolled":
            found.add((row["subject"], row["source"]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if os.geteuid() and not os.environ.get("FACEKIT_UNSHARED") and shutil.which("unshare"):
        again = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv]
        os.execvpe("unshare", again, {**os.environ, "FACEKIT_UNSHARED": "1"})
    failed = 0
    with tempfile.TemporaryDirectory(prefix="facekit-crash-") as scratch:
        trials = Trials(arguments.folder, Path(scratch), seed=arguments.seed)
        kinds = [trials.kill] * arguments.kills + [trials.kill_one_of_two] * (arguments.kills // 5)
        kinds += [trials.full_disk] * 5 + [trials.read_only] if can_mount() else []
        for number, trial in enumerate(kinds, 1):
            try:
                result = trial()
            except AssertionError as error:
                failed += 1
                result = f"BROKEN: {error}"
            print(f"{number:3d} of {len(kinds)}  {trial.__name__}: {result}", flush=True)
    print(f"{failed} of {len(kinds)} trials broken")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
