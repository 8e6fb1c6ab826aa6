"""Grouping faces that nobody has named: which of them are of one person?

Chinese whispers (Biemann 2006, "Chinese Whispers: an efficient graph clustering algorithm") on the graph
of faces that are alike, by dlib. Then what it cannot know is put right: two faces of one photo are two
people, and a group that the gallery knows has a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit.calibration.poorness import is_poor
from facekit.gallery.facts import COPY, IgnoredFaces
from facekit.people.all_pairs import pair_blocks
from facekit.people.identification import contenders, is_sure, rise
from facekit.results import SCHEMA, Candidate, Face

if TYPE_CHECKING:
    from facekit.faces.reading import Reading
    from facekit.gallery.base import Gallery

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

LINK = 0.85
"""Two faces are linked from this part of the embedder's threshold on: a wrong link is outvoted by the right
ones around it. Lower finds more of a person in a small folder, and mixes people in a large one
(scripts/measure_clusters.py)."""
CANDIDATES = 10
LINKS = 500
ROWS_AT_ONCE = 2048
ALONE = -1


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face of a photo; `number` is that of the printed results, from 1."""

    source: str
    sha256: str
    number: int
    face: Face

    def to_dict(self) -> dict[str, Any]:
        return {"source": self.source, "face": self.number, **self.face.to_dict()}


@dataclass(frozen=True, eq=False)
class Group:
    """Faces of one person, in the order of the photos; `number` is from 1. `likeness` is the mean score of
    its pairs (−1 … 1).

    `subject` is who it is, where the gallery knows; `score` is then the median of its faces' scores with
    that subject. `contenders` are the people whom a group is equally like, and none of whom it is then
    said to be.
    """

    faces: tuple[Sighting, ...]
    likeness: float | None
    subject: str | None = None
    score: float | None = None
    contenders: tuple[str, ...] = ()
    number: int | None = None

    @property
    def photos(self) -> list[str]:
        return list(dict.fromkeys(face.source for face in self.faces))

    def to_dict(self) -> dict[str, Any]:
        score = None if self.score is None else round(self.score, 4)
        return {
            "schema": SCHEMA,
            "group": self.number,
            "subject": self.subject,
            "score": score,
            "contenders": list(self.contenders),
            "likeness": None if self.likeness is None else round(self.likeness, 4),
            "faces": [face.to_dict() for face in self.faces],
        }


@dataclass(frozen=True, eq=False)
class Grouping:
    """All faces: `groups`, the largest first, those that are `single`, and those that the gallery has as
    `ignored`. `problems` are the pictures that could not be read, a line each; `pictures` is how many there
    were."""

    groups: tuple[Group, ...]
    single: tuple[Sighting, ...]
    ignored: tuple[Sighting, ...] = ()
    problems: tuple[str, ...] = ()
    pictures: int = 0

    def results(self) -> tuple[Group, ...]:
        """The groups, and as one without a number the faces that are single."""
        return (*self.groups, Group(self.single, None))


def sightings(readings: Iterable[Reading], *, crops: bool = False) -> Iterator[Sighting]:
    """The faces of all readings. Without `crops` their pixels are let go: of a large folder they would fill
    the memory.
    """
    for reading in readings:
        for number, face in enumerate(reading.faces, 1):
            seen_face = face if crops else face.without_crop()
            yield Sighting(reading.source, reading.sha256, number, seen_face)


