"""The model of a gallery that scripts/model_test.py holds the gallery against, and the pictures in both."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facekit.calibration.threshold import Calibration
from facekit.gallery import Gallery, NewTemplate, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.places import AnyPlace

FINGERPRINT, DIMENSION = "ab" * 32, 32
NAMES = [f"{first}-{number}-Łęcka" for number in range(3) for first in ("Ada", "Ben", "Cem", "Dua")]
PHOTOS = 6
BEST = 3
"""How many people a search asks for."""

Operation = list[Any]
"""A verb and its arguments, as JSON has them."""


def picture(name: str, number: int) -> str:
    """The SHA-256 of a picture; it stands for its vector too."""
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest()


@cache
def vector(sha256: str) -> np.ndarray:
    values = np.random.default_rng(int(sha256[:12], 16)).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


@cache
def cosine(sha256: str, other: str) -> float:
    return float(vector(sha256).astype(np.float64) @ vector(other).astype(np.float64))


def template(name: str, sha256: str) -> NewTemplate:
    return NewTemplate(name, vector(sha256), sha256, f"{sha256[:10]}.jpg", (0.0, 0.0, 9.0, 9.0))


class RefusedError(Exception):
    """The model's answer where the gallery raises an error."""


@dataclass(frozen=True)
class State:
    """The model: which pictures each person has, and what is held against a picture that was removed (`face`,
    `named`) or renamed, as facekit.gallery.tombstones has it. `keyed` is whether there is a key for that.
    """

    people: dict[str, frozenset[str]] = field(default_factory=dict)
    stones: frozenset[tuple[str, ...]] = frozenset()
    keyed: bool = False

    def listed(self) -> dict[str, list[str]]:
        return {name: sorted(pictures) for name, pictures in self.people.items()}

    def remembered(self) -> dict[str, int]:
        """How many tombstones of each kind there are."""
        return dict(Counter(kind for kind, *_ in self.stones))

    def holder(self, sha256: str) -> str | None:
        """Who has the face of this picture; one person at most."""
        return next((name for name, pictures in self.people.items() if sha256 in pictures), None)

    def best(self, sha256: str) -> list[str]:
        """Who is found by a search for this picture, best first."""
        scores = {name: max(cosine(sha256, each) for each in own) for name, own in self.people.items()}
        return sorted(scores, key=lambda name: (-scores[name], name))[:BEST]


def applied(state: State, operation: Operation) -> tuple[State, Any]:
    """The model: the state after an operation, and what it answers. Raises RefusedError."""
    verb, *arguments = operation
    if verb == "add":
        return _added(state, *arguments)
    if verb == "forget_removals":
        return State(state.people), sum(kind == "named" for kind, *_ in state.stones)
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
    return State(people, frozenset(stones), keyed=True), answer


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
    return State(people, frozenset(stones), state.keyed), answer


def _renamed(stones: set[tuple[str, ...]], pictures: frozenset[str], old: str, new: str) -> None:
    for sha256 in pictures:
        stones.add(("renamed", sha256, old))
        stones -= _against(new, sha256)


def _against(name: str, sha256: str) -> set[tuple[str, ...]]:
    """All that can be held against a picture of this person."""
    return {("named", sha256, name), ("renamed", sha256, name), ("face", sha256)}


def of_rows(rows: Any) -> dict[str, list[str]]:
    state: dict[str, list[str]] = {}
    for row in rows:
        state.setdefault(row.subject, []).append(row.sha256)
    return {name: sorted(pictures) for name, pictures in state.items()}


def remembered(gallery: Gallery) -> dict[str, int]:
    """How many tombstones of each kind the gallery has."""
    return dict(Counter(stone.kind for stone in gallery.tombstones()))


def ledger_in(folder: Path) -> Path:
    """Where model_ledger has it: not in the gallery's own folder."""
    return folder / "ledger"


def changes(gallery: Gallery) -> int:
    len(gallery)
    return gallery.change_number


def new_gallery(place: AnyPlace) -> Gallery:
    return create_gallery(place, GallerySettings("model", FINGERPRINT, DIMENSION, Calibration(0.5)))
