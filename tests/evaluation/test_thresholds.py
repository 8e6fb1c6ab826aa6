"""Thresholds that keep what they promise: the counts needed, the limit, more people, and probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import NoFaceError, UsageError
from facekit.evaluation import calibration_data, thresholds
from facekit.evaluation.metrics import Rate
from facekit.evaluation.pictures import Templates
from facekit.evaluation.scores import IdentificationScores, VerificationScores
from facekit.evaluation.searches import Enrolled
from facekit.evaluation.thresholds import NonMated


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("count", "total", "limit"),
    # One-sided exact limits (Clopper and Pearson): scipy.stats.beta.ppf(0.95, count + 1, total − count).
    [(0, 300, 0.009936), (0, 10, 0.258866), (1, 100, 0.046560), (8, 2685, 0.005369), (10, 10, 1.0)],
)
def test_upper_limits_are_the_exact_ones(count: int, total: int, limit: float) -> None:
    assert thresholds.binomial_limit(count, total) == pytest.approx(limit, abs=2e-6)


@given(st.integers(1, 3000), st.data())
def test_the_limit_is_above_the_rate_and_rises_with_the_count(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total - 1))
    limit = thresholds.binomial_limit(count, total)
    assert count / total < limit <= thresholds.binomial_limit(count + 1, total) <= 1


def test_what_the_counts_cannot_show_is_refused_with_what_is_needed() -> None:
    scores = np.random.default_rng(0).random(299)
    with pytest.raises(UsageError, match=r"299 non-mated searches.*FPIR 0.01 takes 300.*--images"):
        thresholds.choose(NonMated(scores, 5), 0.01)
    with pytest.raises(UsageError, match=r"FMR 0.01 takes 300"):
        thresholds.choose(NonMated(scores, 1), 0.01, kind="FMR")
    assert thresholds.choose(NonMated(np.append(scores, 0.5), 5), 0.01).counted == Rate(0, 300)
    with pytest.raises(UsageError, match="can show nothing"):
        thresholds.choose(NonMated(np.zeros(0), 5), 0.5)
    with pytest.raises(UsageError, match="between 0 and 1"):
        thresholds.choose(NonMated(scores, 5), 1.0)


def test_photos_without_faces_alone_set_no_threshold() -> None:
    with pytest.raises(NoFaceError, match="none of the non-mated pictures has a face"):
        thresholds.choose(NonMated(np.full(1000, -np.inf), 5), 0.01)
    few = np.append(np.full(1000, -np.inf), [0.3, 0.4])
    assert thresholds.choose(NonMated(few, 5), 0.05).threshold == 0.3


@given(st.floats(-1, 1))
def test_rounding_never_lowers_a_threshold(score: float) -> None:
    assert score <= thresholds.rounded_up(score) < score + 0.0021


def test_rounding_keeps_what_is_round_already() -> None:
    assert thresholds.rounded_up(0.426) == 0.426
    assert thresholds.rounded_up(float(np.nextafter(0.426, 1))) == 0.427


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**30), st.sampled_from([0.01, 0.02, 0.1]))
def test_the_threshold_is_the_lowest_that_keeps_the_promise(seed: int, rate: float) -> None:
    scores = np.random.default_rng(seed).normal(size=800).round(3)
    found = NonMated(scores, 10)
    chosen = thresholds.choose(found, rate)
    assert chosen.limit <= rate
    assert found.upper_limit(chosen.threshold) == chosen.limit
    below = scores[scores < chosen.threshold - 0.001]
    assert found.upper_limit(float(below.max())) > rate


def test_searches_of_few_people_count_for_less() -> None:
    """Half the strangers are alike the gallery in all of their 50 searches, the others never."""
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 50)
    scores = random.normal(0, 0.02, 2000) + np.repeat(random.normal(0, 0.1, 40), 50)
    alone = thresholds.choose(NonMated(scores, 10), 0.05)
    together = thresholds.choose(NonMated(scores, 10, people), 0.05)
    assert together.threshold > alone.threshold
    assert together.people == 40
    assert "of 40 people" in together.sentence("made up", "2026-01-01")


def simulated(subjects: int, searches: int, seed: int) -> np.ndarray:
    """The best of so many normal scores, of each of so many searches."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(size=(100, subjects)).max(1) for _ in range(searches // 100)])


