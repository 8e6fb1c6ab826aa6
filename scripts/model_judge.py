"""Is what the processes of scripts/model_test.py reported what a simple model of a gallery gives?

The ledger has the operation of each change. They are replayed in that order; then each answer, each read and
each search has one state, or a few, that it must agree with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gallery_model import NAMES, PHOTOS, Operation, RefusedError, State, applied, picture, vector

from facekit.gallery.search.codes import encode
from facekit.text.counting import counted

REASONS = ("is not in the gallery", "is in the gallery already", "has no template of")
"""Why an operation may be refused: because of who is in the gallery, never because of other processes."""


@dataclass(frozen=True)
class Deed:
    """An operation that a process began. `outcome` is done, refused or killed; `start` and `end` are moments
    of one clock, and at the end the process, or whoever killed it, saw `most` changes.

    Of the library, `answer` is what it returned, `number` is the change that it was told it made, and `base`
    how many changes there were when it was told that it makes none. Of a command, or of one that was refused,
    `said` is what was printed.
    """

    id: int
    operation: Operation
    start: float
    end: float
    most: int
    outcome: str = "killed"
    answer: Any = None
    number: int | None = None
    base: int | None = None
    said: str = ""
    command: bool = False

    def fits(self, answer: Any) -> bool:
        """Whether this is the model's answer."""
        if self.outcome == "killed":
            return True
        return _is_said(self.said, self.operation[0], answer) if self.command else bool(self.answer == answer)

    def __str__(self) -> str:
        by = "command" if self.command else "library"
        said = f": {self.said or json.dumps(self.answer)}" if self.outcome != "killed" else ""
        return f"{json.dumps(self.operation)[:400]} ({by}, {self.outcome}{said})"


@dataclass(frozen=True)
class Read:
    """What a process saw, in one way or another, after `most` changes: everybody's pictures (`state`) and
    perhaps how many tombstones of each kind are `remembered`, or the `best` of a search for the picture
    `sha256`.
    """

    way: str
    start: float
    end: float
    most: int
    state: dict[str, list[str]] | None = None
    remembered: dict[str, int] | None = None
    sha256: str = ""
    best: Sequence[str] = ()
    problems: Sequence[str] = ()

    def agrees(self, state: State) -> bool:
        if self.state is None:
            return list(self.best) == state.best(self.sha256)
        if self.remembered not in (None, state.remembered()):
            return False
        return self.state == state.listed()


def of_lines(lines: Sequence[str], end: float, most: int) -> tuple[list[Deed], list[Read]]:
    """What a process reported that was killed before the moment `end`, at which there were `most` changes."""
    deeds: dict[int, Deed] = {}
    reads = []
    for line in lines:
        if not line.endswith("\n"):
            break  # cut off
        report = json.loads(line)
        kind = report.pop("kind")
        if kind == "began":
            deeds[report["id"]] = Deed(**report, end=end, most=most)
        elif kind == "ended":
            deeds[report["id"]] = replace(deeds[report["id"]], **report)
        else:
            reads.append(Read(**report))
    return list(deeds.values()), reads


def judged(deeds: Sequence[Deed], reads: Sequence[Read], made: Sequence[int]) -> list[str]:
    """What is wrong, in words. `made` are the operations of the changes 1, 2 …, as the ledger has them."""
    known = {deed.id: deed for deed in deeds}
    states = [State()]
    wrong = list(_replayed(known, made, states))
    numbers = {operation: number for number, operation in enumerate(made, 1)}
    for report, floor in _floors([*deeds, *reads]):
        if report.most > len(made):
            wrong.append(f"lost: of {report.most} changes there are {len(made)} at the end: {report}"[:600])
        elif isinstance(report, Read):
            wrong += _judged_read(report, states, floor)
        else:
            wrong += _judged_deed(report, numbers.get(report.id), states, floor)
            wrong += _refused_for_another_reason(report)
    return wrong


def _replayed(known: dict[int, Deed], made: Sequence[int], states: list[State]) -> Iterator[str]:
    """Appends the state after each change to `states`, up to the first that cannot have been."""
    seen: set[int] = set()
    for number, operation in enumerate(made, 1):
        deed = known.get(operation)
        if deed is None:
            yield f"change {number}: nobody began what made it (operation {operation})"
            return
        if operation in seen:
            yield f"change {number}: made for the second time by {deed}"
            return
        seen.add(operation)
        try:
            state, _ = applied(states[-1], deed.operation)
        except RefusedError:
            state = states[-1]
        if state == states[-1]:
            yield f"change {number}: nothing was to be changed by {deed}"
            return
        states.append(state)


