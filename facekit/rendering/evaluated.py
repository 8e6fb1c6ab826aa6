"""Reports of error rates: as a table for 80 columns, or as rows of CSV."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from facekit.evaluation.evaluations import Evaluation
from facekit.evaluation.groups import GroupRates
from facekit.evaluation.identification_report import IdentificationReport, SearchPoint
from facekit.evaluation.metrics import Rate
from facekit.evaluation.verification_report import Decisions, OperatingPoint, VerificationReport, power
from facekit.output.view import View
from facekit.text.counting import counted
from facekit.text.escaping import printable
from facekit.text.tables import WIDTH, Column, table

Report = VerificationReport | IdentificationReport


@dataclass(frozen=True)
class Line:
    """One figure of a report: its name, value, interval, counts and threshold, as far as it has them."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None
    total: int | None = None
    threshold: float | None = None

    @classmethod
    def of(cls, name: str, rate: Rate, threshold: float | None = None) -> Line:
        return cls(name, rate.value, *rate.interval, rate.count, rate.total, threshold)


class Evaluated(View[Evaluation[Any]]):
    """The figures with their intervals, and those of each group."""

    alone = True
    columns = ("group", "figure", "value", "low", "high", "count", "total", "threshold")

    def text(self, result: Evaluation[Any]) -> Iterator[str]:
        yield from textwrap.wrap(printable(_heading(result.report)), WIDTH)
        yield from _table("figure", [(line.name, line) for line in figures(result.report)])
        yield from textwrap.wrap(_unresolved(result.report), WIDTH)
        yield from _groups(result.groups)

    def rows(self, result: Evaluation[Any]) -> Iterator[Sequence[object]]:
        yield from (_row("", line) for line in figures(result.report))
        yield from (_row(group, line) for group, line in _by_group(result.groups))

    def errors(self, result: Evaluation[Any]) -> Iterator[str]:
        yield from result.problems


def figures(report: Report) -> Iterator[Line]:
    if isinstance(report, VerificationReport):
        yield from _verification(report)
    else:
        yield from _identification(report)


def _verification(report: VerificationReport) -> Iterator[Line]:
    if report.accuracy:
        folds = report.accuracy
        name = f"accuracy, {folds.folds} folds ±{100 * folds.deviation:.2f}"
        yield Line(name, folds.mean, *folds.right.interval, folds.right.count, folds.right.total)
    yield Line("area under the ROC", report.auc.value, *report.auc.bounds)
    yield Line("equal error rate", report.equal_error, threshold=report.eer.threshold)
    for fmr, point in report.points.items():
        yield Line.of(f"TAR at FMR {power(fmr)}", point.tar, point.threshold)
    for fpr, point in report.table.items():
        yield Line.of(f"TPR at FPR {fpr:g}", point.tar, point.threshold)
    if report.at_threshold:
        yield from _given(report.at_threshold)


def _given(given: Decisions) -> Iterator[Line]:
    threshold = given.point.threshold
    yield Line.of("accuracy", given.accuracy, threshold)
    yield Line.of("precision", given.precision, threshold)
    yield Line.of("recall (TAR)", given.point.tar, threshold)
    yield Line("F1", given.f1.value, *given.f1.bounds, threshold=threshold)
    yield from _both(given.point)


def _both(point: OperatingPoint) -> Iterator[Line]:
    yield Line.of("FMR", point.fmr, point.threshold)
    yield Line.of("FNMR", point.fnmr, point.threshold)


def _identification(report: IdentificationReport) -> Iterator[Line]:
    for rank in (1, 5, 10, 20):
        if rank == 1 or rank <= len(report.ranks):
            rate = report.rank(rank)
            if rate:
                yield Line.of(f"rank {rank}", rate)
    for fpir, point in report.points.items():
        yield Line.of(f"FNIR at FPIR {fpir:g}", point.fnir, point.threshold)
    if report.at_threshold:
        yield from _open_set(report.at_threshold)


def _open_set(point: SearchPoint) -> Iterator[Line]:
    yield Line.of("FPIR", point.fpir, point.threshold)
    yield Line.of("FNIR", point.fnir, point.threshold)


def _heading(report: Report) -> str:
    notes = report.notes
    if isinstance(report, VerificationReport):
        parts = [f"{report.mated} mated and {report.non_mated} non-mated comparisons"]
    else:
        least, most = report.gallery_subjects
        size = f"N = {most}" if least == most else f"N = {least} … {most}"
        searched = f"{report.mated} mated and {report.non_mated} non-mated searches"
        parts = [f"{searched}, {size}, in {counted(report.splits, 'split')}"]
    if report.failed:
        parts.append(f"{report.failed} of them without a face, counted as misses")
    if "pictures" in notes:
        failed = notes["pictures_failed"]
        where = f"No face in {failed} of" if failed else "A face in each of"
        part = f"{where} {counted(notes['pictures'], 'picture')}"
        several = notes["pictures_with_several_faces"]
        taken = f"; of several faces ({counted(several, 'picture')}) the largest and most central was taken"
        parts.append(part + taken if several else part)
    return ". ".join(parts) + "."


def _unresolved(report: Report) -> str:
    if not report.non_mated:
        return "No strangers were searched for: nothing can be said about FPIR."
    if not report.mated:
        return "Nobody who is enrolled was searched for: FNIR takes more photos of them."
    missing = ", ".join(report.unresolved)
    if not missing:
        return ""
    rate, what = ("FMR", "comparisons") if isinstance(report, VerificationReport) else ("FPIR", "probes")
    return f"Not shown: {rate} {missing}, for which there are fewer than 3/{rate} non-mated {what}."


def _by_group(groups: GroupRates | None) -> Iterator[tuple[str, Line]]:
    if groups is None:
        return
    for group, rates in groups.rates.items():
        yield from ((group, Line.of(name, rate, groups.threshold)) for name, rate in rates.items())


def _groups(groups: GroupRates | None) -> Iterator[str]:
    if groups is None:
        return
    yield ""
    yield from textwrap.wrap(
        f"By {printable(groups.column)}, all at the threshold {groups.threshold:.4f}:", WIDTH
    )
    named = [(f"{group or '–'}: {line.name}", line) for group, line in _by_group(groups) if line.total]
    yield from _table("group", named)
    for name, spread in groups.spread().items():
        ratio = spread["ratio"]
        factor = "which has none" if ratio is None else f"{ratio:.2f} times as much"
        sentence = f"{name}: worst {spread['worst'] or '–'}, best {spread['best'] or '–'}: {factor}."
        yield from textwrap.wrap(printable(sentence), WIDTH)


def _table(title: str, named: list[tuple[str, Line]]) -> Iterator[str]:
    columns = [
        Column(title, flexible=True),
        Column("value", right=True),
        Column("95 % interval", right=True),
        Column("count", right=True),
        Column("threshold", right=True),
    ]
    yield from table(columns, [(name, *_cells(line)) for name, line in named])


def _cells(line: Line) -> Iterator[str]:
    yield percent(line.value)
    yield "" if line.low is None or line.high is None else f"{percent(line.low)} … {percent(line.high)}"
    yield "" if line.count is None else f"{line.count} / {line.total}"
    yield "" if line.threshold is None or not math.isfinite(line.threshold) else f"{line.threshold:.4f}"


def percent(value: float) -> str:
    """Two decimals; a dash for a rate of nothing."""
    return f"{100 * value:.2f} %" if math.isfinite(value) else "–"


def _row(group: str, line: Line) -> list[object]:
    numbers = (line.value, line.low, line.high, line.count, line.total, line.threshold)
    return [group, line.name, *(_number(number) for number in numbers)]


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
