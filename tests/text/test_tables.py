import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.text.tables import Column, fit, table, width

COLUMNS = [
    Column("subject", flexible=True),
    Column("pictures", right=True),
    Column("added"),
]


def test_wide_letters_take_two_columns_and_marks_none() -> None:
    assert width("张伟") == 4
    assert width("e\u0301") == 1
    assert width("한국") == 4


def test_columns_line_up_under_names_of_any_script() -> None:
    rows = [
        ("Ada", "3", "2026-01-01"),
        ("张伟", "12", "2026-01-01"),
        ("דוד", "1", "2026-01-01"),
    ]
    lines = list(table(COLUMNS, rows))
    assert {width(line) for line in lines[1:]} == {29}
    assert lines[0] == "subject  pictures  added"
    assert lines[2] == "张伟           12  2026-01-01"


def test_a_name_of_300_letters_is_cut_to_fit_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.settings.on_terminal", lambda: True)
    lines = list(table(COLUMNS, [("x" * 300, "3", "2026-01-01"), ("张" * 300, "3", "2026-01-01")]))
    assert [width(line) for line in lines] == [75, 80, 80]
    assert "…" in lines[1]


def test_nothing_is_cut_off_in_a_file() -> None:
    lines = list(table(COLUMNS, [("x" * 300, "3", "2026-01-01"), ("y", "3", "2026-01-01")]))
    assert lines[1].split() == ["x" * 300, "3", "2026-01-01"]
    assert lines[2].index("3") == lines[1].index("3")


def test_the_cut_counts_escapes_as_they_are_shown() -> None:
    assert width(fit("\x1b" * 10, 12)) == 12


@given(st.text(st.characters(), max_size=60), st.integers(1, 40), st.booleans())
def test_a_cell_has_exactly_the_width_of_its_column(text: str, columns: int, right: bool) -> None:
    assert width(fit(text, columns, right=right)) == columns