def _floors(reports: Iterable[Deed | Read]) -> Iterator[tuple[Deed | Read, int]]:
    """Each report with the number of changes that somebody knew of before it began: it must see them."""
    in_order = sorted(reports, key=lambda report: report.start)
    ended = sorted(in_order, key=lambda report: report.end)
    place = floor = 0
    for report in in_order:
        while ended[place].end < report.start:
            floor = max(floor, ended[place].most)
            place += 1
        yield report, floor


def _judged_read(read: Read, states: Sequence[State], floor: int) -> Iterator[str]:
    if read.problems:
        yield f"a copy has problems: {read.problems}"
    if read.most < floor:
        yield f"{floor} changes were known before it, but it saw {read.most}: {read}"[:600]
    elif read.most < len(states) and not read.agrees(states[read.most]):
        yield f"not what was there after change {read.most}: {read}"[:600]


def _judged_deed(deed: Deed, number: int | None, states: Sequence[State], floor: int) -> Iterator[str]:
    """`number` is that of its change in the ledger, or None if it has made none that is there."""
    if deed.number != number and deed.number is not None:
        yield f"lost: it was told that it had made change {deed.number}: {deed}"
    elif number is None:
        if deed.outcome != "killed":
            yield from _judged_idle(deed, states, floor)
    elif deed.outcome == "refused":
        yield f"refused, but it made change {number}: {deed}"
    elif not floor < number <= deed.most + (deed.outcome == "killed"):
        # Killed between the last byte of its commit and the word of it to others, SQLite lets the change be
        # seen only when the log is next read from its beginning, unless another change came first.
        yield f"change {number} is out of order, it was made between {floor} and {deed.most}: {deed}"
    elif number < len(states):
        _, answer = applied(states[number - 1], deed.operation)
        if not deed.fits(answer):
            yield f"change {number}: the answer is {answer} in the model: {deed}"


def _judged_idle(deed: Deed, states: Sequence[State], floor: int) -> Iterator[str]:
    """It was told that there was nothing to be done, or that it cannot be."""
    bases = range(floor, deed.most + 1) if deed.base is None else [deed.base]
    if not all(floor <= base <= deed.most for base in bases) or not bases:
        yield f"{floor} changes were known before it, but it saw {deed.base or deed.most}: {deed}"
    elif bases[-1] < len(states) and not any(_explains(states[base], deed) for base in bases):
        yield f"it changed nothing, which no state from change {bases[0]} to {bases[-1]} explains: {deed}"


def _explains(state: State, deed: Deed) -> bool:
    try:
        after, answer = applied(state, deed.operation)
    except RefusedError:
        return deed.outcome == "refused"
    return deed.outcome == "done" and after == state and deed.fits(answer)


def _refused_for_another_reason(deed: Deed) -> Iterator[str]:
    if deed.outcome == "refused" and not any(reason in deed.said for reason in REASONS):
        yield f"refused for another reason: {deed}"


def _is_said(said: str, verb: str, answer: Any) -> bool:
    """Whether a command printed the model's answer."""
    if verb == "remove_photos":
        return "removed 1 picture of" in said and ("is gone" in said) == answer
    number = answer.count("added") if verb == "add" else answer or 0
    expected = {
        "add": f"{counted(number, 'template')} added to",
        "remove": f"with {counted(number, 'template')}",
        "merge": counted(number, "more template"),
        "rename": "is now",
        "forget_removals": counted(number, "removed picture"),
    }[verb]
    return re.search(rf"\b{expected}\b", said) is not None


def traces(files: Iterable[Path], people: dict[str, list[str]]) -> list[str]:
    """Those of the files that hold a name, a vector or its codes of somebody who is not in the gallery."""
    held = {sha256 for pictures in people.values() for sha256 in pictures}
    marks = {name.encode(): name for name in NAMES if name not in people}
    for name in NAMES:
        for number in range(PHOTOS):
            sha256 = picture(name, number)
            if sha256 not in held:
                codes = encode(vector(sha256)[None])[0].tobytes()
                for data in (sha256.encode(), vector(sha256).tobytes()[:16], codes[:16], codes[16:]):
                    marks[data] = f"{name}/{number}"
    found = []
    for file in files:
        content = file.read_bytes()
        found += [f"{file.name} still holds {what}" for mark, what in marks.items() if mark in content]
    return found
