import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.text.escaping import (
    csv_cell,
    file_stem,
    isolated,
    json_line,
    printable,
)

HOSTILE = {
    "terminal escape": ("\x1b[2Jgone", r"\x1b[2Jgone"),
    "one-byte escape": ("\x9b31m", r"\x9b31m"),
    "new line": ("two\nlines", r"two\x0alines"),
    "direction override": ("abc\u202efed", r"abc\u202efed"),
    "line separator": ("a\u2028b", r"a\u2028b"),
    "half a surrogate pair": ("a\udc80", r"a\udc80"),
    "invisible tag": ("a\U000e0041", r"a\U000e0041"),
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_a_name_cannot_steer_a_terminal(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize("name", ["José Álvarez", "张伟", "محمد علي", "श्रीमती", "नि\u200dल", "👩\u200d🚀"])
def test_names_of_any_script_are_shown_as_they_are(name: str) -> None:
    assert printable(name) == name
    assert json.loads(json_line(name)) == name
    assert name in json_line(name)


def test_a_name_written_right_to_left_does_not_turn_its_neighbors_around() -> None:
    assert isolated("דוד") == "\u2068דוד\u2069"
    assert isolated("David") == "David"


@given(st.text(st.characters()))
def test_json_gives_any_text_back_on_one_printable_line(text: str) -> None:
    line = json_line({"subject": text})
    assert json.loads(line) == {"subject": text}
    assert printable(line) == line


@given(st.text(st.characters()))
def test_what_is_printed_holds_no_control_character(text: str) -> None:
    assert not any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in printable(text))


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"])
def test_a_name_is_no_formula_in_a_spreadsheet(name: str) -> None:
    assert csv_cell(name).startswith("'")


def test_numbers_stay_numbers_in_csv() -> None:
    assert [csv_cell(value) for value in (-0.25, 3, None, "Ada")] == [
        "-0.25",
        "3",
        "",
        "Ada",
    ]


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a:b*c?", "a_b_c_"),
        ("nul", "_nul"),
        ("COM1.x", "_COM1.x"),
        ("...", "_"),
        ("", "_"),
        ("a\x1b[0m", "a_[0m"),
        ("张伟", "张伟"),
    ],
)
def test_file_names_are_safe_everywhere(text: str, stem: str) -> None:
    assert file_stem(text) == stem


@pytest.mark.parametrize(
    ("encoding", "stem"), [("ascii", "Zo_ __"), ("iso8859-1", "Zoë __"), ("utf-8", "Zoë 张伟")]
)
def test_file_names_have_only_letters_that_the_locale_has(
    encoding: str, stem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: encoding)
    assert file_stem("Zoë 张伟") == stem


@given(st.text(st.characters(), max_size=400))
def test_file_names_of_any_text_are_short_single_parts(text: str) -> None:
    stem = file_stem(text)
    assert 0 < len(stem.encode()) <= 81
    assert "/" not in stem
    assert "\\" not in stem
    assert stem not in (".", "..")
