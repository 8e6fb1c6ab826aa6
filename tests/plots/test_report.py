"""The report: whole in itself, well-formed, escaped, and in plain words first."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from facekit.evaluation import identification_report, verification_report
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import AnyScores, VerificationScores
from facekit.plots import report
from plots.samples import pairs, searches

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; raises AssertionError where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text.append(data)


def made(found: AnyScores, name: str = "scores.csv", **more: str) -> str:
    of = verification_report if isinstance(found, VerificationScores) else identification_report
    section = report.section(name, found, of.report(found, notes=more))  # type: ignore[attr-defined]
    return report.page([section], report.Made("2026-11-25", {"facekit": "0.1.0"}))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    from facekit.plots import style

    with style.styled():
        return {"pairs": made(pairs()), "searches": made(searches())}


def test_it_is_well_formed_and_asks_for_nothing_from_elsewhere(pages: dict[str, str]) -> None:
    for html in pages.values():
        page = Page(html)
        assert html.startswith("<!DOCTYPE html>")
        assert {"html", "head", "body", "h1", "img"} <= set(page.tags)
        assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
        sources = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action")]
        assert sources
        assert all(value.startswith("data:image/") for value in sources)
        assert not any(name.startswith("on") for _, name, _ in page.attributes)
        assert not re.search(r"url\(|@import|https?://", re.sub(r"base64,[^\"]+", "", html))


def test_every_picture_has_words_for_who_cannot_see_it(pages: dict[str, str]) -> None:
    for html in pages.values():
        page = Page(html)
        alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
        assert len(alternatives) == page.tags.count("img") > 2
        assert all(alternatives)
        assert page.tags.count("figcaption") == page.tags.count("img")


def test_the_verdict_stands_before_figures_and_plots(pages: dict[str, str]) -> None:
    for html in pages.values():
        assert html.index('class="verdict"') < html.index("The figures") < html.index("<img")
        assert html.index("<img") < html.index("What it was measured on") < html.index("Made with")


def test_names_are_text_and_never_markup() -> None:
    name = '"><script>alert(1)</script>&\x1b[2J\u202e'
    html = made(pairs(), name, embedder=name)
    page = Page(html)
    assert "script" not in page.tags
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert '"><script>alert(1)</script>&\\x1b[2J\\u202e' in "".join(page.text)


def test_the_same_scores_and_date_give_the_same_bytes(pages: dict[str, str]) -> None:
    assert made(pairs()) == pages["pairs"]


def test_the_verdict_in_plain_words() -> None:
    found = verification_report.report(pairs(), threshold=0.3)
    first, *_, last = report.verdict(found)
    point = found.at_threshold
    assert point is not None
    assert first.startswith("At the threshold 0.300, ")
    assert f"counted {point.point.tar.count} of 200) pairs of one person are recognized." in first
    assert last == (
        "In 3 of 800 comparisons no face could be found in a picture: they are counted as misses."
    )
    first, second, _ = report.verdict(identification_report.report(searches()))
    assert first.startswith("Among 10 enrolled people, ")
    assert "searches for strangers give a name" in second


def test_what_the_counts_cannot_show_is_not_claimed() -> None:
    few = pairs(40, 40, failed=0)
    assert report.usual_threshold(verification_report.report(few)) is not None
    none = pairs(2, 2, failed=0)
    found = verification_report.report(none)
    assert report.usual_threshold(found) is None
    assert report.verdict(found)[0].startswith("There are too few pairs of two people")


@pytest.mark.parametrize(
    ("rate", "start"),
    [
        (Rate(710, 750), "95 of 100 (93 … 96; counted 710 of 750)"),
        (Rate(176, 176_400), "10 of 10,000 ("),
        (Rate(997, 1000), "99.7 of 100 ("),
        (Rate(5, 5), "100 of 100 ("),
        (Rate(0, 5), "0 of 100 (0 … 43; counted 0 of 5)"),
    ],
)
def test_rates_are_said_out_of_a_round_number(rate: Rate, start: str) -> None:
    assert report._times(rate).startswith(start)


def test_versions_and_date_are_told(tmp_path: Path) -> None:
    found = report.Made.on("2026-11-25")
    assert set(found.versions) >= {"facekit", "Python", "numpy", "matplotlib"}
