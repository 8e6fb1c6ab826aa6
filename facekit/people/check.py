"""Are the people of a gallery who they are said to be? Templates under a wrong name, people under two names,
templates that are like no other of their subject, or like everybody's.

Only scores that reach the gallery's threshold speak for somebody else; the means over all templates decide,
so that one wrong template does not make its many right neighbors suspicious.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit.calibration.poorness import is_poor, of_gallery
from facekit.gallery.facts import COPY, Denials, Fact, IgnoredFaces, pairs_apart
from facekit.gallery.templates import STRANGER_RATE, NewTemplate, file_name
from facekit.people.all_pairs import score_blocks
from facekit.people.mixture import UNLIKE, parts

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery

Kind = Literal["duplicate", "mislabeled", "several_people", "stray", "scattered", "magnet", "poor"]
Vectors = NDArray[np.float32]
Integers = NDArray[np.intp]
Hits = tuple[Integers, Integers]

FEWEST_DRAWN = 5
SHARE_DRAWN = 1e-3
"""A template is a magnet from so many other people on who have one at the threshold, and from that share of
all people on. By chance a template is as like one stranger of 10,000 (facekit.calibration.poorness), and in a
calibrated gallery, whose threshold rises with its people, like one or none of all: this is ten times as many,
and more than one has relatives who look like twins."""
ROWS_AT_ONCE = 256
READ_AT_MOST = 5_000
"""Templates that are read in no time."""
SHORT_DIGEST = 12
SMALLEST_PART = 2


@dataclass(frozen=True)
class SubjectProblem:
    """One thing to look at.

    duplicate    `other` is probably the same person as `subject`; `score` is the median of what each
                 template of one has with the best of the other
    mislabeled  `photo` of `subject` is more like `other`: its mean score with their templates is `score`,
                 with its own subject's `subject_score`
    several_people  `photos` of `subject` are alike, and like none of its others, who are perhaps `people` in
                 all: their mean score with the largest part of them is `subject_score`
    stray        `photo` of `subject` is like none of its other templates: the best score is `subject_score`
    scattered    no two templates of `subject` are alike; their best score is `subject_score`
    magnet       `photo` of `subject` is as like as one person's to `people` others: whoever is searched for
                 in a picture as poor may get this name
    poor         there are only poor pictures of `subject`, who is never named for them
                 (facekit.calibration.poorness)

    `photo` and `photos` are what `gallery_remove` takes: the picture's name, or where that is not
    enough the beginning of its SHA-256. `sources` are the names of those pictures.
    """

    kind: Kind
    subject: str
    other: str | None = None
    photo: str | None = None
    score: float | None = None
    subject_score: float | None = None
    photos: tuple[str, ...] = ()
    people: int | None = None
    sources: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        values = dict(vars(self))
        for name in ("score", "subject_score"):
            values[name] = None if values[name] is None else round(values[name], 4)
        return {**values, "photos": list(self.photos), "sources": list(self.sources)}


def problems(gallery: Gallery) -> list[SubjectProblem]:
    """All problems about the people of a gallery: duplicates, mislabeled templates, two people, strays,
    magnets, and who has poor templates only."""
    with gallery.snapshot():
        templates, facts = list(gallery.contents()), gallery.facts()
    return problems_of(templates, gallery.threshold, poor_from=gallery.settings.poor_from, facts=facts)


def camera(gallery: Gallery) -> str | None:
    """What is to be expected where a gallery is of poor pictures, as a camera's is, and nobody has set its
    threshold for them: words, or None where there is nothing to say or too much to read for it."""
    settings = gallery.settings
    if not settings.poor_from or settings.calibrated != settings.created or len(gallery) > READ_AT_MOST:
        return None
    rates = [info.quality.get(STRANGER_RATE) for info in gallery.templates()]
    return of_gallery([rate for rate in rates if rate is not None and not is_poor(rate, settings.poor_from)])


def problems_of(
    templates: Sequence[NewTemplate],
    threshold: float,
    *,
    poor_from: float = 0.0,
    facts: Sequence[Fact] = (),
) -> list[SubjectProblem]:
    """`problems` about templates; from `threshold` on, a cosine, a score speaks for the same person, and from
    the rate `poor_from` on a template is poor. By `facts`, people who are not the same are not proposed as
    one, a face is not held to be whose it is not, and one that is ignored is no problem."""
    if not templates:
        return []
    crowd = _Templates(templates)
    hits, magnets = crowd.hits(threshold)
    same = _Duplicates(crowd, crowd.without_denied(hits, Denials(facts)), pairs_apart(facts))
    wrong = list(_mislabeled(crowd, crowd.without_denied(hits, Denials(facts)), same))
    doubted = [row for row, _, _, _ in wrong]
    ignored = set(np.flatnonzero(IgnoredFaces(facts).likeness(crowd.vectors) >= COPY).tolist())
    strays = _strays(crowd, doubted, UNLIKE * threshold, ignored)
    mislabeled = (
        SubjectProblem(
            "mislabeled",
            crowd.name_of(row),
            crowd.names[other],
            crowd.photo(row),
            score,
            subject_score,
            sources=crowd.sources([row]),
        )
        for row, other, score, subject_score in wrong
    )
    drawn = (
        SubjectProblem(
            "magnet",
            crowd.name_of(row),
            photo=crowd.photo(row),
            people=others,
            sources=crowd.sources([row]),
        )
        for row, others in magnets.items()
        if row not in ignored
    )
    poor = crowd.only_poor(poor_from)
    return [
        *same.problems(),
        *mislabeled,
        *_several_people(crowd, doubted, threshold, ignored),
        *strays,
        *drawn,
        *poor,
    ]


class _Templates:
    """Templates by subject: `vectors` (n, d), the number of each one's subject in `subjects` (n,), `names`,
    `starts` where each subject's rows begin."""

    def __init__(self, templates: Sequence[NewTemplate]) -> None:
        self.templates = sorted(templates, key=lambda template: template.subject)
        self.vectors = np.stack([template.vector for template in self.templates])
        sizes = [
            (name, len(list(rows)))
            for name, rows in groupby(self.templates, lambda template: template.subject)
        ]
        self.names: list[str] = [name for name, _ in sizes]
        self.counts = np.array([count for _, count in sizes])
        self.starts = np.cumsum(self.counts) - self.counts
        self.subjects = np.repeat(np.arange(len(self.names)), self.counts)

    def rows(self, subject: int) -> range:
        return range(self.starts[subject], self.starts[subject] + self.counts[subject])

    def name_of(self, row: int) -> str:
        return self.names[int(self.subjects[row])]

    def photo(self, row: int) -> str:
        """What names this template among its subject's: its picture's name, or the start of its digest."""
        template = self.templates[row]
        name = file_name(template.source)
        alike = [
            number
            for number in self.rows(self.subjects[row])
            if file_name(self.templates[number].source) == name
        ]
        return name if len(alike) == 1 and name.isprintable() else template.sha256[:SHORT_DIGEST]

    def sources(self, rows: Iterable[int]) -> tuple[str, ...]:
        """The names of their pictures."""
        return tuple(file_name(self.templates[row].source) for row in rows)

    def hits(self, threshold: float) -> tuple[Hits, dict[int, int]]:
        """Rows and subject numbers, another's than the row's own, where a template of that subject has a
        score of at least `threshold` with the row; and the magnets, with how many others they are like. What
        a magnet is like is no hit: it says nothing about who anybody is.
        """
        most = max(FEWEST_DRAWN, math.ceil(SHARE_DRAWN * len(self.names)))
        pairs: list[Hits] = []
        magnets: dict[int, int] = {}
        for part, scores in score_blocks(self.vectors, ROWS_AT_ONCE):
            first, alike = part.start, scores >= threshold
            for place, number in enumerate(self.subjects[part].tolist()):
                own_rows = self.rows(number)
                alike[place, own_rows.start : own_rows.stop] = False
            rows, columns = np.divmod(np.flatnonzero(alike), len(self.vectors))
            people = np.unique(np.stack([rows, self.subjects[columns]]), axis=1)
            counts = np.bincount(people[0], minlength=len(alike))
            magnets.update((first + int(row), int(counts[row])) for row in np.flatnonzero(counts >= most))
            usual = counts[rows] < most
            pairs.append((first + rows[usual], columns[usual]))
        rows, columns = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        usual = ~np.isin(columns, list(magnets))
        pairs_found = np.unique(np.stack([rows[usual], self.subjects[columns[usual]]]), axis=1)
        return (pairs_found[0], pairs_found[1]), magnets

    def without_denied(self, hits: Hits, denials: Denials) -> Hits:
        """Those hits of which nobody has said that the face is not the other's."""
        rows, others = hits
        if not denials:
            return hits
        pairs = zip(rows.tolist(), others.tolist(), strict=True)
        stays = [not denials.denies_face(self.names[other], self.vectors[row]) for row, other in pairs]
        return rows[stays], others[stays]

    def only_poor(self, poor_from: float) -> Iterator[SubjectProblem]:
        """Whose templates are all poor."""
        for number, name in enumerate(self.names):
            rates = [self.templates[row].quality.get(STRANGER_RATE) for row in self.rows(number)]
            if all(is_poor(rate, poor_from) for rate in rates):
                yield SubjectProblem("poor", name)

    def between(self, one: int, other: int) -> float:
        """The median over the templates of both of the best score with the other one's."""
        scores = self.vectors[self.rows(one)] @ self.vectors[self.rows(other)].T
        return float(np.median(np.concatenate([scores.max(axis=0), scores.max(axis=1)])))


