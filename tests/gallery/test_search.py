"""Search is exact, and a score depends on two vectors alone."""

from fractions import Fraction

import numpy as np
import pytest
from gallery_samples import names, random_vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import GalleryError
from facekit.gallery import Index, score
from facekit.gallery.search import codes as code_scan
from facekit.gallery.search import finalists
from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.exact import FloatScan
from facekit.gallery.search.finalists import kth_best

SEEDS = st.integers(0, 2**32 - 1)


def subjects_of(count, each):
    return [f"person {number // each:05}" for number in range(count)]


def crowded(count, seed, dimension=32):
    """Unit vectors in a narrow cone: scores so close that float32 alone cannot rank them."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal(dimension) + 1e-4 * rng.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_codes(vectors, subjects, poor=None):
    """The index of a large gallery: int8 codes, and rows fetched only for finalists."""
    order = np.argsort(subjects, kind="stable")
    ordered, matrix = [subjects[number] for number in order], vectors[order]
    numbers = np.unique(ordered, return_inverse=True)[1]
    codes, scales, errors = encode(matrix)
    scan = CodeScan(codes, scales, float(errors.max()))
    rows = lambda rows: ([ordered[row] for row in rows], matrix[rows])  # noqa: E731
    return Index(scan, numbers, rows, poor=None if poor is None else poor[order])


def by_hand(vectors, subjects, probe, k):
    """The definition, in exact arithmetic: best template a subject, ties by name."""
    best = {}
    for name, vector in zip(subjects, vectors, strict=True):
        exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(vector, probe, strict=True))
        best[name] = max(best.get(name, -2), min(1.0, max(-1.0, float(exact))))
    return sorted(((name, value) for name, value in best.items()), key=lambda item: (-item[1], item[0]))[:k]


@pytest.mark.parametrize("build", [Index.of, by_codes])
@pytest.mark.parametrize("each", [1, 3, 40])
@pytest.mark.parametrize("vectors", [random_vectors(120, 1, 32), crowded(120, 2)], ids=["spread", "crowded"])
def test_the_answer_is_that_of_exact_arithmetic(build, each, vectors):
    subjects = subjects_of(len(vectors), each)
    probes = np.concatenate([vectors[:2], random_vectors(1, 3, 32)])
    found = build(vectors, subjects).search(probes, 5)
    for probe, candidates in zip(probes, found, strict=True):
        expected = by_hand(vectors, subjects, probe, 5)
        assert [(item.subject, item.score) for item in candidates] == expected
        assert [item.rank for item in candidates] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("dimension", [3, 128, 512])
def test_the_scans_stay_within_their_slack(dimension):
    vectors, probes = random_vectors(3000, 1, dimension), random_vectors(8, 2, dimension)
    codes, scales, errors = encode(vectors)
    exact = probes.astype(np.float64) @ vectors.T.astype(np.float64)
    for scan in (FloatScan(vectors), CodeScan(codes, scales, float(errors.max()))):
        errors_seen = np.abs(scan.scores(probes) - exact).max(axis=1)
        assert (errors_seen <= scan.slack(probes)).all()
        assert len(scan) == 3000


def test_codes_of_extreme_vectors_stay_within_their_slack():
    vectors = np.concatenate([np.eye(8), -np.eye(8), np.full((1, 8), 8**-0.5)]).astype(np.float32)
    codes, scales, errors = encode(vectors)
    scan = CodeScan(codes, scales, float(errors.max()))
    assert (np.abs(scan.scores(vectors) - vectors @ vectors.T).max(axis=1) <= scan.slack(vectors)).all()


def test_many_chunks_and_threads_give_the_scores_of_one(monkeypatch):
    vectors, probes = random_vectors(1000, 1), random_vectors(5, 2)
    codes, scales, errors = encode(vectors)
    scan = CodeScan(codes, scales, float(errors.max()))
    whole = scan.scores(probes)
    monkeypatch.setattr(code_scan, "ROWS_AT_ONCE", 64)
    assert np.array_equal(scan.scores(probes), whole)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 3000), st.integers(1, 40), st.sampled_from([2, 100, 2**20]))
def test_the_floor_is_the_kth_best_score_ties_included(seed, count, k, values):
    scores = (np.random.default_rng(seed).integers(0, values, count) / values).astype(np.float32)
    k = min(k, count)
    assert kth_best(scores, k) == np.sort(scores)[-k]


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 60), st.integers(1, 6), st.booleans())
def test_codes_and_floats_give_the_same_bits(seed, count, each, narrow):
    vectors = crowded(count, seed) if narrow else random_vectors(count, seed, 32)
    subjects = subjects_of(count, each)
    probes = np.concatenate([vectors[:1], random_vectors(2, seed + 1, 32)])
    assert Index.of(vectors, subjects).search(probes, 5) == by_codes(vectors, subjects).search(probes, 5)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.permutations(range(24)))
def test_the_order_of_enrollment_changes_nothing(seed, order):
    vectors, subjects = crowded(24, seed), subjects_of(24, 2)
    probes = random_vectors(3, seed + 1, 32)
    shuffled = Index.of(vectors[order], [subjects[number] for number in order])
    assert shuffled.search(probes, 24) == Index.of(vectors, subjects).search(probes, 24)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 40), st.integers(1, 300))
def test_adding_a_person_changes_no_score_of_another(seed, count, more):
    vectors, probes = random_vectors(count + more, seed, 32), random_vectors(3, seed + 1, 32)
    subjects = subjects_of(count + more, 1)
    few = Index.of(vectors[:count], subjects[:count]).search(probes, count)
    many = Index.of(vectors, subjects).search(probes, count + more)
    for before, after in zip(few, many, strict=True):
        scores = {item.subject: item.score for item in after}
        assert all(scores[item.subject] == item.score for item in before)


def test_a_batch_gives_what_single_probes_give(monkeypatch):
    vectors, probes = random_vectors(500, 1), random_vectors(33, 2)
    index = Index.of(vectors, subjects_of(500, 2))
    single = [index.search(probe[None], 5)[0] for probe in probes]
    assert index.search(probes, 5) == single
    monkeypatch.setattr(finalists, "SCORES_AT_ONCE", 500 * 4)
    assert index.search(probes, 5) == single


def test_equal_scores_stand_by_name():
    vectors = np.repeat(random_vectors(1), 7, axis=0)
    index = Index.of(vectors, ["g", "c", "a", "f", "b", "e", "d"])
    assert names(index.search(vectors[:1], 5)) == [["a", "b", "c", "d", "e"]]


def test_fewer_subjects_than_asked_for():
    vectors = random_vectors(6)
    assert len(Index.of(vectors, subjects_of(6, 3)).search(vectors[:1], 5)[0]) == 2
    assert Index.of(vectors, subjects_of(6, 3)).search(vectors[:1], 0) == [[]]
    assert Index.of(vectors[:0], []).search(vectors[:1], 5) == [[]]


def test_few_rows_are_read_for_a_subject_of_many():
    vectors, asked = random_vectors(5000, 1), []
    index = by_codes(vectors, subjects_of(5000, 2500))
    rows = index.rows
    index.rows = lambda positions: asked.append(len(positions)) or rows(positions)
    index.search(random_vectors(1, 2), 5)
    assert asked[0] < 100


def test_a_vector_scores_one_with_itself_and_no_more():
    vector = random_vectors(1)[0] * np.float32(1.0005)
    assert score(vector, vector) == 1.0
    assert score(vector, -vector) == -1.0


def test_an_index_of_bad_vectors_is_refused():
    with pytest.raises(GalleryError, match="unit"):
        Index.of(np.zeros((2, 8), np.float32), ["a", "b"])


@pytest.mark.parametrize("build", [Index.of, by_codes])
def test_poor_templates_count_only_for_whom_there_are_no_others(build):
    """Each person has three templates; of the first all are poor, of the second the best two."""
    vectors, subjects = random_vectors(60, 4, 32), subjects_of(60, 3)
    poor = np.zeros(60, np.bool_)
    poor[:5] = True
    probes = np.stack([vectors[0], vectors[3], vectors[40]])
    found = build(vectors, subjects, poor=poor).search(probes, 5)
    best = [candidates[0] for candidates in found]
    assert [(each.subject, each.poor) for each in (best[0], best[2])] == [
        ("person 00000", True),
        ("person 00013", False),
    ]
    left = [number for number in range(60) if number not in (3, 4)]
    for probe, candidates in zip(probes, found, strict=True):
        expected = by_hand(vectors[left], [subjects[number] for number in left], probe, 5)
        assert [(item.subject, item.score) for item in candidates] == expected


def test_without_poor_templates_nobody_is_marked():
    vectors = random_vectors(6, 4, 32)
    found = Index.of(vectors, subjects_of(6, 2), poor=np.zeros(6, np.bool_)).search(vectors[:1], 3)
    assert not any(each.poor for each in found[0])