@pytest.mark.parametrize(("few", "many"), [(20, 40), (20, 200), (50, 500)])
def test_a_threshold_carried_to_more_people_keeps_the_promise(few: int, many: int) -> None:
    """Normal scores have a tail in Gumbel's domain: uncarried, FPIR grows with N; carried, it does not."""
    chosen = thresholds.choose(NonMated(simulated(few, 4000, 1), few), 0.01)
    larger = simulated(many, 8000, 2)
    carried = chosen.threshold + chosen.tail * np.log(many / few)
    assert np.mean(larger >= chosen.threshold) > 0.005 * many / few
    assert np.mean(larger >= carried) < 0.01
    # And it is not so high that nobody could be found any more.
    assert carried < np.quantile(larger, 0.9999) + 0.5


def test_where_scores_show_the_larger_gallery_they_are_asked() -> None:
    scores = simulated(20, 8000, 1)
    chosen = thresholds.choose(NonMated(scores, 20), 0.01, subjects=40)
    assert (chosen.subjects, chosen.measured_subjects) == (40, 20)
    assert np.mean(simulated(40, 8000, 2) >= chosen.threshold) < 0.011
    assert "at N = 40" in chosen.sentence("x", "2026-01-01")
    assert "named at N = 20" in chosen.sentence("x", "2026-01-01")
    fewer = thresholds.choose(NonMated(scores, 20), 0.01, subjects=5)
    assert fewer.threshold == thresholds.choose(NonMated(scores, 20), 0.01).threshold


def test_a_threshold_for_searches_from_comparisons() -> None:
    """1 − (1 − FMR)^N: what one comparison in a thousand gives among fifty people."""
    random = np.random.default_rng(3)
    chosen = thresholds.choose(NonMated(random.normal(size=20_000), 1), 0.05, subjects=50)
    assert np.mean(simulated(50, 8000, 4) >= chosen.threshold) == pytest.approx(0.05, abs=0.025)
    assert "comparisons accepted" in chosen.sentence("x", "2026-01-01")


def test_a_gallery_without_each_person_in_turn_by_hand() -> None:
    vectors = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    found = calibration_data.of_templates(Enrolled.of(vectors, ["Ada", "Ada", "Bo", "Cy"]))
    assert found.non_mated.subjects == 2
    assert found.non_mated.scores.tolist() == pytest.approx([0, 0.6, 0.6, 0])
    assert found.mated.tolist() == [True] * 2 + [False] * 4
    assert found.top[:2].tolist() == pytest.approx([0.8, 0.8])
    assert found.right[:2].tolist() == [True, True]
    missed = found.missed(0.9)
    assert (missed.count, missed.total) == (2, 2)
    with pytest.raises(UsageError, match="one person"):
        calibration_data.of_templates(Enrolled.of(vectors[:2], ["Ada", "Ada"]))


def test_photos_of_strangers_and_of_enrolled_people_by_hand() -> None:
    gallery = Enrolled.of(np.eye(3, dtype=np.float32), ["Ada", "Bo", "Cy"])
    vectors = np.array([[0.8, 0.6, 0], [0, 0.6, 0.8], [0, 1, 0]], np.float32)
    photos = Templates(tuple("wxyz"), vectors, np.array([0, 1, -1, 2]), tuple("wxyz"))
    found = calibration_data.of_photos(gallery, photos, ["Ada", "Eve", "Eve", "Bo"], left_out={"z"})
    assert found.non_mated.scores.tolist() == pytest.approx([0.6, 0.8, -np.inf])
    assert (found.non_mated.subjects, found.non_mated.people) == (2, 2)
    assert (found.top[0], found.right[0], found.mated.sum()) == (pytest.approx(0.8), True, 1)
    strangers = calibration_data.of_photos(gallery, photos, ["Eve"] * 4)
    assert strangers.non_mated.subjects == 3
    with pytest.raises(UsageError, match="every photo is enrolled"):
        calibration_data.of_photos(gallery, photos, ["Ada"] * 4, left_out=set("wxyz"))