def group_faces(
    faces: Sequence[Sighting],
    threshold: float,
    gallery: Gallery | None = None,
    *,
    poor_from: float = 0.0,
) -> Grouping:
    """The faces grouped by person; with `gallery`, with the names of those who are enrolled, and without
    those who are to be ignored. Faces of a rate of `poor_from` or above are not grouped for being like each
    other: strangers' are too (facekit.calibration.poorness).
    """
    if not faces:
        return Grouping((), ())
    vectors = np.stack([sighting.face.vector for sighting in faces])
    photos = [sighting.source for sighting in faces]
    poor = np.array([is_poor(sighting.face.quality.stranger_rate, poor_from) for sighting in faces])
    labels = group(vectors, photos, threshold, poor)
    members = [np.flatnonzero(labels == number) for number in range(labels.max() + 1)]
    members += [np.array([alone]) for alone in np.flatnonzero(labels == ALONE)]
    evidence = _evidence_of(members, vectors, gallery) if gallery is not None else [[] for _ in members]
    named = _named(evidence, members, photos, gallery) if gallery is not None else {}
    ignoring = _Ignoring(gallery, vectors, poor)
    groups: list[Group] = []
    single: list[int] = []
    for numbers, subject in _joined(len(members), named):
        rows = np.sort(np.concatenate([members[number] for number in numbers]))
        score = None
        if gallery is not None and subject is not None:
            rows, strangers, score = _without_denied(rows, vectors, subject, gallery)
            single += ignoring.rest(np.array(strangers, np.intp)).tolist()
        else:
            rows = ignoring.rest(rows)
        rivals = () if subject else _rivals(evidence[numbers[0]], gallery)
        if len(rows) == 1 and subject is None and not rivals:
            single.append(int(rows[0]))
        elif len(rows):
            members_found = tuple(faces[row] for row in rows)
            groups.append(Group(members_found, _likeness(vectors[rows]), subject, score, rivals))
    groups.sort(key=lambda group: -len(group.faces))
    numbered = tuple(replace(group, number=number) for number, group in enumerate(groups, 1))
    return Grouping(
        numbered,
        tuple(faces[row] for row in sorted(single)),
        tuple(faces[row] for row in sorted(ignoring.rows)),
    )


