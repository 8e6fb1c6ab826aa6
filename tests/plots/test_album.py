"""Every plot: nothing overlaps, the same bytes twice, and what is drawn are the right figures."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from facekit.evaluation.comparisons import of_scores
from facekit.evaluation.metrics import Rate
from facekit.plots import (
    album,
    comparison_plots,
    gallery_map,
    mistakes,
    reliability,
    search_plots,
    style,
    training_plots,
)
from plots.layout import collisions, outside, texts
from plots.samples import pairs, people, searches

LONG = "a name that is much longer than any plot has room for, and goes on"
ROWS = [
    {
        "step": step,
        "labels": 5.0 / (step + 1),
        "accuracy": step / 100,
        **({"tar_1e-3": 0.5} if step % 20 == 0 else {}),
    }
    for step in range(0, 100, 10)
]


def plots() -> Iterator[tuple[str, Figure]]:
    first, second = of_scores(pairs()), of_scores(pairs(90, 100, seed=1))
    yield from ((plot.name, plot.figure) for plot in album.of_comparisons({"": first}, 0.3))
    yield from (
        (f"two {plot.name}", plot.figure) for plot in album.of_comparisons({LONG: first, "b": second})
    )
    yield from ((plot.name, plot.figure) for plot in album.of_searches({"": searches()}, 0.4))
    both = {LONG: searches(), "b": searches(each=20, splits=1, seed=1)}
    yield from ((f"two {plot.name}", plot.figure) for plot in album.of_searches(both, 0.4))
    yield "reliability", reliability.draw(np.linspace(0, 1, 400) ** 2, np.arange(400) % 3 > 0)
    yield "training", training_plots.draw(ROWS)
    random = np.random.default_rng(0)
    yield (
        "map",
        gallery_map.draw_places(random.normal(size=(120, 2)), [f"name {n // 6}" for n in range(120)], "x"),
    )


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    with style.styled():
        return dict(plots())


def test_nothing_is_written_over_anything_or_out_of_the_picture(drawn: dict[str, Figure]) -> None:
    found = {name: [*collisions(figure), *outside(figure)] for name, figure in drawn.items()}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_the_search_for_collisions_finds_them() -> None:
    figure, [axes] = style.new_figure()
    axes.text(0.5, 0.5, "over")
    axes.text(0.52, 0.5, "under")
    figure.text(0.9, 0.2, "far out of the picture and further")
    assert collisions(figure) == [("over", "under")]
    assert outside(figure) == ["far out of the picture and further"]


def test_axes_say_what_they_are(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        assert all(axes.get_xlabel() for axes in figure.axes[-1:]), name
        assert name == "map" or all(axes.get_ylabel() for axes in figure.axes), name


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    for again in ("a", "b"):
        style.save(comparison_plots.draw_roc({"": of_scores(pairs())}), tmp_path / again, "roc")
    for name in ("roc.png", "roc.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a" / "roc.svg").read_bytes()


def test_what_the_user_has_set_for_matplotlib_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    usual = style.svg(training_plots.draw(ROWS))
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    with style.styled():
        assert style.svg(training_plots.draw(ROWS)) == usual
    assert matplotlib.rcParams["font.size"] == 30


def test_colors_are_those_that_everybody_can_tell_apart(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        for axes in figure.axes:
            assert {line.get_color() for line in axes.lines} <= {*style.LINES, style.GRAY}, name


@pytest.mark.parametrize("count", [2, 7, 28])
def test_no_two_lines_look_alike(count: int) -> None:
    assert len({tuple(look.values()) for look in style.line_styles(count)}) == count


def test_the_roc_has_the_rates_of_the_thresholds() -> None:
    found = of_scores(pairs())
    curve = comparison_plots.roc(found)
    assert curve.x[0] == pytest.approx(3 / 600)
    for fmr in (0.01, 0.05, 0.2):
        tar = found.accepted_mated(found.threshold_at_fmr(fmr))
        place = np.searchsorted(curve.x, fmr * (1 + 1e-9), "right") - 1
        assert curve.y[place] == pytest.approx(tar.value)
        assert curve.low[place] <= tar.value <= curve.high[place]
    assert (np.diff(curve.y) >= 0).all()
    # A pair without a face is recognized at no threshold.
    assert curve.y[-1] == pytest.approx(197 / 200)


def test_fnir_over_fpir_has_the_rates_of_the_thresholds() -> None:
    scores = searches()
    curve = search_plots.fnir_over_fpir(scores)
    strangers = np.sort(scores.top_scores[~scores.mated])[::-1]
    for fpir in (0.05, 0.2):
        at = strangers[round(fpir * len(strangers)) - 1]
        hit = scores.mated & (scores.mate_ranks == 1) & (scores.mate_scores >= at)
        place = np.searchsorted(curve.x, fpir * (1 + 1e-9), "right") - 1
        assert curve.y[place] == pytest.approx(1 - hit.sum() / scores.mated.sum())


def test_probit_axes_are_those_of_the_normal_distribution() -> None:
    assert style.probit([0.5, 0.8413447460685429, 0.15865525393145707]) == pytest.approx([0, 1, -1])
    assert style.probit([0.0, 1.0]).tolist() == [-np.inf, np.inf]


def test_the_histogram_counts_all_and_tells_of_failures(drawn: dict[str, Figure]) -> None:
    [axes] = comparison_plots.draw_scores(of_scores(pairs()), 0.3).axes
    steps = [patch for patch in axes.patches if not patch.get_fill()]
    assert [sum(step.get_data().values) for step in steps] == pytest.approx([197 / 200, 1])
    labels = " ".join(text.get_text() for text in texts(axes.figure))
    assert "mated (n = 200), 3 without a face" in labels
    assert "threshold 0.300" in labels


def test_a_histogram_has_room_for_failures_of_both_kinds() -> None:
    scores = np.append(np.linspace(0, 1, 1500), [-np.inf] * 20)
    names = (f"{kind}, best of all (n = 1,520)" for kind in ("enrolled, with their own", "strangers"))
    figure = comparison_plots.histogram(dict.fromkeys(names, scores), 0.4, "searches")
    assert outside(figure) == []


def test_reliability_is_by_hand() -> None:
    probabilities, right = (
        np.array([0.02, 0.04, 0.95, 0.97, 0.99]),
        np.array([False, True, True, True, False]),
    )
    assert [(mean, rate) for mean, rate in reliability.bins(probabilities, right)] == [
        (pytest.approx(0.03), Rate(1, 2)),
        (pytest.approx(0.97), Rate(2, 3)),
    ]
    # 90 right and 10 wrong in all: a share of 0.9 means nothing, it is what any bin would have.
    assert reliability.alike(0.9, 90, 10) == pytest.approx(0.5)


def test_a_probability_is_never_judged_on_what_it_was_fitted_to() -> None:
    pytest.importorskip("sklearn", reason="needs pip install '.[evaluate]'")
    scores = pairs(failed=0)
    found = reliability.probabilities(scores.scores, scores.mated)
    assert ((found > 0) & (found < 1)).all()
    order = np.argsort(scores.scores)
    assert np.corrcoef(np.arange(len(order)), found[order])[0, 1] > 0.5
    assert np.array_equal(found, reliability.probabilities(scores.scores, scores.mated))


def test_worst_pairs_are_the_highest_of_two_people_and_the_lowest_of_one(tmp_path: Path) -> None:
    scores = pairs()
    false, missed = mistakes.worst(scores, tmp_path, 4)
    assert [each.score for each in false] == sorted(scores.scores[~scores.mated])[-1:-5:-1]
    assert [each.score for each in missed] == sorted(scores.scores[scores.mated])[3:7]
    assert not any(each.mated for each in false)


def test_worst_searches_show_whom_the_probe_was_taken_for(tmp_path: Path) -> None:
    scores = searches()
    folder = people(tmp_path / "people", {f"s{n}": ["red"] for n in range(10)})
    false, missed = mistakes.worst(scores, folder, 5)
    assert [each.score for each in false] == sorted(scores.top_scores[~scores.mated])[-1:-6:-1]
    assert all(each.b == f"{each.title}/0.png" for each in [*false, *missed])
    assert len({each.a for each in false}) == 5


@pytest.fixture
def sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from fakes import FakeOptions

    monkeypatch.setattr("facekit.plots.mistakes.Options", FakeOptions)
    return people(tmp_path / "people", {"a": ["red", "red"], "b": ["green"]})


def test_the_sheet_shows_the_face_and_a_gray_field_where_none_is(sheet: Path) -> None:
    found = [
        mistakes.Mistake("a/0.png", "b/0.png", 0.7, False),
        mistakes.Mistake(f"{LONG}.png", None, -0.1, False),
    ]
    figure = mistakes.draw(found, sheet, "Mistakes")
    middles = [axes.images[0].get_array()[112, 112].tolist() for axes in figure.axes if axes.images]
    assert middles == [[255, 0, 0], [0, 255, 0], [200, 200, 200], [200, 200, 200]]
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {"not found", "no photo"} <= set(words)
    assert collisions(figure) == []
    assert outside(figure) == []


def test_a_score_file_cannot_bring_in_pictures_from_elsewhere(sheet: Path, tmp_path: Path) -> None:
    people(tmp_path / "secret", {"x": ["blue"]})
    found = [mistakes.Mistake("a/0.png", "../secret/x/0.png", 0.7, False)]
    [_, second] = [axes for axes in mistakes.draw(found, sheet, "x").axes if axes.images]
    assert (np.asarray(second.images[0].get_array()) == 200).all()
    assert "outside the folder" in [text.get_text() for text in second.texts]


def test_a_picture_of_a_mistake_that_cannot_be_read_is_told(sheet: Path) -> None:
    (sheet / "b" / "0.png").write_bytes(b"no picture")
    found = [mistakes.Mistake("a/0.png", "b/0.png", 0.7, False)]
    words = [text.get_text() for axes in mistakes.draw(found, sheet, "x").axes for text in axes.texts]
    assert "cannot be read" in words


def test_the_map_puts_those_who_are_alike_together() -> None:
    pytest.importorskip("sklearn", reason="needs pip install '.[evaluate]'")
    random = np.random.default_rng(0)
    vectors = np.repeat(np.eye(16, dtype=np.float32)[:5], 8, axis=0) + 0.05 * random.normal(size=(40, 16))
    places = gallery_map.flattened(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    own = np.linalg.norm(places.reshape(5, 8, 1, 2) - places.reshape(5, 1, 8, 2), axis=-1).max()
    middles = places.reshape(5, 8, 2).mean(axis=1)
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=-1)
    assert own < apart[~np.eye(5, dtype=bool)].min()


def test_names_are_data(drawn: dict[str, Figure]) -> None:
    """No mathematics, no markup, no control characters, whatever somebody is called."""
    name = "$\\frac{1}{2}$ <b>\x1b[2J"
    figure = comparison_plots.draw_roc({name: of_scores(pairs()), "b": of_scores(pairs(seed=2))})
    shown = " ".join(text.get_text() for text in texts(figure))
    assert "$\\frac" in shown
    assert "\x1b" not in shown
    with Image.open(BytesIO(style.png(figure))) as image:
        assert image.format == "PNG"
    assert re.search(rb"</svg>\s*$", style.svg(figure))