def test_among_one_person_only_strangers_can_be_taken_for_somebody() -> None:
    gallery = Enrolled.of(np.eye(3, dtype=np.float32)[:1], ["Ada"])
    vectors = np.array([[0.8, 0.6, 0], [0.1, 0.6, 0.8]], np.float32)
    photos = Templates(tuple("wxy"), vectors, np.array([0, -1, 1]), tuple("wxy"))
    found = calibration_data.of_photos(gallery, photos, ["Ada", "Ada", "Eve"])
    assert found.non_mated.scores.tolist() == pytest.approx([0.1])
    assert (found.non_mated.subjects, found.mated.tolist()) == (1, [True, True, False])
    assert found.right.tolist() == [True, False, False]
    assert (found.missed(0.5).count, found.missed(0.5).total) == (1, 2)
    with pytest.raises(UsageError, match="the only person"):
        calibration_data.of_photos(gallery, photos, ["Ada"] * 3)


def test_score_files_of_both_kinds() -> None:
    pairs = VerificationScores(
        tuple("abc"), tuple("def"), np.array([True, False, False]), np.array([0.9, 0.2, 0.1])
    )
    assert calibration_data.of_scores(pairs).non_mated.scores.tolist() == [0.2, 0.1]
    found = IdentificationScores(
        np.zeros(3, np.int64),
        tuple("abc"),
        ("Ada", "", "Bo"),
        ("Ada", "Bo", "Ada"),
        np.array([0.9, 0.3, 0.5]),
        np.array([0.9, -np.inf, 0.4]),
        np.array([1, 0, 2]),
        np.full(3, 7),
    )
    searches = calibration_data.of_scores(found)
    assert (searches.non_mated.scores.tolist(), searches.non_mated.subjects) == ([0.3], 7)
    assert searches.right.tolist() == [True, False, False]
    assert searches.missed(0.5) == Rate(1, 2)
    for nobody in (pairs.where(pairs.mated), found.where(found.mated)):
        with pytest.raises(UsageError, match="from which a threshold is chosen"):
            calibration_data.of_scores(nobody)


@pytest.mark.parametrize("kind", ["logistic", "isotonic"])
def test_probabilities_rise_with_the_score_and_are_as_often_right(kind: str) -> None:
    pytest.importorskip("sklearn", reason="needs the extra evaluate")
    random = np.random.default_rng(0)
    scores = np.concatenate([random.normal(1, 1, 3000), random.normal(-1, 1, 3000), [-np.inf]])
    right = np.arange(6001) < 3000
    curve = thresholds.fit(scores, right, kind)
    assert (np.diff(curve(np.linspace(-5, 5, 99))) >= 0).all()
    # Two normal laws of distance 2: the log odds are 2 · score.
    assert curve.of(0.0) == pytest.approx(0.5, abs=0.06)
    assert curve.of(1.0) == pytest.approx(1 / (1 + np.exp(-2)), abs=0.06)
    assert thresholds.brier(curve, scores, right) < 0.13
    few = np.arange(6001) < 10
    with pytest.raises(UsageError, match="10 right and"):
        thresholds.fit(scores, few, kind)


def test_scores_that_do_not_overlap_still_have_a_curve() -> None:
    pytest.importorskip("sklearn", reason="needs the extra evaluate")
    curve = thresholds.fit(np.repeat([0.1, 0.9], 50), np.repeat([False, True], 50))
    assert curve.of(0.1) < 0.1
    assert curve.of(0.9) > 0.9


def test_the_tail_is_the_mean_excess_of_the_highest_tenth() -> None:
    random = np.random.default_rng(0)
    assert thresholds.tail_of(random.exponential(0.05, 20_000)) == pytest.approx(0.05, rel=0.1)
    assert thresholds.tail_of(np.full(5, 0.1)) == 0.0
    assert thresholds.tail_of(np.full(100, -np.inf)) == 0.0
