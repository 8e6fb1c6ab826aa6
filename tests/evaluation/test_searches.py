"""1:N searches: the division of people, what is found, and the report, against tables worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.evaluation import calibration_data, identification_report, people_table, searches
from facekit.evaluation.identification_report import Searches
from facekit.evaluation.metrics import wilson
from facekit.evaluation.scores import IdentificationScores
from facekit.evaluation.searches import Enrolled

# Ada's templates point along x and a little off it, Bo's along y, Cy's along z.
GALLERY = Enrolled.of(
    np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0.8, 0.6, 0]], np.float32), ["Bo", "Ada", "Cy", "Ada"]
)
PROBES = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)


def searched(people: list[str], rows: list[int], **more: set[str]) -> IdentificationScores:
    names = [f"{number}.jpg" for number in range(len(people))]
    return searches.search(GALLERY, PROBES, np.array(rows), probes=names, people=people, **more)


def test_searches_by_hand() -> None:
    """Right at once; a stranger; tied with another, who ranks first; no face; enrolled without a template."""
    found = searched(["Ada", "Eve", "Bo", "Cy", "Di"], [0, 1, 2, -1, 3], enrolled={"Ada", "Bo", "Cy", "Di"})
    assert found.subjects == ("Ada", "", "Bo", "Cy", "Di")
    assert found.top_subjects == ("Ada", "Bo", "Ada", "", "Cy")
    assert found.top_scores.tolist() == pytest.approx([1, 1, 0.96, -np.inf, 1])
    assert found.mate_scores.tolist() == pytest.approx([1, -np.inf, 0.8, -np.inf, -np.inf])
    assert found.mate_ranks.tolist() == [1, 0, 2, 0, 0]
    assert found.gallery_subjects.tolist() == [3] * 5
    made = identification_report.report(found, threshold=0.97)
    assert (made.mated, made.non_mated, made.failed) == (4, 1, 1)
    assert [(rate.count, rate.total) for rate in made.ranks[:2]] == [(1, 4), (2, 4)]
    assert made.at_threshold is not None
    assert (made.at_threshold.fnir.count, made.at_threshold.fnir.total) == (3, 4)
    assert (made.at_threshold.fpir.count, made.at_threshold.fpir.total) == (1, 1)


def test_of_equal_scores_the_right_subject_ranks_behind() -> None:
    gallery = Enrolled.of(np.array([[1, 0], [1, 0]], np.float32), ["Ada", "Bo"])
    found = searches.search(
        gallery, np.array([[1, 0]], np.float32), np.array([0]), probes=["p"], people=["Ada"]
    )
    assert found.mate_ranks.tolist() == [2]


def test_probes_without_mates_give_no_ranks_and_json_without_nan() -> None:
    made = identification_report.report(searched(["Eve", "Fay"], [0, 1])).to_dict()
    assert (made["rank1"], made["rank5"], made["fnir_at_fpir"]) == (None, None, {})
    assert (made["protocol"], made["gallery_subjects"], made["failed"]) == ("identification", 3, 0)
    json.dumps(made, allow_nan=False)


def test_an_empty_gallery_finds_nobody() -> None:
    nobody = Enrolled(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), ())
    found = searches.search(nobody, PROBES, np.arange(4), probes=list("abcd"), people=["Ada"] * 4)
    assert np.isneginf(found.top_scores).all()
    assert not found.mate_ranks.any()


def test_separable_scores_are_all_found() -> None:
    vectors = np.eye(40, dtype=np.float32).repeat(20, 0)
    people = [f"p{row // 20:02}" for row in range(800)]
    cuts = searches.splits(people, gallery_photos=2, strangers=0.5, count=3)
    parts = []
    for number, cut in enumerate(cuts):
        names = [name for name, taken in zip(people, cut.gallery, strict=True) if taken]
        gallery = Enrolled.of(vectors[cut.gallery], names)
        rows = np.flatnonzero(cut.probes)
        parts.append(
            searches.search(
                gallery,
                vectors,
                rows,
                probes=[f"{row}" for row in rows],
                people=[people[row] for row in rows],
                split=number,
            )
        )
    made = identification_report.report(searches.joined(parts)).to_dict()
    assert (made["splits"], made["gallery_subjects"]) == (3, 20)
    assert (made["mated"], made["non_mated"]) == (3 * 20 * 18, 3 * 20 * 20)
    assert (made["rank1"], made["rank5"]) == (1.0, 1.0)
    assert made["fnir_at_fpir"] == {"0.1": 0.0, "0.01": 0.0}
    assert made["unresolved"] == ["0.003", "0.001"]
    assert made["by_split"]["rank1"] == [1.0] * 3


def test_a_probe_of_several_splits_shows_no_lower_rate() -> None:
    """Ten strangers searched in 100 splits are ten, of whom no FPIR of 0.01 can be said."""
    count = 1000
    scores = IdentificationScores(
        np.arange(count) // 10,
        tuple(str(number % 10) for number in range(count)),
        ("",) * count,
        ("Ada",) * count,
        np.linspace(0, 1, count),
        np.full(count, -np.inf),
        np.zeros(count, np.int64),
        np.full(count, 5),
    )
    assert Searches(scores).distinct_strangers == 10
    assert identification_report.report(scores).points == {}


@given(st.integers(2, 12), st.integers(1, 5), st.integers(1, 3), st.integers(0, 5), st.integers(0, 99))
def test_a_split_divides_people_as_it_says(
    people: int, photos: int, enrolled: int, strangers: int, seed: int
) -> None:
    names = [f"p{person}" for person in range(people) for _ in range(photos)]
    try:
        cuts = searches.splits(names, gallery_photos=enrolled, strangers=strangers, count=2, seed=seed)
    except UsageError:
        assert strangers >= people or (strangers == 0 and enrolled >= photos)
        return
    for cut in cuts:
        assert not (cut.gallery & cut.probes).any()
        assert (cut.gallery | cut.probes).all()
        taken = [name for name, is_in in zip(names, cut.gallery, strict=True) if is_in]
        assert len(set(taken)) == people - strangers
        assert len(taken) == (people - strangers) * min(enrolled, photos)
    again = searches.splits(names, gallery_photos=enrolled, strangers=strangers, count=2, seed=seed)
    assert all((a.gallery == b.gallery).all() for a, b in zip(cuts, again, strict=True))


def test_people_can_be_left_out_of_a_gallery() -> None:
    rest = GALLERY.without({"Ada"})
    assert rest.names == ("Bo", "Cy")
    assert rest.scores(PROBES)[0].tolist() == [0, 0]


def test_a_probe_of_several_splits_makes_no_interval_narrower() -> None:
    """Seventy strangers, each searched for in five splits and never named."""
    probes = tuple(f"p{number}" for number in range(70)) * 5
    scores = IdentificationScores(
        np.repeat(np.arange(5), 70),
        probes,
        ("",) * 350,
        ("Ada",) * 350,
        np.full(350, 0.1),
        np.full(350, -np.inf),
        np.zeros(350, np.int64),
        np.full(350, 10),
        {"person": probes},
    )
    rate = Searches(scores).point(0.5).fpir
    assert (rate.count, rate.total) == (0, 350)
    assert rate.interval[1] == pytest.approx(wilson(0, 70)[1])
    chosen = calibration_data.of_scores(scores)
    assert len(chosen.non_mated.scores) == 70


def test_a_table_of_people_adds_columns_of_its_own_only(tmp_path: Path) -> None:
    found = searches.search(
        Enrolled.of(np.eye(2, dtype=np.float32), ["Ada", "Jos\u00e9"]),
        np.eye(2, dtype=np.float32),
        np.array([0, 1]),
        probes=["1", "2"],
        people=["Ada", "Jos\u00e9"],
    )
    (tmp_path / "people.csv").write_text("subject,split,top_score,age\nAda,7,7,old\nJose\u0301,7,7,young\n")
    table = people_table.read_people(tmp_path / "people.csv")
    assert people_table.columns_of(table) == ["age"]
    assert people_table.with_people(found, table).groups["age"] == ("old", "young")
    with pytest.raises(UsageError, match="column person"):
        people_table.with_people(replace(found, groups={}), table)
