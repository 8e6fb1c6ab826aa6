"""The report: one HTML page with everything in it, for readers who decide rather than measure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import machine, python_version, system
from string import Template
from typing import TYPE_CHECKING, Any

from facekit import __version__
from facekit.evaluation.comparisons import Comparisons, of_scores
from facekit.evaluation.identification_report import IdentificationReport
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import AnyScores, IdentificationScores
from facekit.evaluation.verification_report import VerificationReport, power
from facekit.plots import album, style
from facekit.plots.album import Plot
from facekit.rendering.evaluated import Line, figures, percent
from facekit.text.escaping import printable

if TYPE_CHECKING:
    from facekit.faces.reading import Options

Report = VerificationReport | IdentificationReport

PACKAGES = ("numpy", "onnxruntime", "matplotlib", "scikit-learn")

# What the verdict is about, the strictest that the counts can show.
_USUAL_FMR = 1e-3
_USUAL_FPIR = 0.01


@dataclass(frozen=True, eq=False)
class Section:
    """One list of scores: its name, its report and its plots."""

    name: str
    report: Report
    plots: Sequence[Plot]


@dataclass(frozen=True)
class Made:
    """When (ISO date) and with what the report was made."""

    date: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, date: str) -> Made:
        facts = {"facekit": __version__, "Python": python_version(), "system": f"{system()} {machine()}"}
        for name in PACKAGES:
            try:
                facts[name] = version(name)
            except PackageNotFoundError:
                continue
        return cls(date, facts)


def section(
    name: str,
    scores: AnyScores | Comparisons,
    made: Report,
    images: Path | None = None,
    options: Options | None = None,
) -> Section:
    """The section on a list of scores and the report `made` of it, with the plots that it allows. With
    `images`, the folder the scores were measured on, also the faces of the worst mistakes.
    """
    threshold = usual_threshold(made)
    plots: list[Plot] = []
    if isinstance(scores, IdentificationScores):
        plots += album.of_searches({"": scores}, threshold)
    else:
        comparisons = scores if isinstance(scores, Comparisons) else of_scores(scores)
        plots += album.of_comparisons({"": comparisons}, threshold)
    if not isinstance(scores, Comparisons):
        plots += album.of_probability(scores)
    if images is not None and not isinstance(scores, Comparisons):
        plots += album.of_mistakes(scores, images, options=options)
    return Section(name, made, plots)


def page(sections: Sequence[Section], made: Made) -> str:
    """The report as HTML. It asks for nothing from anywhere: pictures are inside, and there is no script."""
    body = "".join(part for section in sections for part in _section(section, alone=len(sections) == 1))
    return _PAGE.substitute(
        date=escape(made.date), generator=style.GENERATOR, body=body, made=_table(made.versions)
    )


def verdict(report: Report) -> list[str]:
    """What was found, in plain words, a sentence each."""
    sentences = _of_pairs(report) if isinstance(report, VerificationReport) else _of_searches(report)
    return [*sentences, _failures(report)]


def usual_threshold(report: Report) -> float | None:
    """The threshold that the verdict speaks of: the one given, or that of one mistake in 1,000 pairs or 100
    strangers, or the strictest that the counts can show."""
    if isinstance(report, VerificationReport):
        point = report.at_threshold.point if report.at_threshold else _strictest(report.points, _USUAL_FMR)
    else:
        point = report.at_threshold or _strictest(report.points, _USUAL_FPIR)
    return None if point is None else point.threshold


def _strictest(points: Mapping[float, Any], usual: float) -> Any:
    allowed = [rate for rate in points if rate >= usual]
    return points[min(allowed)] if allowed else None


def _of_pairs(report: VerificationReport) -> Iterator[str]:
    point = report.at_threshold.point if report.at_threshold else _strictest(report.points, _USUAL_FMR)
    if point is None:
        yield "There are too few pairs of two people to say how often they are taken for one."
        return
    yield (
        f"At the threshold {point.threshold:.3f}, {_times(point.fmr)} pairs of two people are taken for one "
        f"person, and {_times(point.tar)} pairs of one person are recognized."
    )
    if report.accuracy:
        right = report.accuracy.right
        yield f"With the best threshold, {_times(right)} pairs are judged right, of both kinds together."


def _of_searches(report: IdentificationReport) -> Iterator[str]:
    least, most = report.gallery_subjects
    people = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    first = report.rank(1)
    if first:
        yield f"Among {people} enrolled people, {_times(first)} searches find the right person first."
    point = report.at_threshold or _strictest(report.points, _USUAL_FPIR)
    if point is None:
        if report.mated:
            yield "There are too few strangers to say how often one is given a name."
        else:
            yield "Nobody who is enrolled was searched for, so that no threshold can be judged."
        return
    sentences = []
    if point.fpir.total:
        sentences.append(f"{_times(point.fpir)} searches for strangers give a name")
    if point.fnir.total:
        sentences.append(f"{_times(point.fnir)} searches for enrolled people give no name or a wrong one")
    yield f"At the threshold {point.threshold:.3f}, {', and '.join(sentences)}."


def _failures(report: Report) -> str:
    unused = report.notes.get("pictures_failed", 0)
    if not report.failed and unused:
        return (
            f"In {unused:,} of {report.notes['pictures']:,} pictures, to be enrolled, no face could be found."
        )
    if not report.failed:
        return "A face was found in every picture."
    total = report.mated + report.non_mated
    what = "comparisons" if isinstance(report, VerificationReport) else "searches"
    return (
        f"In {report.failed:,} of {total:,} {what} no face could be found in a picture: they are counted "
        "as misses."
    )


def _times(rate: Rate) -> str:
    """`95 of 100 (92 … 97; counted 710 of 750)`, or of more where it is rare."""
    of = 100
    while 0 < rate.value * of < 1 and of < 10**6:
        of *= 10
    low, high = (_rounded(of * end, of) for end in rate.interval)
    counted = f"counted {rate.count:,} of {rate.total:,}"
    return f"{_rounded(of * rate.value, of)} of {of:,} ({low} … {high}; {counted})"


def _rounded(share: float, of: int) -> str:
    """Two digits that count; near all of them, as many as show that it is not all."""
    rest = of - share
    if 0 < rest < of / 100:
        return f"{of - float(f'{rest:.1g}'):g}"
    return f"{float(f'{share:.2g}'):g}"


def _section(section: Section, *, alone: bool) -> Iterator[str]:
    kind = "Pairs" if isinstance(section.report, VerificationReport) else "Searches"
    what = "same person or not?" if kind == "Pairs" else "who is it?"
    name = f" of {_text(section.name)}" if section.name and not alone else ""
    yield f"<section>\n<h2>{kind}{name}: {what}</h2>\n"
    items = "".join(f"<li>{_text(sentence)}</li>\n" for sentence in verdict(section.report))
    yield f'<div class="verdict"><ul>\n{items}</ul>\n<p>{_INTERVALS}</p></div>\n'
    yield _figures(section.report)
    for plot in section.plots:
        yield _plot(plot)
    yield f"<h3>What it was measured on</h3>\n{_table(_measured(section.report))}\n</section>\n"


def _figures(report: Report) -> str:
    rows = "".join(_row(line) for line in figures(report))
    missing = ", ".join(report.unresolved)
    rate = "FMR" if isinstance(report, VerificationReport) else "FPIR"
    note = f"<p>Not shown, for want of counts: {rate} {_text(missing)}.</p>\n" if missing else ""
    head = "<tr><th>figure</th><th>value</th><th>95 % interval</th><th>counted</th><th>threshold</th></tr>"
    return f"<h3>The figures</h3>\n<table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n{note}"


def _row(line: Line) -> str:
    between = "" if line.low is None else f"{100 * line.low:.2f} … {100 * (line.high or 0):.2f} %"
    counted = "" if line.count is None else f"{line.count:,} of {line.total:,}"
    threshold = "" if line.threshold is None else f"{line.threshold:.3f}"
    cells = [percent(line.value), between, counted, threshold]
    return f"<tr><th>{_text(line.name)}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _plot(plot: Plot) -> str:
    if plot.photos:
        kind, content = "jpeg", style.jpeg(plot.figure)
    else:
        kind, content = "svg+xml", style.svg(plot.figure)
    data = base64.b64encode(content).decode()
    title, caption = _text(plot.title), _text(plot.caption)
    image = f'<img src="data:image/{kind};base64,{data}" alt="{title}">'
    return f"<figure>\n<h3>{title}</h3>\n{image}\n<figcaption>{caption}</figcaption>\n</figure>\n"


def _measured(report: Report) -> dict[str, str]:
    values: dict[str, Any] = dict(report.notes)
    if isinstance(report, VerificationReport):
        kinds = f"{report.mated:,} pairs of one person, {report.non_mated:,} pairs of two people"
        values = {"comparisons": kinds, **values}
        values["strictest FMR shown"] = power(min(report.points)) if report.points else "none"
    else:
        least, most = report.gallery_subjects
        kinds = f"{report.mated:,} for enrolled people, {report.non_mated:,} for strangers"
        size = f"{most:,}" if least == most else f"{least:,} … {most:,}"
        values = {"searches": kinds, "enrolled people (N)": size, "splits": report.splits, **values}
    words = {True: "yes", False: "no"}
    return {
        name.replace("_", " "): words[value] if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


def _table(values: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>\n" for name, value in values.items()
    )
    return f'<table class="facts">\n{rows}</table>'


def _text(text: str) -> str:
    return escape(printable(text))


_INTERVALS = (
    "In brackets is where the figure would lie for other people and pictures like these, 95 times in 100. "
    "For other cameras, ages or groups of people it may be another: measure on pictures like yours."
)

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
$generator
<title>facekit: how often is it wrong?</title>
<style>
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto;
  max-width: 54rem; padding: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.4rem; margin: 2.5rem 0 .75rem; border-bottom: 2px solid #0072b2; }
h3 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
.verdict { background: #eef5fa; border-left: 5px solid #0072b2; padding: .5rem 1.25rem; font-size: 1.1rem; }
.verdict ul { padding-left: 1.1rem; }
.verdict p, figcaption, footer, .date { color: #444; font-size: .95rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
th:first-child, .facts td { text-align: left; font-weight: normal; overflow-wrap: anywhere; }
thead th { font-weight: bold; border-bottom: 2px solid #888; }
.facts th { width: 38%; color: #444; }
figure { margin: 0; break-inside: avoid; }
img { max-width: 100%; height: auto; display: block; margin: 0 auto; }
</style>
</head>
<body>
<h1>How often is it wrong?</h1>
<p class="date">Face identification with facekit, measured on $date</p>
$body<footer>
<h3>Made with</h3>
$made
<p>Terms are those of ISO/IEC 19795-1. FMR: pairs of two people taken for one. TAR: pairs of one person
recognized. FPIR: searches for strangers that give a name. FNIR: searches for enrolled people that give no
name or a wrong one. A score says how alike two faces are, from −1 to 1; at the threshold or above it they are
taken for the same person. Faces in this report are biometric data of real people: share it accordingly.</p>
</footer>
</body>
</html>
""")
