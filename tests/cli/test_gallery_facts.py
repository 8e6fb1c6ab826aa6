"""`facekit gallery not-same`, `not-subject`, `ignore`, `facts` and `take-back`: what was said holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import Run
from fakes import FakeOptions, photo

import facekit


@pytest.fixture
def place(run: Run, tmp_path: Path) -> Path:
    """red and blue are enrolled, and pink, whose photos show red; on the photos are strangers: green,
    and one like blue."""
    for name, color in (("red", "red"), ("pink", "red"), ("blue", "blue")):
        for seed in (1, 2):
            photo(Path("people") / name / f"{name}{seed}.png", color, seed=seed + 10 * len(name))
    assert run("enroll", "people", "-g", "g.db").exit_code == 0
    photo(Path("in/party.png"), "blue", "green", seed=50, lookalike="blue")
    photo(Path("in/again.png"), "green", seed=51)
    return tmp_path


def results(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return found


def names(run: Run, *arguments: str) -> list[str | None]:
    found = results(run("identify", *arguments, "-g", "g.db", "-f", "json"))
    return [face["subject"] for item in found for face in item["faces"]]


def duplicates(run: Run) -> list[str]:
    found = results(run("gallery", "check", "--people", "-g", "g.db", "-f", "json"))
    return [item["kind"] for item in found]


@pytest.mark.usefixtures("place")
def test_two_who_are_not_the_same_are_not_proposed_nor_merged(run: Run) -> None:
    assert duplicates(run) == ["duplicate"]
    planned = run("gallery", "not-same", "red", "pink", "-g", "g.db", "--dry-run")
    assert "pink and red are not the same" in planned.stdout
    assert "1 fact would be recorded" in planned.stderr
    assert duplicates(run) == ["duplicate"]
    [fact] = results(run("gallery", "not-same", "red", "pink", "-g", "g.db", "-f", "json"))
    assert (fact["kind"], fact["subject"], fact["other"], fact["status"]) == (
        *("not_same", "pink", "red"),
        "recorded",
    )
    # No photo of one of them is held to be the other's either.
    assert duplicates(run) == []
    again = run("gallery", "not-same", "pink", "red", "-g", "g.db")
    assert "1 fact already there" in again.stderr
    merged = run("gallery", "merge", "red", "pink", "-g", "g.db")
    assert merged.exit_code == 1
    assert f"facekit gallery take-back {fact['fact']} --gallery g.db" in merged.stderr
    assert run("gallery", "take-back", str(fact["fact"]), "-g", "g.db").exit_code == 0
    assert duplicates(run) == ["duplicate"]
    assert run("gallery", "merge", "red", "pink", "-g", "g.db").exit_code == 0


@pytest.mark.usefixtures("place")
def test_a_face_that_is_not_the_person_never_has_the_name(run: Run) -> None:
    photo(Path("in/alike.png"), "blue", seed=60, lookalike="blue")
    assert names(run, "in/alike.png") == ["blue"]
    [fact] = results(
        run("gallery", "not-subject", "in/alike.png", "--subject", "blue", "-g", "g.db", "-f", "json")
    )
    assert (fact["kind"], fact["subject"], fact["source"]) == ("not_subject", "blue", "alike.png")
    assert names(run, "in/alike.png") == [None]
    [face] = results(run("identify", "in/alike.png", "-g", "g.db", "-f", "json"))[0]["faces"]
    assert (face["reason"], face["contenders"]) == ("denied", ["blue"])
    assert face["candidates"][0]["denied"]
    assert "unknown (not blue, as was said)" in run("identify", "in/alike.png", "-g", "g.db").stdout
    shown = run("identify", "in/alike.png", "--verbose", "-g", "g.db").stdout
    assert "like blue, who it is not, as was said" in shown
    found = run("find", "blue", "in/alike.png", "-g", "g.db", "-f", "json")
    assert json.loads(found.stdout)["results"] == []
    groups = results(run("cluster", "in/alike.png", "people/blue", "-g", "g.db", "-f", "json"))
    assert [(group["subject"], len(group["faces"])) for group in groups] == [("blue", 2), (None, 1)]
    assert run("gallery", "take-back", str(fact["fact"]), "-g", "g.db").exit_code == 0
    assert names(run, "in/alike.png") == ["blue"]


@pytest.mark.usefixtures("place")
def test_a_folder_does_not_enroll_what_was_said_not_to_be_the_person(run: Run) -> None:
    photo(Path("people/blue/alike.png"), "blue", seed=60, lookalike="blue")
    run("gallery", "not-subject", "people/blue/alike.png", "--subject", "blue", "-g", "g.db")
    refused = run("enroll", "people", "-g", "g.db", "-f", "json")
    [outcome] = [item for item in json.loads(refused.stdout)["results"] if item["status"] == "refused"]
    assert "said not to be this person's (--again takes it)" in outcome["problems"][0]
    shown = run("enroll", "--subject", "blue", "--face", "1", "people/blue/alike.png", "-g", "g.db")
    assert shown.exit_code == 0, shown.output
    assert facekit.gallery_facts("g.db") == []


@pytest.mark.usefixtures("place")
def test_of_several_faces_it_is_the_one_that_is_taken_for_the_person_or_is_shown(run: Run) -> None:
    [fact] = results(
        run("gallery", "not-subject", "in/party.png", "--subject", "blue", "-g", "g.db", "-f", "json")
    )
    assert names(run, "in/party.png") == [None, None]
    photo(Path("in/other.png"), "yellow", "green", seed=70)
    unclear = run("gallery", "not-subject", "in/other.png", "--subject", "blue", "-g", "g.db")
    assert unclear.exit_code == 2
    assert "2 faces, and none is taken for blue: say which face it is with --face NUMBER" in unclear.stderr
    [second] = results(
        run(
            "gallery",
            "not-subject",
            "in/other.png",
            "--face",
            "2",
            "--subject",
            "blue",
            "-g",
            "g.db",
            "-f",
            "json",
        )
    )
    x0, y0, x1, y1 = second["box"]
    box = f"{x0},{y0},{x1 - x0},{y1 - y0}"
    same = run("gallery", "not-subject", "in/other.png", "--box", box, "--subject", "blue", "-g", "g.db")
    assert "1 fact already there" in same.stderr
    assert [item["fact"] for item in results(run("gallery", "facts", "-g", "g.db", "-f", "json"))] == [
        fact["fact"],
        second["fact"],
    ]


@pytest.mark.usefixtures("place")
def test_who_is_ignored_is_not_proposed_again_and_counted(run: Run) -> None:
    for seed in (80, 81):
        photo(Path(f"in/more{seed}.png"), "green", seed=seed)
    groups = results(run("cluster", "in", "-g", "g.db", "-f", "json"))
    assert [len(group["faces"]) for group in groups] == [4, 1, 0]
    [fact] = results(run("gallery", "ignore", "in/party.png", "-g", "g.db", "-f", "json"))
    assert (fact["kind"], fact["source"]) == ("ignored", "party.png")
    after = run("cluster", "in", "-g", "g.db")
    assert "4 faces left out, which you had ignored" in after.stderr
    assert "5 faces in 4 pictures" in after.stderr
    groups = results(run("cluster", "in", "-g", "g.db", "-f", "json"))
    assert [group["subject"] for group in groups] == ["blue", None]
    nothing = run("cluster", "in/again.png", "-g", "g.db")
    assert "1 face left out" in nothing.stderr
    assert "no face" not in nothing.stdout
    known = run("gallery", "ignore", "people/blue/blue1.png", "-g", "g.db")
    assert known.exit_code == 2
    assert "everybody in it is known: say which face it is with --face NUMBER" in known.stderr


@pytest.mark.usefixtures("place")
def test_whoever_is_named_is_not_ignored(run: Run) -> None:
    photo(Path("in/blue80.png"), "blue", seed=80, lookalike="blue")
    for pointed in (("--face", "1"), ("--box", "20,20,60,60")):
        for dry_run in ((), ("--dry-run",)):
            refused = run("gallery", "ignore", "in/blue80.png", *pointed, *dry_run, "-g", "g.db")
            assert refused.exit_code == 2, refused.output
            assert "1 face is taken for blue: whoever is enrolled is named, and not ignored" in refused.stderr
    assert facekit.gallery_facts("g.db") == []
    # A face that is not blue's has no name.
    assert run("gallery", "not-subject", "in/blue80.png", "--subject", "blue", "-g", "g.db").exit_code == 0
    assert run("gallery", "ignore", "in/blue80.png", "--face", "1", "-g", "g.db").exit_code == 0


@pytest.mark.usefixtures("place")
def test_a_doubt_that_was_refused_does_not_come_back(run: Run) -> None:
    photo(Path("people/blue/wrong.png"), "yellow", seed=90)
    run("enroll", "people", "-g", "g.db")
    run("gallery", "not-same", "red", "pink", "-g", "g.db")
    assert duplicates(run) == ["stray"]
    [fact] = results(run("gallery", "ignore", "wrong.png", "-g", "g.db", "-f", "json"))
    assert fact["source"] == "wrong.png"
    assert duplicates(run) == []


@pytest.mark.usefixtures("place")
def test_what_was_taken_back_does_not_come_in_with_an_old_export(run: Run) -> None:
    run("gallery", "ignore", "in/party.png", "--face", "2", "-g", "g.db")
    run("gallery", "export", "old.jsonl", "-g", "g.db")
    run("gallery", "take-back", str(facekit.gallery_facts("g.db")[0].id), "-g", "g.db")
    told = run("gallery", "import", "old.jsonl", "-g", "g.db").stderr
    assert "1 fact left out: about people who are not here, erased or taken back earlier (--again" in told
    assert facekit.gallery_facts("g.db") == []
    assert "left out" not in run("gallery", "import", "old.jsonl", "-g", "g.db", "--again").stderr
    assert len(facekit.gallery_facts("g.db")) == 1


@pytest.mark.usefixtures("place")
def test_a_photo_that_is_held_to_be_another_persons_is_not_any_more(run: Run) -> None:
    photo(Path("people/blue/wrong.png"), "red", seed=91, lookalike="red")
    run("enroll", "people", "-g", "g.db")
    run("gallery", "not-same", "red", "pink", "-g", "g.db")
    assert duplicates(run) == ["mislabeled"]
    for name in ("red", "pink"):
        assert run("gallery", "not-subject", "wrong.png", "--subject", name, "-g", "g.db").exit_code == 0
    assert duplicates(run) == ["stray"]
    own = run("gallery", "not-subject", "wrong.png", "--subject", "blue", "-g", "g.db")
    assert own.exit_code == 1
    assert "what is stored of it is of blue" in own.stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("not-same", "red"), 2, "two people or more"),
        (("not-same", "red", "nobody"), 1, "'nobody' is not in the gallery"),
        (("not-same", "red", "nobody", "--dry-run"), 1, "'nobody' is not in the gallery"),
        (("not-subject", "in/party.png", "--subject", "nobody", "--face", "1"), 1, "'nobody' is not in"),
        (("not-subject", "nothing.png", "--subject", "red"), 1, "nothing.png: no such file, and nobody"),
        (("ignore", "in/party.png", "--face", "9"), 1, "2 faces, and so no face 9"),
        (("ignore", "in/party.png", "in/again.png", "--face", "1"), 2, "is for a face of one picture"),
        (("ignore", "in/party.png", "--face", "1", "--box", "1,2,3,4"), 2, "give one of them"),
        (("ignore", "in/none.png"), 1, "no face"),
        (("ignore", "in/bad.png"), 1, "bad.png"),
        (("take-back", "77"), 1, "there is no fact 77: facekit gallery facts"),
        (("take-back", "77", "--dry-run"), 1, "there is no fact 77: facekit gallery facts"),
    ],
)
def test_what_cannot_be_said_is_told_in_a_line_and_nothing_is_recorded(
    run: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    photo(Path("in/none.png"))
    Path("in/bad.png").write_bytes(b"bad")
    before = Path("g.db").read_bytes()
    result = run("gallery", *arguments, "-g", "g.db")
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert facekit.gallery_facts("g.db") == []
    assert Path("g.db").read_bytes() == before


@pytest.mark.usefixtures("place")
def test_python_takes_pictures_that_are_in_memory(run: Run) -> None:
    content = Path("in/party.png").read_bytes()
    with facekit.open_gallery("g.db", write=True) as gallery:
        [fact] = facekit.gallery_not_subject(
            facekit.NamedPicture("upload.png", content),
            subject="blue",
            face=1,
            gallery=gallery,
            options=FakeOptions(),
        )
        assert (fact.source, fact.status) == ("upload.png", "recorded")
        [result] = facekit.identify(content, gallery, options=FakeOptions())
        assert [face.reason for face in result.faces] == ["denied", "below_threshold"]
        assert fact.id is not None
        [taken] = facekit.gallery_take_back(fact.id, gallery=gallery)
        assert taken.status == "taken back"


@pytest.mark.usefixtures("place")
def test_a_group_is_ignored_by_its_number(run: Run) -> None:
    Path("groups.json").write_text(run("cluster", "in", "-g", "g.db", "-f", "json").stdout)
    first = json.loads(Path("groups.json").read_text())["results"][0]
    assert first["subject"] is None
    planned = run(
        "gallery", "ignore", "groups.json", "--group", str(first["group"]), "-g", "g.db", "--dry-run"
    )
    assert planned.exit_code == 0, planned.output
    assert facekit.gallery_facts("g.db") == []
    facts = results(run("gallery", "ignore", "groups.json", "--group", "1", "-g", "g.db", "-f", "json"))
    assert {fact["kind"] for fact in facts} == {"ignored"}
    # All faces of a color are alike here, and are one fact.
    assert [fact["status"] for fact in facts] == ["recorded", "already there"]
    assert "2 faces left out" in run("cluster", "in", "-g", "g.db").stderr
    for arguments, message in (
        (("groups.json", "--group", "9"), "has no group 9"),
        (("in/party.png", "--group", "1"), "in/party.png"),
        (("groups.json", "--group", "1", "--face", "1"), "a group has all of its faces"),
        (("groups.json", "in/party.png", "--group", "1"), "groups of one file"),
    ):
        refused = run("gallery", "ignore", *arguments, "-g", "g.db")
        assert refused.exit_code == 2, refused.output
        assert message in refused.stderr
    Path(first["faces"][0]["source"]).unlink()
    gone = run("gallery", "ignore", "groups.json", "--group", "1", "-g", "g.db")
    assert gone.exit_code == 1
    assert Path(first["faces"][0]["source"]).name in gone.stderr
