"""Sentences with numbers in them: what is not there is not counted."""

from facekit.text.counting import counted, listed, part_of


def test_one_several_and_none() -> None:
    assert [counted(count, "face") for count in (0, 1, 2)] == ["no face", "1 face", "2 faces"]
    assert [counted(count, "person", "people") for count in (0, 1, 2)] == [
        "no person",
        "1 person",
        "2 people",
    ]


def test_a_part_of_nothing_is_not_told() -> None:
    told = [part_of(count, total, "face", "named") for count, total in ((0, 0), (0, 2), (1, 2))]
    assert told == ["no face", "2 faces, none of them named", "2 faces, 1 of them named"]


def test_what_did_not_happen_is_left_out() -> None:
    assert listed("2 enrolled", (0, "already there"), (3, "refused")) == "2 enrolled, 3 refused"
    assert listed("nothing enrolled", (0, "refused")) == "nothing enrolled"
