"""Is there an order of changes that explains what the processes of scripts/model_test.py reported?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gallery_model import NAMES, PHOTOS, RefusedError, State, applied, picture, vector

from facekit.gallery.search.codes import encode


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
                self.loose.append(report)
            elif kind == "done" and report["operation"] == ["forget_removals"]:
                self.loose.append({**report, "must": False})
            else:
                self.answers.append(report)
        if began is not None:
            self.loose.append({**began, "most": most, "must": False})
            self.counts["killed in a change"] += 1


def refusals(answers: list[dict[str, Any]]) -> list[str]:
    """Operations that were refused for another reason than who is in the gallery."""
    reasons = ("is not in the gallery", "is in the gallery already", "has no template of")
    refused = [report for report in answers if report["kind"] == "refused"]
    return [
        f"refused: {report['operation']}: {report['why']}"
        for report in refused
        if not any(reason in report["why"] for reason in reasons)
    ]


def orders(reports: Reports, last: int, final: dict[str, list[str]]) -> Iterator[list[State]]:
    """The states of each order of changes that gives the answers and the gallery at the end."""
    loose = reports.loose
    states = reports.states
    used: list[int] = []
    told: dict[int, list[dict[str, Any]]] = {}
    for report in reports.answers:
        if report["kind"] in ("seen", "searched") and "number" in report:
            told.setdefault(report["number"], []).append(report)

    def agree(number: int, state: State) -> bool:
        return all(_agrees(report, state) for report in told.get(number, ()))

    hopeless: set[tuple[Any, ...]] = set()

    def extend(number: int) -> Iterator[list[State]]:
        while number <= last and number in reports.numbered:
            report = reports.numbered[number]
            try:
                state, answer = applied(states[-1], report["operation"])
            except RefusedError:
                return
            if answer != report["answer"] or not agree(number, state):
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
        here = (
            number,
            frozenset(used),
            frozenset(states[-1].people.items()),
            states[-1].stones,
            states[-1].keyed,
        )
        if here in hopeless:
            return
        for place, report in enumerate(loose):
            if place in used or not report["least"] < number <= report["most"]:
                continue
            try:
                state, _ = applied(states[-1], report["operation"])
            except RefusedError:
                continue
            if state == states[-1] or not agree(number, state):
                continue
            states.append(state)
            used.append(place)
            yield from extend(number + 1)
            used.pop()
            del states[length:]
        hopeless.add(here)

    yield from extend(1)


def judged(report: dict[str, Any], states: list[State]) -> Iterator[str]:
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


def traces(folder: Path, final: dict[str, list[str]]) -> list[str]:
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
