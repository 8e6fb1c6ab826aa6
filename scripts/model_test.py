#!/usr/bin/env python3
"""Processes change one gallery in any order and are killed: it equals what was acknowledged, in a row.

    scripts/model_test.py [--seconds 60] [--processes 8] [--seed 1] [--kills-a-minute 60]

Each process enrolls, removes, renames, merges, imports, exports, copies and searches by chance, through the
library and now and then through the command, and reports what it was told. The gallery counts its changes, so
each report says which change it was; the reports are replayed in that order on a simple model, which must
agree with every answer, with every state that was read, and with the gallery at the end. A command, or a
process killed in the middle, does not know its number: it has to fit into a gap that nobody else fills. At
the end no byte of whoever was removed is left in the gallery's files, and `gallery check` finds nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facekit.errors import GalleryError
from facekit.gallery import AddReport, Gallery, NewTemplate, check, copying, index, transfer
from facekit.gallery.search import encode

FINGERPRINT, DIMENSION = "ab" * 32, 32
NAMES = [f"{first}-{number}-Łęcka" for number in range(3) for first in ("Ada", "Ben", "Cem", "Dua")]
PHOTOS = 6
# So few templates are a large gallery here, that there is a search cache to lie.
SMALL = 8
Operation = list[Any]
"""A verb and its arguments, as JSON has them."""


def picture(name: str, number: int) -> str:
    """The SHA-256 of a picture; it stands for its vector too."""
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest()


def vector(sha256: str) -> np.ndarray:
    values = np.random.default_rng(int(sha256[:12], 16)).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def template(name: str, sha256: str) -> NewTemplate:
    return NewTemplate(name, vector(sha256), sha256, f"{sha256[:10]}.jpg", (0.0, 0.0, 9.0, 9.0))


class RefusedError(Exception):
    """The model's answer where the gallery raises an error."""


@dataclass(frozen=True)
class State:
    """The model: which pictures each person has, and what is held against a picture that was removed (`face`,
    `named`) or renamed, as facekit.gallery.tombstones has it.
    """

    people: dict[str, frozenset[str]] = field(default_factory=dict)
    stones: frozenset[tuple[str, ...]] = frozenset()

    def listed(self) -> dict[str, list[str]]:
        return {name: sorted(pictures) for name, pictures in self.people.items()}

    def holder(self, sha256: str) -> str | None:
        """Who has the face of this picture; one person at most."""
        return next((name for name, pictures in self.people.items() if sha256 in pictures), None)


def applied(state: State, operation: Operation) -> tuple[State, Any]:
    """The model: the state after an operation, and what it answers. Raises RefusedError."""
    verb, *arguments = operation
    if verb == "add":
        return _added(state, *arguments)
    people, stones = dict(state.people), set(state.stones)
    names = arguments[0] if verb == "remove" else [arguments[0], *arguments[1]] if verb == "merge" else None
    if any(name not in people for name in names or [arguments[0]]):
        raise RefusedError
    answer: Any = None
    if verb == "remove":
        gone = [(name, sha256) for name in dict.fromkeys(arguments[0]) for sha256 in people.pop(name)]
        stones |= {("named", sha256, name) for name, sha256 in gone} | {("face", each) for _, each in gone}
        answer = len(gone)
    elif verb == "remove_photos":
        name, photos = arguments
        if not set(photos) <= people[name]:
            raise RefusedError
        people[name] -= set(photos)
        stones |= {("named", sha256, name) for sha256 in photos}
        if not people[name]:
            del people[name]
        answer = name not in people
    elif verb == "rename":
        old, new = arguments
        if new in people:
            raise RefusedError
        people[new] = people.pop(old)
        _renamed(stones, people[new], old, new)
    else:
        assert verb == "merge"
        into = arguments[0]
        answer = sum(len(people[name]) for name in arguments[1])
        for name in arguments[1]:
            _renamed(stones, people[name], name, into)
            people[into] |= people.pop(name)
    return State(people, frozenset(stones)), answer


def _added(state: State, pictures: list[list[str]], again: bool, move: bool) -> tuple[State, list[str]]:
    """After enrolling, and what became of each picture."""
    people, stones, answer = dict(state.people), set(state.stones), []
    for name, sha256 in pictures:
        holder = State(people).holder(sha256)
        removed = ("named", sha256, name) in stones or ("face", sha256) in stones
        if holder == name:
            answer.append("present")
        elif not again and ("renamed", sha256, name) in stones:
            answer.append("renamed" if holder else "removed")
        elif not again and removed:
            answer.append("removed")
        elif holder and not move:
            answer.append("held")
        else:
            answer.append("added")
            people[name] = people.get(name, frozenset()) | {sha256}
            stones -= _against(name, sha256)
            if holder:
                people[holder] -= {sha256}
                if not people[holder]:
                    del people[holder]
    return State(people, frozenset(stones)), answer


