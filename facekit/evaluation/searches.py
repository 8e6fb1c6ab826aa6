"""1:N searches as they are scored: who is enrolled, who is a stranger, and what each probe finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.evaluation.scores import IdentificationScores, Texts

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Enrolled:
    """A gallery to search: unit `vectors` (t, d) in the order of `subjects` (t,), numbers of `names`."""

    vectors: NDArray[np.float32]
    subjects: Integers
    names: Texts

    @classmethod
    def of(cls, vectors: NDArray[np.float32], names: Sequence[str]) -> Enrolled:
        """Templates and the subject's name of each, in any order."""
        known = tuple(sorted(set(names)))
        number = {name: place for place, name in enumerate(known)}
        subjects = np.array([number[name] for name in names], np.int64)
        order = np.argsort(subjects, kind="stable")
        return cls(vectors[order], subjects[order], known)

    def without(self, people: set[str]) -> Enrolled:
        """The gallery with these people left out."""
        used = np.array([self.names[subject] not in people for subject in self.subjects], np.bool_)
        return Enrolled.of(self.vectors[used], [self.names[number] for number in self.subjects[used]])

    def scores(self, probes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each subject's best score with each probe, (probes, subjects)."""
        starts = np.searchsorted(self.subjects, np.arange(len(self.names)))
        return np.asarray(np.maximum.reduceat(probes @ self.vectors.T, starts, axis=1))


@dataclass(frozen=True, eq=False)
class Split:
    """Which pictures are enrolled and which are searched for, bool (n,)."""

    gallery: Mask
    probes: Mask


def splits(
    people: Sequence[str], *, gallery_photos: int, strangers: float, count: int, seed: int = 0
) -> list[Split]:
    """`count` splits of pictures of `people` (n,): in each, `strangers` people (a share below 1, or a number)
    are left out of the gallery, of the others `gallery_photos` pictures at random are enrolled, and every
    other picture is a probe. Raises UsageError where nobody would be enrolled or searched for.
    """
    everyone, numbers, counts = np.unique(np.array(people, np.str_), return_inverse=True, return_counts=True)
    pictures = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])
    out = how_many(strangers, len(everyone))
    if out >= len(everyone):
        raise UsageError(f"{out} of {len(everyone)} people as strangers leave nobody to enroll: take fewer")
    splits_made = []
    for number in range(count):
        random = np.random.default_rng((seed, number))
        left_out = random.choice(everyone, out, replace=False)
        gallery = np.zeros(len(numbers), np.bool_)
        for person in np.flatnonzero(~np.isin(everyone, left_out)):
            gallery[random.permutation(pictures[person])[:gallery_photos]] = True
        if gallery.all():
            raise UsageError(
                f"nobody is left to search for with {gallery_photos} photos a person enrolled: take fewer"
            )
        splits_made.append(Split(gallery, ~gallery))
    return splits_made


def how_many(share: float, people: int) -> int:
    """A share below 1 of the people, or a number of them."""
    return round(share * people) if share < 1 else int(share)


def search(
    gallery: Enrolled,
    vectors: NDArray[np.float32],
    rows: Integers,
    *,
    probes: Sequence[str],
    people: Sequence[str],
    enrolled: set[str] | None = None,
    split: int = 0,
    groups: Mapping[str, Texts] | None = None,
) -> IdentificationScores:
    """Search for each of the `probes` (n,), on which the `people` (n,) are.

    `rows` (n,) are the probes' rows in `vectors`, −1 for a failure to acquire. `enrolled` is who should be in
    the gallery, also who has no template there for want of a face: searches for them are mated, and miss.
    """
    known = set(gallery.names) if enrolled is None else enrolled
    place = {name: number for number, name in enumerate(gallery.names)}
    truth = np.array([place.get(name, -1) for name in people], np.int64)
    top, mate = (np.full(len(probes), -np.inf) for _ in range(2))
    best, ranks = np.full(len(probes), -1), np.zeros(len(probes), np.int64)
    usable = np.flatnonzero(rows >= 0) if gallery.names else np.zeros(0, np.int64)
    for start in range(0, len(usable), 512):
        part = usable[start : start + 512]
        scores = gallery.scores(vectors[rows[part]])
        best[part] = scores.argmax(axis=1)
        top[part] = scores.max(axis=1)
        mates, its = np.flatnonzero(truth[part] >= 0), truth[part][truth[part] >= 0]
        right = scores[mates, its]
        mate[part[mates]] = right
        # Of equal scores the wrong subject ranks first.
        ranks[part[mates]] = np.count_nonzero(scores[mates] >= right[:, None], axis=1)
    return IdentificationScores(
        np.full(len(probes), split),
        tuple(probes),
        tuple(name if name in known else "" for name in people),
        tuple(gallery.names[number] if number >= 0 else "" for number in best.tolist()),
        top,
        mate,
        ranks,
        np.full(len(probes), len(gallery.names)),
        {"person": tuple(people), **(groups or {})},
    )


def joined(parts: Sequence[IdentificationScores]) -> IdentificationScores:
    """The searches of several splits as one list."""
    texts = {name: tuple(x for part in parts for x in part.groups[name]) for name in parts[0].groups}
    return IdentificationScores(
        np.concatenate([part.splits for part in parts]),
        tuple(x for part in parts for x in part.probes),
        tuple(x for part in parts for x in part.subjects),
        tuple(x for part in parts for x in part.top_subjects),
        np.concatenate([part.top_scores for part in parts]),
        np.concatenate([part.mate_scores for part in parts]),
        np.concatenate([part.mate_ranks for part in parts]),
        np.concatenate([part.gallery_subjects for part in parts]),
        texts,
    )
