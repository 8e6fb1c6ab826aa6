#!/usr/bin/env python3
"""Write the figures of the embedder that ships into README.md, docs/benchmarks.md and weights/README.md.

    python scripts/measure_accuracy.py --data FOLDER --output scripts/accuracy.json
    python scripts/measure_conditions.py --data FOLDER --groups GROUPS.npy --output scripts/conditions.json
    python scripts/write_accuracy.py

A table stands between the lines `<!-- figures: NAME -->` and `<!-- end -->`. The suite compares the pages
with the files, and these with the weights that they were measured on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "scripts" / "accuracy.json"
CONDITIONS = ROOT / "scripts" / "conditions.json"
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "weights" / "README.md")
FMRS = ("1e-03", "1e-04", "1e-05")

KINDS = {
    "clean": "as they are",
    "covered 0.38": "covered from the tip of the nose down",
    "covered 0.5": "covered from the eyes down",
    "small 28": "28 pixels instead of 112",
    "small 16": "16 pixels instead of 112",
    "jpeg 10": "JPEG of quality 10",
    "dark 0.06": "6 % of the light",
}
GROUPS = {"age": "age", "sex": "sex, 18 to 59 years", "origin": "origin, 18 to 59 years"}
NAMES = {"f": "women", "m": "men"}

_PART = re.compile(r"(<!-- figures: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def photos(figures: Mapping[str, Any]) -> str:
    """From the photo to the name."""
    measured = figures["photos"]
    shipped, open_set = measured["at_its_threshold"], measured["open_set"]
    rank_1, known = measured["rank_1"], open_set["n"]
    strangers = f"{known} of them enrolled, 25 strangers: a stranger's photo gets a name"
    people = f"{known + 25} people enrolled with 6 photos each, the other {rank_1['total']} photos searched"
    rows = [
        (f"{people}: right person first", rank_1),
        (f"{strangers}, at the threshold facekit sets", shipped["strangers_named"]),
        ("… and a known person gets no name or a wrong one, at that threshold", shipped["known_missed"]),
        (
            "… and at the threshold where 1 stranger's photo in 100 gets a name "
            f"(FNIR at FPIR 0.01, N = {known})",
            open_set["fnir_at_fpir_0.01"],
        ),
    ]
    return "| | |\n|---|---|\n" + "".join(f"| {what} | {_counted(rate)} |\n" for what, rate in rows)


def found(figures: Mapping[str, Any]) -> str:
    """In how many photos there is a face at all."""
    measured = figures["photos"]
    return f"A face is found in {measured['faces_found']} of these {measured['photos']} photos.\n"


def crops(figures: Mapping[str, Any]) -> str:
    """Two aligned crops, by themselves."""
    pairs, compared = figures["pairs"], figures["comparisons"]
    rows = [
        *((f"TAR at FMR {_plain(fmr)}", _counted(compared[f"tar_{fmr}"])) for fmr in FMRS),
        (
            f"pairs of these crops, ten folds, accuracy ({pairs['pairs']:,} pairs without relatives)",
            f"{100 * pairs['accuracy']:.1f} % right (± {100 * pairs['deviation']:.1f})",
        ),
        (
            "relatives taken for the same person at the threshold of FMR 1e-4",
            _counted(pairs["kin_accepted"]),
        ),
    ]
    head = (
        f"All pairs of crops of {compared['subjects']} people: {compared['mated']:,} mated, "
        f"{compared['non_mated']:,} non-mated; relatives left out.\n\n| what | result |\n|---|---|\n"
    )
    return head + "".join(f"| {what} | {result} |\n" for what, result in rows)


def sources(figures: Mapping[str, Any]) -> str:
    """The same by source of the pictures."""
    rows = [
        f"| {source} | {each['subjects']} | {each['mated']:,} | {each['non_mated']:,} "
        f"| {_rate_of(each, '1e-03')} | {_rate_of(each, '1e-04')} |\n"
        for source, each in figures["by_source"].items()
    ]
    return "| source | people | mated | non-mated | 1e-3 | 1e-4 |\n|---|---|---|---|---|---|\n" + "".join(
        rows
    )


def conditions(figures: Mapping[str, Any]) -> str:
    """One of two crops spoiled."""
    measured = figures["conditions"]
    (pairs,) = {(each["mated"], each["non_mated"]) for each in measured.values()}
    rows = [
        f"| {KINDS[kind]} | {_counted(each['tar_1e-03'])} | {_counted(each['tar'])} "
        f"| {each['fmr']['count']:,} |\n"
        for kind, each in measured.items()
    ]
    return (
        f"{pairs[0]:,} mated and {pairs[1]:,} non-mated comparisons of a crop with a spoiled one:\n\n"
        "| spoiled | TAR at FMR 1e-3 | TAR at the gallery's threshold | non-mated over it |\n"
        "|---|---|---|---|\n" + "".join(rows)
    )


def groups(figures: Mapping[str, Any]) -> str:
    """Two people of one group."""
    rows = [
        f"| {GROUPS[column]} | {NAMES.get(name, name)} | {each['people']:,} "
        f"| {_per_million(each['gallery'])} | {_per_million(each['fmr_1e-04'])} |\n"
        for column, members in figures["groups"].items()
        for name, each in sorted(members.items(), key=_order)
    ]
    return (
        "| | group | people | of a million pairs, at the gallery's threshold | at that of FMR 1e-4 |\n"
        "|---|---|---|---|---|\n" + "".join(rows)
    )


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "photos": photos,
    "found": found,
    "crops": crops,
    "sources": sources,
    "conditions": conditions,
    "groups": groups,
}


def renewed(page: str, figures: Mapping[str, Any]) -> str:
    """The page with the tables of these figures."""
    return _PART.sub(lambda part: f"{part[1]}\n{TABLES[part['name']](figures)}\n{part[3]}", page)


def read() -> dict[str, Any]:
    """The figures of the embedder that ships, the only one in the file, under all conditions."""
    (figures,) = json.loads(FIGURES.read_text(encoding="utf-8")).values()
    return {**figures, **json.loads(CONDITIONS.read_text(encoding="utf-8"))}


def _counted(rate: Mapping[str, Any]) -> str:
    return f"{rate['count']:,} of {rate['total']:,}, {_percent(rate)}"


def _percent(rate: Mapping[str, Any]) -> str:
    return f"{100 * rate['rate']:.1f} % [{100 * rate['low']:.1f} … {100 * rate['high']:.1f}]"


def _per_million(rate: Mapping[str, Any]) -> str:
    low, value, high = (1e6 * rate[name] for name in ("low", "rate", "high"))
    return f"{value:,.0f} [{low:,.0f} … {high:,.0f}]"


def _order(group: tuple[str, Any]) -> tuple[int, str]:
    """Ages in their order, all else by name."""
    years = group[0].split("–")[0]
    return (int(years) if years.isdigit() else 0, group[0])


def _rate_of(group: Mapping[str, Any], fmr: str) -> str:
    return _percent(group[f"tar_{fmr}"]) if f"tar_{fmr}" in group else "too few pairs"


def _plain(fmr: str) -> str:
    return fmr.replace("e-0", "e-")


def main() -> None:
    figures = read()
    for page in PAGES:
        page.write_text(renewed(page.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