def _renamed(stones: set[tuple[str, ...]], pictures: frozenset[str], old: str, new: str) -> None:
    for sha256 in pictures:
        stones.add(("renamed", sha256, old))
        stones -= _against(new, sha256)


def _against(name: str, sha256: str) -> set[tuple[str, ...]]:
    """All that can be held against a picture of this person."""
    return {("named", sha256, name), ("renamed", sha256, name), ("face", sha256)}


# ---- a process that works


def work(path: Path, seed: int) -> None:
    """Do what chance says until killed or told to stop, and report each thing before and after it."""
    index.IN_MEMORY = SMALL
    chance = random.Random(seed)
    own = path.parent.parent / f"own-{os.getpid()}"
    own.mkdir()
    reading, writing = Gallery.open(path), Gallery.open(path, write=True)
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    while not stop.is_set():
        kind = chance.random()
        if kind < 0.25:
            _report(_read(reading, chance, own, path))
        elif kind < 0.30:
            _report(_command(path, _operation(chance), reading))
        else:
            operation = _operation(chance)
            _report({"kind": "began", "operation": operation, "least": _changes(reading)})
            _report(_change(path, writing, chance, own, operation, reading))
        if chance.random() < 0.1:
            writing.close()
            writing = Gallery.open(path, write=True)
    writing.close()
    reading.close()


def _wait_for_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _operation(chance: random.Random) -> Operation:
    name, other = chance.sample(NAMES, 2)
    verb = chance.choices(("add", "remove", "rename", "merge", "remove_photos"), (6, 2, 2, 1, 2))[0]
    if verb == "add":
        pairs = {(each, picture(each, chance.randrange(PHOTOS))) for each in (name, name, other)}
        return [verb, sorted(map(list, pairs)), chance.random() < 0.7, chance.random() < 0.5]
    if verb == "remove":
        return [verb, [name] if chance.random() < 0.8 else [name, other]]
    if verb == "rename":
        return [verb, name, other]
    if verb == "merge":
        return [verb, name, [other]]
    return [verb, name, [picture(name, chance.randrange(PHOTOS))]]


def _change(
    path: Path, gallery: Gallery, chance: random.Random, own: Path, operation: Operation, reading: Gallery
) -> dict[str, Any]:
    verb, *arguments = operation
    least = _changes(reading)
    try:
        if verb == "add":
            templates = [template(name, sha256) for name, sha256 in arguments[0]]
            again, move = arguments[1:]
            if not move and chance.random() < 0.4:
                report = _by_import(gallery, templates, own, chance, again)
            else:
                report = gallery.add(templates, again=again, move=move)
            answer: Any = [placement.status for placement in report.placements]
        elif verb == "remove_photos" and chance.random() < 0.5:
            answer = gallery.remove_photos(arguments[0], [sha256[:16] for sha256 in arguments[1]])
        else:
            answer = getattr(gallery, verb)(*arguments)
    except GalleryError as error:
        return {"kind": "refused", "operation": operation, "why": str(error)} | _window(least, reading)
    # Where all was there already, nothing was changed.
    number = {} if verb == "add" and "added" not in answer else {"number": gallery.settings.changes}
    return {"kind": "done", "operation": operation, "answer": answer, **number} | _window(least, reading)


def _by_import(
    gallery: Gallery, templates: list[NewTemplate], own: Path, chance: random.Random, again: bool
) -> AddReport:
    """The same as adding, through another gallery and an export of it."""
    other, file = own / "other.db", own / f"export{chance.choice(transfer.SUFFIXES)}"
    with _new(other) as exported:
        exported.add(templates)
        transfer.write(exported, file)
    report = transfer.import_into(gallery, transfer.read(file), again=again)
    file.unlink()
    other.unlink()
    return report


