#!/usr/bin/env python3
"""Processes change one gallery in any order and are killed: it equals what was acknowledged, in a row.

    scripts/model_test.py [--seconds 60] [--processes 8] [--seed 1] [--kills-a-minute 60]

Each process enrolls, removes, renames, merges, forgets removals, imports, exports, copies and searches by
chance, through the library and now and then through the command, and reports what it was told. The gallery
counts its changes, so each report says which change it was; the reports are replayed in that order on a
simple model, which must agree with every answer, with every state that was read, and with the gallery at the
end. A command, or a process killed in the middle, does not know its number: it has to fit into a gap that
nobody else fills. At the end no byte of whoever was removed is left in the gallery's files, and `gallery
check` finds nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from gallery_model import changes, new_gallery, of_rows
from model_judge import Reports, judged, orders, refusals, traces
from model_worker import work

from facekit.gallery import Gallery, check

SECONDS_TO_JUDGE = 120.0


class Run:
    """Processes on one gallery in `folder`, which is empty."""

    def __init__(self, folder: Path, *, processes: int, seed: int) -> None:
        (folder / "gallery").mkdir()
        self.path = folder / "gallery" / "gallery.db"
        self.reports = Reports()
        self.errors: list[str] = []
        self._chance = random.Random(seed)
        new_gallery(self.path).close()
        self._workers = [self._start() for _ in range(processes)]

    def go(self, seconds: float, kills: float) -> None:
        """Let them work so long, and kill one `kills` times a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pause = self._chance.expovariate(kills) if kills else seconds
            time.sleep(max(0.0, min(pause, end - time.monotonic())))
            if time.monotonic() < end:
                place = self._chance.randrange(len(self._workers))
                self._workers[place].end(signal.SIGKILL)
                self._collect(self._workers[place])
                self._workers[place] = self._start()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.end(None)
            self._collect(worker)

    def _start(self) -> Worker:
        return Worker(self.path, self._chance.randrange(2**32))

    def _collect(self, worker: Worker) -> None:
        if worker.lines and '"command": true' in worker.lines[-1]:
            time.sleep(1)  # what it had started was killed too, and may take a moment to be gone
        with Gallery.open(self.path) as gallery:
            self.reports.take(worker.lines, changes(gallery))
        if worker.status not in (0, -signal.SIGKILL):
            self.errors.append(worker.errors)

    def judge(self) -> list[str]:
        """What is wrong, in words; nothing if all is right."""
        wrong = list(self.errors)
        with Gallery.open(self.path, write=True) as gallery:
            last = changes(gallery)
        with Gallery.open(self.path) as gallery:
            final = of_rows(gallery.templates())
            if gallery.settings.erasing:
                wrong.append("an erasure is still due")
        wrong += [problem.message for problem in check(self.path)]
        wrong += refusals(self.reports.answers)
        sys.setrecursionlimit(100_000)  # it goes one deeper at each change without a number
        # What was killed may have been done or not, here or there: what was read tells which order it was.
        least: list[str] | None = None
        end = time.monotonic() + SECONDS_TO_JUDGE
        for states in orders(self.reports, last, final):
            odd = [answer for report in self.reports.answers for answer in judged(report, states)]
            least = odd if least is None or len(odd) < len(least) else least
            if not least or time.monotonic() > end:
                break
        if least is None:
            at = self.reports.furthest + 1
            wrong.append(
                "no order of what was acknowledged gives these answers and the gallery at the end: it fails "
                f"at change {at} of {last}: {self.reports.numbered.get(at)}"
            )
        else:
            wrong += least
        wrong += traces(self.path.parent, final)
        return wrong


class Worker:
    """A process that works, and a thread that reads what it reports."""

    def __init__(self, path: Path, seed: int) -> None:
        self.lines: list[str] = []
        self.status: int | None = None
        self.errors = ""
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", str(path), "--seed", str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(self._process.stdout)

    def stop(self) -> None:
        """Tell it to end after what it is doing."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self, number: signal.Signals | None) -> None:
        """Wait for its end, or kill it."""
        if number is not None:
            os.killpg(self._process.pid, number)
        self.status = self._process.wait()
        self._reader.join()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        with self._errors:
            self._errors.seek(0)
            self.errors = self._errors.read()


def run(*, seconds: float, processes: int, seed: int, kills: float) -> tuple[Counter[str], list[str]]:
    """How often what was done, and what is wrong; `kills` a second."""
    with tempfile.TemporaryDirectory(prefix="facekit-model-") as folder:
        trial = Run(Path(folder), processes=processes, seed=seed)
        trial.go(seconds, kills)
        return trial.reports.counts, trial.judge()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills-a-minute", type=float, default=60)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.seed)
        return 0
    counts, wrong = run(
        seconds=arguments.seconds,
        processes=arguments.processes,
        seed=arguments.seed,
        kills=arguments.kills_a_minute / 60,
    )
    for what, count in sorted(counts.items()):
        print(f"{count:7d}  {what}")
    for line in wrong:
        print(f"BROKEN: {line}")
    print(f"{len(wrong)} broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