class _Ignoring:
    """Takes faces out that nobody wants to know; `rows` are those that were taken out."""

    def __init__(self, gallery: Gallery | None, vectors: Vectors, poor: Flags) -> None:
        ignored = IgnoredFaces() if gallery is None else IgnoredFaces(gallery.facts())
        self.rows: list[int] = []
        self._likeness = ignored.likeness(vectors)
        self._limit = COPY if gallery is None else gallery.threshold
        self._poor = poor

    def rest(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Without those that are ignored: all of a group that would have the name of the one who is, were
        that an enrolled person. Poor faces are like those of strangers, and go only if they are meant.
        """
        likeness = self._likeness[rows]
        out = likeness >= COPY
        evidence = np.where(self._poor[rows] & ~out, -1, likeness)
        if len(rows) and np.median(evidence) >= self._limit:
            out[:] = True
        self.rows += rows[out].tolist()
        return rows[~out]


def _without_denied(
    rows: NDArray[np.intp], vectors: Vectors, subject: str, gallery: Gallery
) -> tuple[NDArray[np.intp], list[int], float]:
    """The faces of a group that has a name without those of which was said that they are not that person's,
    these, and the median score of the others."""
    searches = gallery.search(vectors[rows], CANDIDATES)
    denied = [any(item.subject == subject and item.denied for item in search) for search in searches]
    theirs = [search for search, is_denied in zip(searches, denied, strict=True) if not is_denied]
    return rows[~np.array(denied)], rows[denied].tolist(), _evidence(theirs)[subject]


def group(vectors: Vectors, photos: Sequence[str], threshold: float, poor: Flags | None = None) -> Labels:
    """For each of the unit `vectors` (n, d) the number of its group, from 0, the largest first; −1 for a face
    that is alone.

    Faces of the same entry of `photos` (n,) are never in one group, and two of those that are `poor` (n,) are
    not linked. The groups do not depend on the order of the faces.
    """
    poor = np.zeros(len(vectors), np.bool_) if poor is None else poor
    # Whispers depend on the order of the faces: put them into one that depends on the faces only.
    order = sorted(range(len(vectors)), key=lambda row: (vectors[row].tobytes(), photos[row]))
    parts = _parts(vectors[order], [photos[row] for row in order], threshold, poor[order])
    groups = [sorted(order[row] for row in part) for part in parts if len(part) > 1]
    labels = np.full(len(vectors), ALONE, np.int64)
    for number, rows in enumerate(sorted(groups, key=lambda rows: (-len(rows), rows[0]))):
        labels[rows] = number
    return labels


def _parts(vectors: Vectors, photos: Sequence[str], threshold: float, poor: Flags) -> Iterator[list[int]]:
    """The groups as row numbers, those of one face too."""
    by_label = defaultdict(list)
    for row, label in enumerate(_whispered(vectors, photos, threshold, poor)):
        by_label[label].append(row)
    for rows in by_label.values():
        witnesses = _one_a_photo(vectors[rows], [photos[row] for row in rows])
        yield [rows[place] for place in witnesses]
        rest = [rows[place] for place in sorted(set(range(len(rows))) - set(witnesses))]
        if rest:
            parts = _parts(vectors[rest], [photos[row] for row in rest], threshold, poor[rest])
            yield from ([rest[place] for place in part] for part in parts)


def _whispered(vectors: Vectors, photos: Sequence[str], threshold: float, poor: Flags) -> list[int]:
    import dlib

    # An edge of a face to itself, of no weight, makes dlib count the faces that are linked to nobody.
    edges = [(row, row, 0.0) for row in range(len(vectors))]
    edges += _links(vectors, photos, threshold, poor)
    return [int(label) for label in dlib.chinese_whispers(sorted(edges))]


def _links(
    vectors: Vectors, photos: Sequence[str], threshold: float, poor: Flags
) -> Iterator[tuple[int, int, float]]:
    """Pairs of faces of two photos, not both poor, with a score of at least `threshold`, each once, with it.

    Where both faces have more than `LINKS` of them, a random part of about as many: thousands of photos of
    one person would otherwise fill the memory with millions of pairs that all say the same.
    """
    numbers = {photo: number for number, photo in enumerate(dict.fromkeys(photos))}
    photo = np.array([numbers[source] for source in photos])
    degrees = np.zeros(len(vectors), np.int64)
    for rows, columns, _ in _alike(vectors, photo, threshold, poor):
        degrees += np.bincount(rows, minlength=len(vectors)) + np.bincount(columns, minlength=len(vectors))
    random = np.random.default_rng(len(vectors))
    for rows, columns, scores in _alike(vectors, photo, threshold, poor):
        chosen = random.random(len(rows)) * np.minimum(degrees[rows], degrees[columns]) < LINKS
        yield from zip(*(source[chosen].tolist() for source in (rows, columns, scores)), strict=True)


def _alike(
    vectors: Vectors, photo: NDArray[np.int64], threshold: float, poor: Flags
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Vectors]]:
    """All such pairs a block of rows at a time: the first faces, the second ones, and the scores."""
    for first, scores, once in pair_blocks(vectors, ROWS_AT_ONCE):
        rows, columns = np.nonzero((scores >= threshold) & once)
        apart = photo[first + rows] != photo[first + columns]
        apart &= ~(poor[first + rows] & poor[first + columns])
        rows, columns = rows[apart], columns[apart]
        yield first + rows, first + columns, scores[rows, columns]


def _one_a_photo(vectors: Vectors, photos: Sequence[str]) -> list[int]:
    """Of a group that may hold several faces of a photo, the rows of the largest part that holds one each:
    the faces whose photo gives no choice, and of each other photo the one most like those chosen before.
    """
    choices = defaultdict(list)
    for row, photo in enumerate(photos):
        choices[photo].append(row)
    single = [rows[0] for rows in choices.values() if len(rows) == 1]
    several = [rows for rows in choices.values() if len(rows) > 1]
    if not several:
        return single
    total = vectors[single].sum(axis=0) if single else vectors.sum(axis=0)
    several.sort(key=lambda rows: (-float((vectors[rows] @ total).max()), rows))
    for rows in several:
        best = rows[int((vectors[rows] @ total).argmax())]
        total = total + vectors[best] if single else vectors[best]
        single.append(best)
    return sorted(single)


def _evidence_of(
    members: Sequence[NDArray[np.intp]], vectors: Vectors, gallery: Gallery
) -> list[list[Candidate]]:
    """For each group its subjects by their median scores, best first."""
    ranked = []
    for rows in members:
        searches = gallery.search(vectors[rows], CANDIDATES)
        poor = {candidate.subject for candidates in searches for candidate in candidates if candidate.poor}
        medians = _evidence(searches)
        order = sorted(medians.items(), key=lambda item: (-item[1], item[0]))
        ranked.append(
            [Candidate(rank, name, score, poor=name in poor) for rank, (name, score) in enumerate(order, 1)]
        )
    return ranked


def _rivals(evidence: Sequence[Candidate], gallery: Gallery | None) -> tuple[str, ...]:
    """The people whom a group is equally like, at a score that would have named it."""
    if gallery is None:
        return ()
    names = tuple(contender.subject for contender in contenders(evidence, gallery.threshold))
    return names if len(names) > 1 else ()


def _named(
    evidence: Sequence[Sequence[Candidate]],
    members: Sequence[NDArray[np.intp]],
    photos: Sequence[str],
    gallery: Gallery,
) -> dict[int, str]:
    """The subjects of those groups whose median score with one reaches the threshold, and with nobody else
    comes close (`identification.contenders`); of that one there is more than poor pictures, and a group that
    is like many needs more (`identification.rise`).

    The surest are named first. A second group gets the same name only when no photo shows both: the
    grouping has then divided one person, whom the gallery knows twice.
    """
    threshold, cohort = gallery.threshold, gallery.cohort
    able = [contenders(ranked, threshold) for ranked in evidence]
    claims = [
        (-claim[0].score, number, claim[0].subject)
        for number, (claim, ranked) in enumerate(zip(able, evidence, strict=True))
        if is_sure(claim, threshold + rise(ranked, cohort))
    ]
    seen: defaultdict[str, set[str]] = defaultdict(set)
    named: dict[int, str] = {}
    for _, number, name in sorted(claims):
        taken_photos = {photos[row] for row in members[number]}
        if number not in named and not seen[name] & taken_photos:
            named[number] = name
            seen[name] |= taken_photos
    return named


def _joined(count: int, named: dict[int, str]) -> list[tuple[list[int], str | None]]:
    """The numbers of the groups with their name; those of one name stand together."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in named.items():
        by_name[name].append(number)
    joined: list[tuple[list[int], str | None]] = [(found, name) for name, found in sorted(by_name.items())]
    return joined + [([number], None) for number in range(count) if number not in named]


def _evidence(searches: Sequence[Sequence[Candidate]]) -> dict[str, float]:
    """Each subject's median score over all faces; one of which was said that it is not theirs speaks against
    them. A subject that is not among a face's candidates cannot have more than the last of them.
    """
    scores = [{item.subject: -1.0 if item.denied else item.score for item in search} for search in searches]
    last = [search[-1].score if search else -1.0 for search in searches]
    names = {name for values in scores for name in values}
    return {
        name: float(np.median([values.get(name, most) for values, most in zip(scores, last, strict=True)]))
        for name in names
    }


def _likeness(vectors: Vectors) -> float:
    """Mean score of all pairs; 1 for a face alone."""
    count = len(vectors)
    if count == 1:
        return 1.0
    total = vectors.sum(axis=0, dtype=np.float64)
    self_scores = np.einsum("nd,nd->", vectors, vectors, dtype=np.float64)
    return float((total @ total - self_scores) / (count * (count - 1)))