def _command(path: Path, operation: Operation, reading: Gallery) -> dict[str, Any]:
    verb, *arguments = operation
    if verb == "add":
        verb, arguments = "remove", [[arguments[0][0][0]]]
    words = {
        "remove": lambda: ["remove", *arguments[0]],
        "rename": lambda: ["rename", *arguments],
        "merge": lambda: ["merge", arguments[0], *arguments[1]],
        "remove_photos": lambda: ["remove", arguments[0], "--photo", arguments[1][0]],
    }[verb]()
    operation = [verb, *arguments]
    least = _changes(reading)
    _report({"kind": "began", "operation": operation, "least": least, "command": True})
    done = subprocess.run(
        [sys.executable, "-m", "facekit", "gallery", *words, "--gallery", str(path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    report = {"operation": operation, "why": done.stderr} | _window(least, reading)
    return report | {"kind": "command" if done.returncode == 0 else "refused"}


def _read(gallery: Gallery, chance: random.Random, own: Path, path: Path) -> dict[str, Any]:
    """One state of the gallery, seen in one of many ways."""
    way = chance.choice(("templates", "contents", "export", "copy", "search"))
    if way == "copy":
        target = own / "copy.db"
        copying.copy(path, target)
        problems = [problem.message for problem in check(target)]
        with Gallery.open(target) as copied:
            report = _seen(copied, "copy", _of_rows(copied.templates()))
        target.unlink()
        return report | {"problems": problems}
    if way == "contents":
        least, found, slow = _changes(gallery), gallery.contents(), chance.random() < 0.1
        templates = []
        for item in found:
            templates.append(item)
            if slow:
                time.sleep(0.01)  # somebody leafs through an export
        return {"kind": "seen", "way": way, "state": _of_rows(templates)} | _window(least, gallery)
    with gallery.snapshot():
        if way == "search":
            return _searched(gallery, chance)
        if way == "export":
            _, *rows = map(json.loads, transfer.lines(gallery))
            state = _of_rows([template(row["subject"], row["sha256"]) for row in rows])
            return _seen(gallery, way, state)
        return _seen(gallery, way, _of_rows(gallery.templates()))


def _searched(gallery: Gallery, chance: random.Random) -> dict[str, Any]:
    sha256 = picture(chance.choice(NAMES), chance.randrange(PHOTOS))
    best = gallery.search(vector(sha256)[None], 1)[0]
    name = best[0].subject if best and best[0].score > 0.999 else None
    return {"kind": "searched", "sha256": sha256, "name": name, "number": gallery.settings.changes}


def _seen(gallery: Gallery, way: str, state: dict[str, list[str]]) -> dict[str, Any]:
    return {"kind": "seen", "way": way, "state": state, "number": gallery.settings.changes}


def _of_rows(rows: Any) -> dict[str, list[str]]:
    state: dict[str, list[str]] = {}
    for row in rows:
        state.setdefault(row.subject, []).append(row.sha256)
    return {name: sorted(pictures) for name, pictures in state.items()}


def _changes(gallery: Gallery) -> int:
    len(gallery)
    return gallery.settings.changes


def _window(least: int, gallery: Gallery) -> dict[str, int]:
    """Between which numbers of changes it happened."""
    return {"least": least, "most": _changes(gallery)}


def _report(report: dict[str, Any]) -> None:
    print(json.dumps(report), flush=True)


def _new(path: Path) -> Gallery:
    return Gallery.create(
        path,
        fingerprint=FINGERPRINT,
        dimension=DIMENSION,
        embedder_name="model",
        threshold=0.5,
        calibration="none",
    )


# ---- the process that starts, kills and judges them


@dataclass
class Reports:
    """What all processes reported. `loose` are operations whose number is not known: those that must have
    been made, and those that may have been, with the numbers between which they were.
    """

    numbered: dict[int, dict[str, Any]] = field(default_factory=dict)
    loose: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    states: list[State] = field(default_factory=lambda: [State()])
    furthest: int = 0
    """The number of the last change that some order explains."""

    def take(self, lines: list[str], most: int) -> None:
        """The reports of one process, the last of which may be cut off; when it had ended, there were `most`
        changes.
        """
        began: dict[str, Any] | None = None
        for line in lines:
            try:
                report = json.loads(line)
            except json.JSONDecodeError:
                break
            kind = report["kind"]
            self.counts[f"{kind} {report['operation'][0]}" if "operation" in report else kind] += 1
            if kind == "began":
                began = report
                continue
            if kind in ("done", "command", "refused"):
                began = None
            if kind == "done" and "number" in report:
                assert report["number"] not in self.numbered, ("two changes of one number", report)
                self.numbered[report["number"]] = report
            elif kind == "command":
                self.loose.append({**report, "must": True})
            else:
                self.answers.append(report)
        if began is not None:
            self.loose.append({**began, "most": most, "must": False})
            self.counts["killed in a change"] += 1


class Run:
    """Processes on one gallery in `folder`, which is empty."""

    def __init__(self, folder: Path, *, processes: int, seed: int) -> None:
        (folder / "gallery").mkdir()
        self.path = folder / "gallery" / "gallery.db"
        self.reports = Reports()
        self.errors: list[str] = []
        self._chance = random.Random(seed)
        _new(self.path).close()
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
            self.reports.take(worker.lines, _changes(gallery))
        if worker.status not in (0, -signal.SIGKILL):
            self.errors.append(worker.errors)

    def judge(self) -> list[str]:
        """What is wrong, in words; nothing if all is right."""
        wrong = list(self.errors)
        with Gallery.open(self.path, write=True) as gallery:
            last = _changes(gallery)
        with Gallery.open(self.path) as gallery:
            final = _of_rows(gallery.templates())
            if gallery.settings.erasing:
                wrong.append("an erasure is still due")
        wrong += [problem.message for problem in check(self.path)]
        wrong += _refusals(self.reports.answers)
        sys.setrecursionlimit(100_000)  # it goes one deeper at each change without a number
        states = next(_orders(self.reports, last, final), None)
        if states is None:
            at = self.reports.furthest + 1
            wrong.append(
                "no order of what was acknowledged gives these answers and the gallery at the end: it fails "
                f"at change {at} of {last}: {self.reports.numbered.get(at)}"
            )
        else:
            wrong += [answer for report in self.reports.answers for answer in _judged(report, states)]
        wrong += _traces(self.path.parent, final)
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


def _refusals(answers: list[dict[str, Any]]) -> list[str]:
    """Operations that were refused for another reason than who is in the gallery."""
    reasons = ("is not in the gallery", "is in the gallery already", "has no template of")
    refused = [report for report in answers if report["kind"] == "refused"]
    return [
        f"refused: {report['operation']}: {report['why']}"
        for report in refused
        if not any(reason in report["why"] for reason in reasons)
    ]


def _orders(reports: Reports, last: int, final: dict[str, list[str]]) -> Iterator[list[State]]:
    """The states of each order of changes that gives the answers and the gallery at the end."""
    loose = reports.loose
    states = reports.states
    used: list[int] = []
    seen = {report["number"]: report["state"] for report in reports.answers if _is_exact(report)}
    hopeless: set[tuple[Any, ...]] = set()

    def extend(number: int) -> Iterator[list[State]]:
        while number <= last and number in reports.numbered:
            report = reports.numbered[number]
            try:
                state, answer = applied(states[-1], report["operation"])
            except RefusedError:
                return
            if answer != report["answer"] or state.listed() != seen.get(number, state.listed()):
                return
            states.append(state)
            reports.furthest = max(number, reports.furthest)
            number += 1
        if number > last:
            unused = (report for place, report in enumerate(loose) if place not in used)
            if states[-1].listed() == final and not any(report["must"] for report in unused):
                yield states
            return
        length = len(states)
        here = (number, frozenset(used), frozenset(states[-1].people.items()), states[-1].stones)
        if here in hopeless:
            return
        for place, report in enumerate(loose):
            if place in used or not report["least"] < number <= report["most"]:
                continue
            try:
                state, _ = applied(states[-1], report["operation"])
            except RefusedError:
                continue
            if state == states[-1] or state.listed() != seen.get(number, state.listed()):
                continue
            states.append(state)
            used.append(place)
            yield from extend(number + 1)
            used.pop()
            del states[length:]
        hopeless.add(here)

    yield from extend(1)


def _is_exact(report: dict[str, Any]) -> bool:
    """Whether it says what the gallery held after which change."""
    return report["kind"] == "seen" and "number" in report


def _judged(report: dict[str, Any], states: list[State]) -> Iterator[str]:
    """What is wrong with something that was read, or that changed nothing."""
    if report.get("problems"):
        yield f"a copy has problems: {report['problems']}"
    numbers = [report["number"]] if "number" in report else range(report["least"], report["most"] + 1)
    if not any(_agrees(report, states[number]) for number in numbers):
        yield f"no state agrees with: {json.dumps(report)[:600]}"


def _agrees(report: dict[str, Any], state: State) -> bool:
    if report["kind"] == "seen":
        return bool(report["state"] == state.listed())
    if report["kind"] == "searched":
        return bool(report["name"] == state.holder(report["sha256"]))
    try:
        after, answer = applied(state, report["operation"])
    except RefusedError:
        return bool(report["kind"] == "refused")
    return report["kind"] == "done" and after == state and bool(answer == report["answer"])


def _traces(folder: Path, final: dict[str, list[str]]) -> list[str]:
    """Files that hold a name, a vector or its codes of somebody who is not in the gallery."""
    held = {sha256 for pictures in final.values() for sha256 in pictures}
    marks = {name.encode(): name for name in NAMES if name not in final}
    for name in NAMES:
        for number in range(PHOTOS):
            sha256 = picture(name, number)
            if sha256 not in held:
                codes = encode(vector(sha256)[None])[0].tobytes()
                for data in (sha256.encode(), vector(sha256).tobytes()[:16], codes[:16], codes[16:]):
                    marks[data] = f"{name}/{number}"
    found = []
    for file in folder.iterdir():
        content = file.read_bytes()
        found += [f"{file.name} still holds {what}" for mark, what in marks.items() if mark in content]
    return found


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
