"""What a threshold is chosen from: a gallery's own templates, labeled photos, or a file of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.evaluation import comparisons
from facekit.evaluation.intervals import over_people
from facekit.evaluation.metrics import Rate, Scores
from facekit.evaluation.pictures import Templates
from facekit.evaluation.scores import AnyScores, IdentificationScores, VerificationScores
from facekit.evaluation.searches import Enrolled
from facekit.evaluation.thresholds import NonMated
from facekit.people.all_pairs import score_blocks

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """Non-mated scores, and searches with their outcome: `top` (n,) the best candidate's score, `right` (n,)
    whether it is the person, `mated` (n,) whether the person is in the gallery at all, `people` (n,) a number
    for the person of each search, where they are known."""

    non_mated: NonMated
    top: Scores
    right: Flags
    mated: Flags
    people: NDArray[np.integer[Any]] | None = None

    def missed(self, threshold: float) -> Rate:
        """FNIR: mated searches without the right person first and ≥ the threshold."""
        missed = ~(self.right & (self.top >= threshold))[self.mated]
        if self.people is None or not len(missed):
            return Rate(int(np.count_nonzero(missed)), len(missed))
        return over_people(missed, self.people[self.mated])


def of_templates(gallery: Enrolled) -> CalibrationData:
    """Each template searched for among the others: without its own person a non-mated search of the rest, one
    person fewer; with the person's other templates, where there are any, a mated one."""
    count = len(gallery.vectors)
    if len(gallery.names) < 2:
        raise UsageError("a gallery of one person has nobody to take for somebody else: give --images FOLDER")
    mate_scores, others = (np.full(count, -np.inf) for _ in range(2))
    starts = np.searchsorted(gallery.subjects, np.arange(len(gallery.names)))
    for rows, scores in score_blocks(gallery.vectors, 512):
        part = np.arange(count)[rows]
        first = rows.start
        scores[part - first, part] = -np.inf
        best = np.maximum.reduceat(scores, starts, axis=1)
        its = gallery.subjects[part]
        mate_scores[part] = best[part - first, its]
        best[part - first, its] = -np.inf
        others[part] = best.max(axis=1)
    sibling = np.isfinite(mate_scores)
    return _data(mate_scores[sibling], others, sibling, gallery.subjects, len(gallery.names) - 1)


def _data(
    mate_scores: Scores, others: Scores, sibling: Flags, people: Integers, subjects: int
) -> CalibrationData:
    """Every search without its own person, and those with a mate once more with it: `mate_scores`."""
    best = np.maximum(mate_scores, others[sibling])
    return CalibrationData(
        NonMated(others, subjects, people),
        np.concatenate([best, others]),
        np.concatenate([mate_scores > others[sibling], np.zeros(len(others), np.bool_)]),
        np.concatenate([np.ones(len(best), np.bool_), np.zeros(len(others), np.bool_)]),
        np.concatenate([people[sibling], people]),
    )


def _of_one(mate_scores: Scores, others: Scores, mated: Flags, people: Integers) -> CalibrationData:
    """Searches among one person. With that person taken out nobody is left to be taken for: only those of
    strangers count."""
    if mated.all():
        raise UsageError("the only person in the gallery is on every photo: give photos of others too")
    top = np.where(mated, mate_scores, others)
    non_mated = NonMated(others[~mated], 1, people[~mated])
    return CalibrationData(non_mated, top, mated & np.isfinite(top), mated, people)


def of_photos(
    gallery: Enrolled, templates: Templates, people: Sequence[str], *, left_out: set[str] | None = None
) -> CalibrationData:
    """Photos of `people` (n,) searched for in the gallery: of strangers, and of enrolled people, who count as
    strangers with themselves taken out. Pictures whose SHA-256 is in `left_out` take no part.

    Where nobody on the photos is enrolled, the mated searches are those of the gallery's own templates.
    Raises UsageError where no photo is left.
    """
    used = np.array([digest not in (left_out or ()) for digest in templates.sha256], np.bool_)
    if not used.any():
        raise UsageError("every photo is enrolled in the gallery: give others, best of people who are not")
    names = [name for name, keep in zip(people, used.tolist(), strict=True) if keep]
    place = {name: number for number, name in enumerate(gallery.names)}
    truth, rows = np.array([place.get(name, -1) for name in names]), templates.rows[used]
    mate_scores, others = (np.full(len(names), -np.inf) for _ in range(2))
    for start in range(0, len(names), 512):
        part = np.arange(start, min(start + 512, len(names)))
        part = part[rows[part] >= 0]
        scores = gallery.scores(templates.vectors[rows[part]])
        inside = np.flatnonzero(truth[part] >= 0)
        mate_scores[part[inside]] = scores[inside, truth[part[inside]]]
        scores[inside, truth[part[inside]]] = -np.inf
        others[part] = scores.max(axis=1, initial=-np.inf)
    mated = truth >= 0
    numbers = np.unique(np.array(names, np.str_), return_inverse=True)[1]
    if len(gallery.names) == 1:
        return _of_one(mate_scores, others, mated, numbers)
    if mated.any():
        return _data(mate_scores[mated], others, mated, numbers, len(gallery.names) - 1)
    own_templates = of_templates(gallery)
    used = own_templates.mated
    return CalibrationData(
        NonMated(others, len(gallery.names), numbers),
        np.concatenate([own_templates.top[used], others]),
        np.concatenate([own_templates.right[used], np.zeros(len(others), np.bool_)]),
        np.concatenate([used[used], np.zeros(len(others), np.bool_)]),
        None if own_templates.people is None else np.concatenate([own_templates.people[used], numbers]),
    )


def of_comparisons(
    vectors: NDArray[np.float32], people: Integers, rows: Integers | None = None
) -> CalibrationData:
    """Every picture against every other, for FMR; the arguments are those of comparisons.all_pairs."""
    return _of_pairs(comparisons.all_pairs(vectors, people, rows))


def _of_pairs(pairs: comparisons.Comparisons) -> CalibrationData:
    non_mated = NonMated(pairs.non_mated, 1, pairs.first, pairs.second)
    mated = np.ones(len(pairs.mated), np.bool_)
    return CalibrationData(non_mated, pairs.mated, mated, mated, pairs.of)


def of_scores(scores: AnyScores) -> CalibrationData:
    """The non-mated searches, or comparisons, of a score file. Raises UsageError where it has none."""
    if isinstance(scores, VerificationScores):
        pairs = comparisons.of_scores(scores)
        if not len(pairs.non_mated):
            raise UsageError("the scores have no non-mated comparisons, from which a threshold is chosen")
        return _of_pairs(pairs)
    return _of_searches(scores)


def _of_searches(scores: IdentificationScores) -> CalibrationData:
    mated = scores.mated
    if mated.all():
        raise UsageError("the scores have no searches of strangers, from which a threshold is chosen")
    people = scores.groups.get("person")
    numbers = None
    if people is not None and all(people):
        numbers = np.unique(np.array(people, np.str_), return_inverse=True)[1]
    # A stranger's photo that was searched for in several splits shows no lower rate than it does once.
    strangers = np.flatnonzero(~mated)
    probes = np.array(scores.probes, np.str_)[strangers]
    once = strangers[np.unique(probes, return_index=True)[1]]
    subjects = max(1, int(scores.gallery_subjects[once].min()))
    return CalibrationData(
        NonMated(scores.top_scores[once], subjects, None if numbers is None else numbers[once]),
        scores.top_scores,
        mated & (scores.mate_ranks == 1),
        mated,
        numbers,
    )
