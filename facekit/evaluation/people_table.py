"""What a table says of the people on the photos, such as their age: groups to report by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from facekit.errors import FacekitError, UsageError
from facekit.evaluation.scores import IDENTIFICATION, IdentificationScores
from facekit.files import untrusted
from facekit.text.subject_names import subject_name


def read_people(table: Path) -> dict[str, Mapping[str, str]]:
    """The rows of a CSV by the person that its column `subject` names. Raises UsageError."""
    rows = untrusted.table(table)
    rows.require("subject", what="it names the person of each row")
    people: dict[str, Mapping[str, str]] = {}
    for line, row in reversed(list(zip(rows.lines, rows.dicts(), strict=True))):
        if row["subject"]:
            try:
                people[subject_name(row["subject"])] = row
            except FacekitError as error:
                raise UsageError(f"{table}: line {line}: {error}") from None
    if not people:
        raise UsageError(f"{table}: names nobody")
    return people


def columns_of(people: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The further columns of a table of people."""
    names = next(iter(people.values()), {})
    return [name for name in names if name and name not in ("subject", "person", *IDENTIFICATION)]


def with_people(
    scores: IdentificationScores, people: Mapping[str, Mapping[str, str]]
) -> IdentificationScores:
    """The searches with the columns that a table has for the person on each probe. Raises UsageError where
    the searches do not say who that is."""
    if "person" not in scores.groups:
        raise UsageError("the scores do not say who is on each probe: they have no column person")
    rows = [people.get(subject_name(person), {}) if person else {} for person in scores.groups["person"]]
    columns = {name: tuple(row.get(name) or "" for row in rows) for name in columns_of(people)}
    return IdentificationScores(**{**vars(scores), "groups": {**scores.groups, **columns}})