class _Duplicates:
    """Subjects of which more than half of the templates, on both sides, know the other. Those who are `apart`
    are no problem, and look like one person all the same: nothing is mislabeled between them."""

    def __init__(
        self, crowd: _Templates, hits: Hits, apart: AbstractSet[frozenset[str]] = frozenset()
    ) -> None:
        self._apart = apart
        rows, others = hits
        self._crowd = crowd
        self.leader = list(range(len(crowd.names)))
        seen = Counter(zip(crowd.subjects[rows].tolist(), others.tolist(), strict=True))
        for (one, other), count in seen.items():
            back = seen.get((other, one), 0)
            if one < other and 2 * count > crowd.counts[one] and 2 * back > crowd.counts[other]:
                self._join(one, other)

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.leader[one], self.leader[other]))
        self.leader = [first if leader == second else leader for leader in self.leader]

    def problems(self) -> Iterator[SubjectProblem]:
        """Each person's names: all belong to the one with most templates, so that every merge can be done."""
        people = defaultdict(list)
        for number, leader in enumerate(self.leader):
            people[leader].append(number)
        for names in people.values():
            into = max(names, key=lambda number: (self._crowd.counts[number], -number))
            for other in names:
                pair = (self._crowd.names[into], self._crowd.names[other])
                if other != into and frozenset(pair) not in self._apart:
                    yield SubjectProblem("duplicate", *pair, score=self._crowd.between(into, other))


