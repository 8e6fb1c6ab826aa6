"""Score files: what is written comes back, as CSV and as Parquet, and what is wrong with one is told."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.evaluation import scores
from facekit.evaluation.scores import IdentificationScores, VerificationScores

SUFFIXES = ("csv", pytest.param("parquet", marks=pytest.mark.filterwarnings("ignore")))
NAMES = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1).filter(
    lambda name: not name.startswith("'")
)
SEARCH = "split,probe,subject,top_subject,top_score,mate_score,mate_rank,gallery_subjects"
SCORE = st.one_of(st.just(-np.inf), st.floats(-1, 1))


def verification(*rows: tuple[str, str, bool, float], fold: int | None = 0) -> VerificationScores:
    a, b, mated, score = zip(*rows, strict=True)
    folds = None if fold is None else np.full(len(rows), fold)
    return VerificationScores(a, b, np.array(mated), np.array(score), folds, {"kin": a})


def searches() -> IdentificationScores:
    return IdentificationScores(
        splits=np.array([0, 0, 1]),
        probes=("a.jpg", "b.jpg", "c.jpg"),
        subjects=("Ada", "", "Ada"),
        top_subjects=("Ada", "=cmd", ""),
        top_scores=np.array([0.7, 0.1, -np.inf]),
        mate_scores=np.array([0.7, -np.inf, -np.inf]),
        mate_ranks=np.array([1, 0, 0]),
        gallery_subjects=np.array([2, 2, 1]),
        groups={"person": ("Ada", "Bo", "Ada")},
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.booleans(), SCORE), min_size=1, max_size=5))
def test_comparisons_come_back_as_they_were(
    tmp_path: Path, suffix: str, rows: list[tuple[str, str, bool, float]]
) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra evaluate")
    written = verification(*rows)
    scores.write(tmp_path / f"s.{suffix}", written)
    read = scores.read_verification(tmp_path / f"s.{suffix}")
    assert (read.a, read.b, dict(read.groups)) == (written.a, written.b, dict(written.groups))
    assert np.array_equal(read.scores, written.scores)
    assert np.array_equal(read.mated, written.mated)
    assert read.folds is not None
    assert read.failed == written.failed


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_searches_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra evaluate")
    scores.write(tmp_path / f"s.{suffix}", searches())
    read = scores.read_identification(tmp_path / f"s.{suffix}")
    for name, value in vars(searches()).items():
        assert np.array_equal(np.array(getattr(read, name)), np.array(value)), name
    assert read.mated.tolist() == [True, False, True]
    assert read.failed == 1


def test_a_failure_to_acquire_is_an_empty_cell(tmp_path: Path) -> None:
    scores.write(tmp_path / "s.csv", verification(("a", "b", True, -np.inf), fold=None))
    assert (tmp_path / "s.csv").read_text() == "a,b,mated,score,kin\na,b,1,,a\n"


def test_a_name_that_a_spreadsheet_would_run_is_guarded(tmp_path: Path) -> None:
    scores.write(tmp_path / "s.csv", searches())
    assert ",'=cmd," in (tmp_path / "s.csv").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("a,b,score\n", "no column mated"),
        ("a,b,mated,score\nx,y,1\n", "line 2 has 3 cells"),
        ("a,b,mated,score\nx,y,2,0.5\n", "line 2, column mated: '2' is no 1 or 0"),
        ("a,b,mated,score\nx,y,1,0.5\nx,y,1,high\n", "line 3, column score: 'high' is no score"),
        ("a,b,mated,score\nx,y,1,nan\n", "line 2, column score: 'nan'"),
        ("a,b,mated,score\nx,y,1,0.5\n\nx,y,0,-inf\n", "line 4, column score: '-inf' is no score"),
        ('a,b,mated,score\n"x\nx",y,1,0.5\nx,y,0,-Infinity\n', "line 4, column score: '-Infinity'"),
        ("a,b,mated,score\nx,y,1,0_5\n", "line 2, column score: '0_5'"),
        (f"{SEARCH}\n0,p,,x,-inf,,,3\n", "line 2, column top_score: '-inf' is no score"),
        (f"{SEARCH}\n0,p,x,x,0.5,-inf,1,3\n", "line 2, column mate_score: '-inf' is no score"),
        ("a,b,mated,score,fold\nx,y,1,0.5,\n", "column fold: '' is no whole number"),
        ("a,a,b,mated,score\n", "same name"),
        ("probe,top_score\n", "no column split, subject"),
        ('a,b,mated,score\n"x,y,1,0.5\n', "line 2 is no CSV"),
        ("a,b,mated,score\n\xff\n", "no text in UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_column(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=told) as error:
        scores.read(path)
    assert str(path) in str(error.value)


def test_other_endings_and_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"s\.csv or s\.parquet"):
        scores.write(tmp_path / "s.txt", searches())
    scores.write(tmp_path / "s.csv", searches())
    with pytest.raises(UsageError, match="not of comparisons"):
        scores.read_verification(tmp_path / "s.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        scores.read(tmp_path / "missing.csv")


def test_a_damaged_parquet_file_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra evaluate")
    (tmp_path / "s.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UsageError, match="Parquet"):
        scores.read(tmp_path / "s.parquet")


def test_a_part_of_the_scores_keeps_its_columns() -> None:
    part = searches().where(np.array([True, False, True]))
    assert (part.probes, part.groups["person"]) == (("a.jpg", "c.jpg"), ("Ada", "Ada"))
    part = verification(("a", "b", True, 0.5), ("c", "d", False, 0.1)).where(np.array([False, True]))
    assert (part.a, part.mated.tolist(), part.groups["kin"]) == (("c",), [False], ("c",))


def test_no_further_column_replaces_what_was_measured(tmp_path: Path) -> None:
    found = VerificationScores(
        ("x", "x"),
        ("y", "z"),
        np.array([True, False]),
        np.array([0.5, 0.25]),
        groups={"score": ("9", "9"), "age": ("1", "2")},
    )
    scores.write(tmp_path / "s.csv", found)
    again = scores.read_verification(tmp_path / "s.csv")
    assert again.scores.tolist() == [0.5, 0.25]
    assert dict(again.groups) == {"age": ("1", "2")}


def test_a_place_that_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    scores.prepare(tmp_path / "new.csv")
    for wrong in (tmp_path / "none" / "new.csv", tmp_path / "new.txt"):
        with pytest.raises(UsageError):
            scores.prepare(wrong)


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan, True])
def test_in_parquet_too_a_score_is_finite_or_not_there(tmp_path: Path, value: float) -> None:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"a": ["x", "x"], "b": ["y", "z"], "mated": [1, 0], "score": [type(value)(0), value]})
    arrow.parquet.write_table(table, tmp_path / "s.parquet")
    with pytest.raises(UsageError, match=r"s\.parquet: row [12], column score"):
        scores.read(tmp_path / "s.parquet")
