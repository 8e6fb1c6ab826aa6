"""`facekit plot` and the report of `facekit evaluate`."""

from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

from facekit.evaluation import scores

pytest.importorskip("matplotlib", reason="plots need pip install '.[plot]'")

from plots.samples import pairs, searches


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def both(*stems: str) -> set[str]:
    return {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}


def test_a_file_of_comparisons(run: Run, tmp_path: Path) -> None:
    scores.write(tmp_path / "s.csv", pairs(30, 40))
    result = run("plot", "s.csv", "-o", "out", "--threshold", "0.3")
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "out") >= both("roc", "det", "scores")
    assert set(result.stdout.split()) == {f"out/{name}" for name in names(tmp_path / "out")}


def test_a_file_of_searches(run: Run, tmp_path: Path) -> None:
    scores.write(tmp_path / "s.csv", searches(20))
    assert run("plot", "s.csv", "-o", "out").exit_code == 0
    assert names(tmp_path / "out") >= both("cmc", "fnir-fpir", "search-scores")


def test_files_of_one_kind_are_compared_in_one_plot(run: Run, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        scores.write(tmp_path / f"{name}.csv", pairs(15, 15, seed=seed))
    assert run("plot", "one.csv", "two.csv", "-o", "out").exit_code == 0
    assert names(tmp_path / "out") == both("roc", "det", "scores-one", "scores-two")


def test_a_training_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,labels,accuracy\n0,2.5,\n100,1.5,0.8\n")
    assert run("plot", "metrics.csv", "-o", "out").exit_code == 0
    assert names(tmp_path / "out") == both("training")


@pytest.mark.usefixtures("people")
def test_a_gallery(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs pip install '.[evaluate]'")
    assert run("plot", "gallery/gallery.db", "-o", "out").exit_code == 0
    assert names(tmp_path / "out") == both("gallery-map")


def test_a_report_with_the_faces_of_mistakes_only_where_they_are_asked_for(run: Run, tmp_path: Path) -> None:
    found = pairs(15, 15)
    scores.write(tmp_path / "s.csv", found)
    photo(tmp_path / "people" / found.a[20], "red")
    assert run("plot", "s.csv", "-o", "plain", "--report").exit_code == 0
    assert run("plot", "s.csv", "-o", "faces", "--report", "--images", "people").exit_code == 0
    shown = both("mistakes-false", "mistakes-missed")
    assert names(tmp_path / "plain") == {*both("roc", "det", "scores"), "report.html"}
    assert names(tmp_path / "faces") == names(tmp_path / "plain") | shown
    assert "image/jpeg" not in (tmp_path / "plain" / "report.html").read_text()
    assert "image/jpeg" in (tmp_path / "faces" / "report.html").read_text()


@pytest.mark.parametrize(
    "content",
    ["", "rubbish", "step\nx\n", "step\n", "a,b,mated,score\n", "a,b,mated,score\nx,y,1,0.5\n", "a,b\n1,2\n"],
)
def test_a_file_that_holds_nothing_to_draw_is_told(run: Run, tmp_path: Path, content: str) -> None:
    (tmp_path / "s.csv").write_text(content)
    result = run("plot", "s.csv", "-o", "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("facekit: s")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_report_is_of_scores(run: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,labels\n0,2.5\n")
    assert run("plot", "metrics.csv", "-o", "out", "--report").exit_code == 2


@pytest.fixture
def measured(run: Run, tmp_path: Path) -> Path:
    for color in ("red", "green", "blue"):
        for seed in range(3):
            photo(tmp_path / "m" / color / f"{seed}.png", color, seed=seed)
    return tmp_path / "m"


def test_evaluate_writes_a_report(run: Run, tmp_path: Path, measured: Path) -> None:
    result = run("evaluate", "verification", "--images", "m", "--report", "out", "--mistakes")
    assert result.exit_code == 0, result.output
    assert "report written to out/report.html" in result.stderr
    assert names(tmp_path / "out") >= {"report.html", *both("roc", "det", "scores", "mistakes-false")}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "pictures failed" in page
    assert str(tmp_path) not in page


def test_and_of_searches(run: Run, tmp_path: Path, measured: Path) -> None:
    result = run("evaluate", "identification", "--images", "m", "--report", "out", "--splits", "2")
    assert result.exit_code == 0, result.output
    assert {"report.html", *both("cmc", "search-scores")} <= names(tmp_path / "out")
    assert not any(name.startswith("mistakes") for name in names(tmp_path / "out"))


@pytest.mark.parametrize(
    "more", [("--mistakes",), ("--from-scores", "s.csv", "--report", "out", "--mistakes")]
)
def test_mistakes_need_a_report_and_pictures(run: Run, tmp_path: Path, more: tuple[str, ...]) -> None:
    scores.write(tmp_path / "s.csv", pairs(15, 15))
    result = run("evaluate", "verification", *more)
    assert result.exit_code == 2
    assert "--mistakes" in result.stderr


def test_plots_and_reports_replace_their_own_and_no_other_file(run: Run, tmp_path: Path) -> None:
    scores.write(tmp_path / "s.csv", pairs(15, 15))
    out = tmp_path / "out"
    out.mkdir()
    mine = {"report.html": b"<html>mine</html>", "roc.svg": b"<svg>mine</svg>", "det.png": b"mine"}
    for name, content in mine.items():
        (out / name).write_bytes(content)
    for _ in range(2):
        result = run("plot", "s.csv", "-o", "out", "--report")
        assert result.exit_code == 0, result.output
        made = {Path(line).name for line in result.stdout.splitlines()}
        assert made >= {"report~2.html", *both("roc~2", "det~2", "scores")}
        assert names(out) == made | set(mine)
    assert {name: (out / name).read_bytes() for name in mine} == mine


def test_a_report_is_not_written_into_the_pictures(run: Run, tmp_path: Path, measured: Path) -> None:
    before = sorted(measured.rglob("*"))
    for out in ("m", "m/report"):
        result = run("evaluate", "verification", "--images", "m", "--report", out)
        assert result.exit_code == 2
    assert sorted(measured.rglob("*")) == before


def test_a_full_disk_leaves_no_empty_plot(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores.write(tmp_path / "s.csv", pairs(15, 15))

    def full(path: Path, content: bytes) -> int:
        path.open("wb").close()
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    result = run("plot", "s.csv", "-o", "out", "--report")
    assert (result.exit_code, result.stderr) == (
        1,
        "facekit: out/roc.png: No space left on device: make room and run again\n",
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_of_scores_of_nothing_nothing_is_drawn(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a,b,mated,score\nx,y,1,\nx,z,0,\n")
    result = run("plot", "s.csv", "-o", "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "facekit: s.csv: nothing in it has a score: nothing can be drawn\n"
    assert not (tmp_path / "out").exists()


def test_a_score_that_is_not_finite_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a,b,mated,score\nx,y,1,0.5\nx,z,0,-inf\n")
    result = run("plot", "s.csv", "-o", "out")
    assert result.exit_code == 2
    assert "s.csv: line 3, column score: '-inf' is no score" in result.stderr
