#!/usr/bin/env python3
"""Processes change one gallery in any order and are killed: it equals what was acknowledged, in a row.

    scripts/model_test.py [--seconds 60] [--processes 8] [--seed 1] [--kills-a-minute 60]

Each process enrolls, removes, renames, merges, forgets removals, imports, exports, copies and searches by
chance, through the library and now and then through the command, and reports what it was told. A ledger tells
which operation made which change of the gallery, also if its process was killed and could not report it. The
operations are replayed in that order on a simple model, which must agree with every answer, with every state
that was read, and with the gallery at the end. Every change that was acknowledged must be in the ledger where
it was said to be, and whoever looked at the gallery afterwards must have seen it. At the end no byte of
whoever was removed is left in the gallery's files, and `gallery check` finds nothing.
"""

from __future__ import annotations

import argparse
import itertools
import math
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

from gallery_model import changes, ledger_in, new_gallery, of_rows, remembered
from model_judge import Deed, Read, judged, of_lines, traces
from model_ledger import Ledger
from postgres_server import Server

from facekit.gallery import open_gallery, place_of

WORKER = Path(__file__).with_name("model_worker.py")
# A process waits a minute for others before it gives up.
SECONDS_TO_END = 180
PAUSE = 0.1
SCHEMA = "model"


class Run:
    """Processes on one gallery in `folder`, which is empty, or in a database of the server."""

    def __init__(self, folder: Path, *, processes: int, seed: int, server: Server | None = None) -> None:
        (folder / "gallery").mkdir()
        self._folder, self._server = folder, server
        file = str(folder / "gallery" / "gallery.db")
        self.place = file if server is None else server.address(schema=SCHEMA)
        self.deeds: list[Deed] = []
        self.reads: list[Read] = []
        self.errors: list[str] = []
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._numbers = itertools.count(1)
        new_gallery(self.place).close()
        self._workers = [self._start() for _ in range(processes)]

    def go(self, seconds: float, kills: float, reports: int = 0) -> None:
        """Let them work so long, from when all have begun, and kill one that has begun `kills` times a
        second; let them work longer if they have not made so many reports.
        """
        while not all(worker.lines for worker in self._workers) and not self._ended():
            time.sleep(PAUSE)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 or (self._reports() < reports and not self._ended()):
            pause = self._chance.expovariate(kills) if kills else math.inf
            time.sleep(min(pause, max(left, PAUSE)))
            place = self._chance.randrange(len(self._workers))
            if pause < left and self._workers[place].lines:
                self._workers[place].end(signal.SIGKILL)
                self._collect(self._workers[place])
                self._workers[place] = self._start()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.end(None)
            self._collect(worker)

    def _reports(self) -> int:
        return len(self.deeds) + len(self.reads) + sum(len(worker.lines) for worker in self._workers)

    def _ended(self) -> bool:
        """Whether one has ended by itself, of which the judge will tell."""
        return any(worker.has_ended() for worker in self._workers)

    def _start(self) -> Worker:
        return Worker(self.place, self._folder, next(self._numbers), self._chance.randrange(2**32))

    def _collect(self, worker: Worker) -> None:
        with open_gallery(self.place, write=self._server is not None) as gallery:
            if self._server is not None:
                gallery.add([])  # waits for the end of what a server still does for a client that was killed
            most = changes(gallery)
        deeds, reads = of_lines(worker.lines, time.monotonic(), most)
        self.deeds += deeds
        self.reads += reads
        self.counts["process killed"] += worker.status == -signal.SIGKILL
        if worker.status not in (0, -signal.SIGKILL):
            self.errors.append(worker.errors)

    def judge(self) -> list[str]:
        """What is wrong, in words; nothing if all is right."""
        wrong = list(self.errors)
        with open_gallery(self.place, write=True) as gallery:
            if self._server is not None:
                # A server keeps rows of transactions that came to nothing until they are vacuumed.
                self._server.vacuum(SCHEMA)
            start, last = time.monotonic(), changes(gallery)
        with open_gallery(self.place) as gallery:
            people = of_rows(gallery.templates())
            at_end = Read("end", start, time.monotonic(), last, people, remembered(gallery))
            if gallery.due:
                wrong.append("an erasure is still due")
        wrong += [problem.message for problem in place_of(self.place).check()]
        made = self._made(last)
        self._count(set(made))
        wrong += judged(self.deeds, [*self.reads, at_end], made)
        wrong += traces(self._files(), people)
        return wrong

    def _made(self, last: int) -> list[int]:
        ledger = Ledger(ledger_in(self._folder))
        try:
            return ledger.operations(last)
        finally:
            ledger.close()

    def _files(self) -> list[Path]:
        """All that the gallery is kept in."""
        if self._server is not None:
            return self._server.files(SCHEMA)
        return list((self._folder / "gallery").iterdir())

    def _count(self, made: set[int]) -> None:
        for deed in self.deeds:
            by = "command " if deed.command else ""
            outcome = deed.outcome
            if outcome == "killed":
                outcome = f"killed {'after' if deed.id in made else 'before'} its change"
            self.counts[f"{by}{deed.operation[0]} {outcome}"] += 1
        for read in self.reads:
            self.counts[f"read by {read.way}"] += 1


class Worker:
    """A process that works, and a thread that reads what it reports."""

    def __init__(self, place: str, folder: Path, number: int, seed: int) -> None:
        self.lines: list[str] = []
        self.status: int | None = None
        self.errors = ""
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), "work", place, str(folder), str(number), str(seed)],
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

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> None:
        """Tell it to end after what it is doing."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self, number: signal.Signals | None) -> None:
        """Wait for its end, or kill it."""
        if number is not None:
            os.killpg(self._process.pid, number)
        self.status = self._process.wait(SECONDS_TO_END)
        self._reader.join()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        with self._errors:
            self._errors.seek(0)
            self.errors = self._errors.read()


def run(
    *,
    seconds: float,
    processes: int,
    seed: int,
    kills: float,
    reports: int = 0,
    server: Server | None = None,
) -> tuple[Counter[str], list[str]]:
    """How often what was done, and what is wrong; the rest is as in `Run.go`."""
    with tempfile.TemporaryDirectory(prefix="facekit-model-") as folder:
        trial = Run(Path(folder), processes=processes, seed=seed, server=server)
        trial.go(seconds, kills, reports)
        wrong = trial.judge()
        return trial.counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills-a-minute", type=float, default=60)
    arguments = parser.parse_args()
    counts, wrong = run(
        seconds=arguments.seconds,
        processes=arguments.processes,
        seed=arguments.seed,
        kills=arguments.kills_a_minute / 60,
    )
    for what, count in sorted(counts.items()):
        print(f"{count:7d}  {what}")
    answers = sum(count for what, count in counts.items() if "killed" not in what)
    print(f"{answers:7d}  answers in all")
    for line in wrong:
        print(f"BROKEN: {line}")
    print(f"{len(wrong)} broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
