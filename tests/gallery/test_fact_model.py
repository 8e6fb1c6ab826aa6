"""Whatever happens to people and faces in whatever order, a gallery has the facts that a simple model has."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import create, random_vectors, template

from facekit.errors import GalleryError
from facekit.gallery import score
from facekit.gallery.facts import Fact
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.results import Candidate

NAMES = ("Ada", "Ben", "Cem", "Dua", "Eve")
FACES = random_vectors(12, seed=77)


class Model:
    """People with the faces that are enrolled of them, and what was said. No two faces are alike."""

    def __init__(self) -> None:
        self.people: dict[str, set[int]] = {}
        self.apart: set[frozenset[str]] = set()
        self.denied: set[tuple[int, str]] = set()
        self.ignored: set[int] = set()

    def holder(self, face: int) -> str | None:
        return next((name for name, faces in self.people.items() if face in faces), None)

    def add(self, name: str, face: int, *, again: bool) -> None:
        if self.holder(face) == name or ((face, name) in self.denied and not again):
            return
        if (holder := self.holder(face)) is not None:
            self.take(holder, face)
        self.people.setdefault(name, set()).add(face)
        self.denied.discard((face, name))
        self.ignored.discard(face)

    def take(self, name: str, face: int) -> None:
        self.people[name].discard(face)
        if not self.people[name]:
            self.forget(name)

    def forget(self, name: str) -> None:
        del self.people[name]
        self.apart = {pair for pair in self.apart if name not in pair}
        self.denied = {(face, other) for face, other in self.denied if other != name}

    def remove(self, name: str) -> None:
        faces = self.people[name]
        self.denied = {(face, other) for face, other in self.denied if face not in faces}
        self.ignored -= faces
        self.forget(name)

    def remove_photo(self, name: str, face: int) -> None:
        self.denied = {(number, other) for number, other in self.denied if number != face}
        self.ignored.discard(face)
        self.take(name, face)

    def rename(self, old: str, new: str) -> None:
        self.people[new] = self.people.pop(old)
        self.apart = {frozenset(new if name == old else name for name in pair) for pair in self.apart}
        self.denied = {(face, new if name == old else name) for face, name in self.denied}

    def merge(self, into: str, other: str) -> bool:
        if frozenset((into, other)) in self.apart:
            return False
        self.apart = {frozenset(into if name == other else name for name in pair) for pair in self.apart}
        self.people[into] |= self.people.pop(other)
        self.denied = {(face, into if name == other else name) for face, name in self.denied}
        self.denied = {(face, name) for face, name in self.denied if self.holder(face) != name}
        return True

    def facts(self) -> set[tuple[object, ...]]:
        return {
            *(("not_same", *sorted(pair)) for pair in self.apart),
            *(("not_subject", name, face) for face, name in self.denied),
            *(("ignored", face) for face in self.ignored),
        }


def of_face(kind: str, face: int, subject: str | None = None) -> Fact:
    item = template("face", face)
    return Fact(kind, subject, vector=FACES[face], sha256=item.sha256, source="a.jpg", box=item.box)


def facts_of(gallery: SqliteGallery) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for fact in gallery.facts():
        face = [] if fact.vector is None else [int((FACES @ fact.vector).argmax())]
        found.add((fact.kind, *filter(None, (fact.subject, fact.other)), *face))
    assert len(found) == len(gallery.facts())
    return found


class Pair:
    """A gallery and the model of it, to which the same is done."""

    def __init__(self, gallery: SqliteGallery, chance: random.Random) -> None:
        self.gallery, self.model, self.chance = gallery, Model(), chance

    def step(self) -> None:
        getattr(
            self, self.chance.choice(("add", "add", "say", "say", "remove", "photo", "rename", "merge"))
        )()

    def person(self) -> str | None:
        return self.chance.choice(sorted(self.model.people)) if self.model.people else None

    def add(self) -> None:
        name, face, again = (
            self.chance.choice(NAMES),
            self.chance.randrange(len(FACES)),
            self.chance.random() < 0.5,
        )
        item = template("face", face, vector=FACES[face])
        values = {"sha256": item.sha256, "box": item.box, "vector": item.vector}
        self.gallery.add([template(name, face, **values)], again=again, move=True)
        self.gallery.forget_removals()
        self.model.add(name, face, again=again)

    def say(self) -> None:
        face, name, other = self.chance.randrange(len(FACES)), self.person(), self.person()
        kind = self.chance.choice(("not_same", "not_subject", "ignored"))
        if kind == "ignored":
            self.gallery.record([of_face(kind, face)])
            self.model.ignored.add(face)
        elif kind == "not_same" and name and other and name != other:
            self.gallery.record([Fact(kind, name, other)])
            self.model.apart.add(frozenset((name, other)))
        elif kind == "not_subject" and name:
            if self.model.holder(face) == name:
                with pytest.raises(GalleryError):
                    self.gallery.record([of_face(kind, face, name)])
            else:
                self.gallery.record([of_face(kind, face, name)])
                self.model.denied.add((face, name))

    def remove(self) -> None:
        if (name := self.person()) and self.chance.random() < 0.4:
            self.gallery.remove([name])
            self.gallery.forget_removals()
            self.model.remove(name)

    def photo(self) -> None:
        if name := self.person():
            face = self.chance.choice(sorted(self.model.people[name]))
            self.gallery.remove_photos(name, [template("face", face).sha256], remember=False)
            self.model.remove_photo(name, face)

    def rename(self) -> None:
        new = self.chance.choice(NAMES)
        if (name := self.person()) and new not in self.model.people:
            self.gallery.rename(name, new)
            self.gallery.forget_removals()
            self.model.rename(name, new)

    def merge(self) -> None:
        name, other = self.person(), self.person()
        if not name or not other or name == other:
            return
        if self.model.merge(name, other):
            self.gallery.merge(name, [other])
            self.gallery.forget_removals()
        else:
            with pytest.raises(GalleryError, match="were said not to be the same"):
                self.gallery.merge(name, [other])

    def compare(self) -> None:
        assert facts_of(self.gallery) == self.model.facts()
        assert set(self.gallery.names()) == set(self.model.people)
        for face, search in enumerate(self.gallery.search(FACES, len(NAMES))):
            denied = {item.subject for item in search if item.denied}
            assert denied == {item.subject for item in search if self.is_denied(face, item)}

    def is_denied(self, face: int, item: Candidate) -> bool:
        """Whether the face is as like one that is not the person's as it is like the person."""
        others = [number for number, name in self.model.denied if name == item.subject]
        return any(score(FACES[face], FACES[other]) >= item.score for other in others)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_changes_leaves_the_facts_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(
        "facekit.gallery.sqlite.erasure.finish", lambda *_: None
    )  # proved elsewhere, and slow
    path = tmp_path / "gallery.db"
    assert np.abs(FACES @ FACES.T - np.eye(len(FACES))).max() < 0.4  # below the threshold
    with create(path) as gallery:
        pair = Pair(gallery, random.Random(seed))
        for _ in range(120):
            pair.step()
            pair.compare()
    assert [problem.kind for problem in check(path)] in ([], ["erasing"])