def _mislabeled(crowd: _Templates, hits: Hits, same: _Duplicates) -> Iterator[tuple[int, int, float, float]]:
    """Rows with the subject they are more like, and the mean scores with it and with their own, the worst
    first; each is taken away before the next is looked for."""
    leader = np.array(same.leader)
    rows, others = hits
    apart = leader[crowd.subjects[rows]] != leader[others]
    rows, others = rows[apart], others[apart]
    sums = np.add.reduceat(crowd.vectors.astype(np.float64), crowd.starts, axis=0)
    counts = crowd.counts.copy()
    while len(rows):
        subjects = crowd.subjects[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            theirs = np.einsum("nd,nd->n", crowd.vectors[rows], sums[others]) / counts[others]
            mine = (np.einsum("nd,nd->n", crowd.vectors[rows], sums[subjects]) - 1) / (counts[subjects] - 1)
        margin = np.where((counts[subjects] > 1) & (counts[others] > 0), theirs - mine, -np.inf)
        worst = int(np.argmax(margin))
        if margin[worst] <= 0:
            return
        row = int(rows[worst])
        yield row, int(others[worst]), float(theirs[worst]), float(mine[worst])
        sums[subjects[worst]] -= crowd.vectors[row]
        counts[subjects[worst]] -= 1
        rows, others = rows[rows != row], others[rows != row]


def _several_people(
    crowd: _Templates, without: Sequence[int], threshold: float, ignored: AbstractSet[int]
) -> Iterator[SubjectProblem]:
    """The smaller parts of more than one template into which a subject's fall (`facekit.people.mixture`),
    when those in `without` are not counted; but for parts of which all are `ignored`."""
    gone = set(without)
    for number, name in enumerate(crowd.names):
        rows = np.array([row for row in crowd.rows(number) if row not in gone], np.intp)
        if len(rows) < 2 * SMALLEST_PART:
            continue
        main, *others = (rows[part] for part in parts(crowd.vectors[rows], threshold))
        others = [part for part in others if len(part) >= SMALLEST_PART]
        for part in others:
            if ignored >= set(part.tolist()):
                continue
            yield SubjectProblem(
                "several_people",
                name,
                subject_score=float((crowd.vectors[part] @ crowd.vectors[main].T).mean()),
                photos=tuple(map(crowd.photo, part)),
                people=1 + len(others),
                sources=crowd.sources(part),
            )


def _strays(
    crowd: _Templates, without: Sequence[int], limit: float, ignored: AbstractSet[int]
) -> Iterator[SubjectProblem]:
    """Templates whose best score with the subject's others is below the limit, when those in `without` are
    not counted; but for those that are `ignored`."""
    gone = set(without)
    for number, name in enumerate(crowd.names):
        rows = [row for row in crowd.rows(number) if row not in gone]
        if len(rows) < 2:
            continue
        scores = crowd.vectors[rows] @ crowd.vectors[rows].T
        np.fill_diagonal(scores, -np.inf)
        best = scores.max(axis=1)
        if (best < limit).all():
            if ignored >= set(rows):
                continue
            yield SubjectProblem("scattered", name, subject_score=float(best.max()))
            continue
        for place in np.flatnonzero(best < limit):
            row = rows[place]
            if row in ignored:
                continue
            yield SubjectProblem(
                "stray",
                name,
                photo=crowd.photo(row),
                subject_score=float(best[place]),
                sources=crowd.sources([row]),
            )
