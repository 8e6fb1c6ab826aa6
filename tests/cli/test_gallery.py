"""`facekit gallery`: list, show, remove, rename, merge, export, import, check."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import photo

from facekit.text.tables import width

pytestmark = pytest.mark.usefixtures("people")


def names(run: Run, *more: str | Path) -> list[str]:
    lines = run("gallery", "list", "--format", "jsonl", *more).stdout.splitlines()
    return [json.loads(line)["subject"] for line in lines]


def test_list_shows_who_is_enrolled(run: Run) -> None:
    result = run("gallery", "list")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["subject", "templates"],
        ["blue", "2"],
        ["green", "2"],
        ["red", "2"],
    ]
    assert run("gallery", "list", "-f", "csv").stdout.splitlines()[0] == "subject,templates,added"


def test_show_tells_the_pictures_but_no_vector(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.settings.on_terminal", lambda: True)
    result = run("gallery", "show", "red", "-f", "jsonl")
    first = json.loads(result.stdout.splitlines()[0])
    assert (first["subject"], first["source"], first["box"]) == ("red", "1.png", [10.0, 20.0, 60.0, 70.0])
    assert "vector" not in first
    assert all(width(line) <= 80 for line in run("gallery", "show", "red").stdout.splitlines())


def test_show_of_nobody_is_an_error(run: Run) -> None:
    result = run("gallery", "show", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.stderr


def test_who_is_not_there_is_not_renamed_and_nobody_merges_with_themselves(run: Run, people: Path) -> None:
    gone = run("gallery", "rename", "nobody", "nobody")
    assert (gone.exit_code, "'nobody' is not in the gallery" in gone.stderr) == (1, True)
    assert run("gallery", "merge", "red", "red").exit_code == 2
    assert run("gallery", "rename", "red", "red").exit_code == 0


def test_a_name_that_looks_like_another_is_told(run: Run, people: Path, tmp_path: Path) -> None:
    assert "the name 'Green' looks like 'green'" in run("gallery", "rename", "red", "Green").stderr
    photo(tmp_path / "x.png", "black")
    told = run("enroll", "--subject", "BLUE ", "x.png")
    assert told.exit_code == 0
    assert "the name 'BLUE' looks like 'blue'" in told.stderr
    assert "BLUE " not in [line.split("  ")[0] for line in run("gallery", "list").stdout.splitlines()]


def test_a_removed_person_is_gone_from_every_file(run: Run, people: Path) -> None:
    photo(people / "Zebedee Quux" / "1.png", "cyan")
    run("enroll", "gallery")
    assert run("gallery", "remove", "Zebedee Quux").exit_code == 0
    assert names(run) == ["blue", "green", "red"]
    for path in people.glob("gallery.db*"):
        assert b"Zebedee" not in path.read_bytes()


def test_remove_takes_all_or_none(run: Run) -> None:
    assert run("gallery", "remove", "red", "nobody").exit_code == 1
    assert names(run) == ["blue", "green", "red"]


def test_rename_and_merge(run: Run) -> None:
    assert run("gallery", "rename", "red", "Ruth").exit_code == 0
    assert names(run) == ["Ruth", "blue", "green"]
    assert run("gallery", "rename", "blue", "green").exit_code == 1
    assert run("gallery", "merge", "Ruth", "blue", "green").exit_code == 0
    assert names(run) == ["Ruth"]


@pytest.mark.parametrize("suffix", [".npz", ".jsonl"])
def test_an_export_can_be_imported_elsewhere(run: Run, suffix: str) -> None:
    assert run("gallery", "export", f"all{suffix}").exit_code == 0
    first = run("gallery", "import", f"all{suffix}", "--gallery", "new/copy.db")
    assert (first.exit_code, "6 templates in the new gallery" in first.stderr) == (0, True)
    again = run("gallery", "import", f"all{suffix}", "--gallery", "new/copy.db")
    assert "no template added to new/copy.db, 6 already there" in again.stderr
    assert names(run, "--gallery", "new/copy.db") == ["blue", "green", "red"]


@pytest.mark.parametrize("there", [False, True])
def test_names_of_an_import_that_look_alike_are_told(run: Run, there: bool) -> None:
    lines = run("gallery", "export", "-").stdout.splitlines()
    if there:
        assert run("gallery", "import", "-", "-g", "new.db", stdin="\n".join(lines).encode()).exit_code == 0
    last = json.loads(lines.pop())
    lines.append(json.dumps({**last, "subject": last["subject"].upper(), "sha256": "ab" * 32}))
    result = run("gallery", "import", "-", "-g", "new.db", stdin="\n".join(lines).encode())
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("looks like") == 1


def test_what_is_left_out_of_a_new_gallery_is_counted(run: Run, tmp_path: Path) -> None:
    first, one, other, *rest = map(json.loads, run("gallery", "export", "-").stdout.splitlines())
    rest = [{**other, "subject": "somebody else"}, one, *rest[1:]]
    lines = "\n".join(json.dumps(each) for each in (first, one, other, *rest[:4]))
    result = run("gallery", "import", "-", "--gallery", "new.db", stdin=lines.encode())
    assert result.exit_code == 0, result.stderr
    assert "4 templates in the new gallery new.db" in result.stderr
    assert "2 left out: the same face of the same picture is in the file twice" in result.stderr


def test_an_export_to_standard_output_is_json_lines(run: Run) -> None:
    lines = run("gallery", "export", "-").stdout.splitlines()
    assert len(lines) == 7
    assert np.linalg.norm(json.loads(lines[1])["vector"]) == pytest.approx(1)


def test_an_export_comes_in_through_standard_input(run: Run, tmp_path: Path) -> None:
    lines = run("gallery", "export", "-").stdout
    result = run("gallery", "import", "-", "--gallery", tmp_path / "new.db", stdin=lines.encode())
    assert result.exit_code == 0, result.stderr
    assert names(run, "--gallery", tmp_path / "new.db") == ["blue", "green", "red"]


def test_a_failed_import_makes_no_gallery(run: Run, tmp_path: Path) -> None:
    first, *rest = run("gallery", "export", "-").stdout.splitlines()
    for lines in ([first, *rest[:-1]], [first, *rest[:-1], rest[-1].replace("red", "r" * 301)]):
        result = run(
            "gallery", "import", "-", "--gallery", tmp_path / "new.db", stdin="\n".join(lines).encode()
        )
        assert result.exit_code == 1
        assert "standard input" in result.stderr
        assert not list(tmp_path.glob("*new.db*"))


def test_a_copy_is_a_gallery_and_overwrites_nothing(run: Run, people: Path, tmp_path: Path) -> None:
    result = run("gallery", "copy", people, tmp_path / "copy.db")
    assert "3 people with 6 templates copied" in result.stderr
    assert re.search(
        r"each of 6 templates fits its checksum, .* digest is the original's, [0-9a-f]{32}\n", result.stderr
    )
    assert names(run, "--gallery", tmp_path / "copy.db") == names(run)
    again = run("gallery", "copy", people, tmp_path / "copy.db")
    assert (again.exit_code, "not overwritten" in again.stderr) == (1, True)


def test_an_erasure_that_has_to_wait_is_a_note(
    run: Run, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facekit.gallery import open_gallery
    from facekit.gallery.sqlite import erasure

    monkeypatch.setattr(erasure, "WAIT", 0.0)
    with open_gallery(people / "gallery.db") as reader, reader.snapshot():
        reader.subjects()
        result = run("gallery", "remove", "red")
    assert result.exit_code == 0
    assert "still hold bytes" in result.stderr
    assert names(run) == ["blue", "green"]


def test_check_finds_nothing_in_a_whole_gallery_and_something_in_a_damaged_one(
    run: Run, people: Path
) -> None:
    whole = run("gallery", "check")
    assert (whole.exit_code, whole.stdout) == (0, "gallery/gallery.db: no damage found\n")
    data = bytearray((people / "gallery.db").read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    (people / "gallery.db").write_bytes(data)
    damaged = run("gallery", "check")
    assert damaged.exit_code == 1
    assert damaged.stderr.startswith("facekit: ")
    assert run("gallery", "check", "--gallery", "missing.db").exit_code == 1


def test_a_damaged_gallery_is_never_overwritten(run: Run, people: Path) -> None:
    (people / "gallery.db").write_bytes(b"not a gallery at all" * 100)
    photo(people / "cyan" / "1.png", "cyan")
    assert run("enroll", "gallery").exit_code == 1
    assert run("identify", "gallery").exit_code == 1
    assert (people / "gallery.db").read_bytes() == b"not a gallery at all" * 100


def test_the_shipped_gallery_is_read_only_whatever_it_is_called(
    run: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "reference.db"
    run("gallery", "export", "all.npz")
    run("gallery", "import", "all.npz", "--gallery", shipped)
    monkeypatch.setattr("facekit.settings.reference_gallery", lambda: shipped)
    (people / "gallery.db").rename(tmp_path / "away.db")
    result = run("gallery", "list")
    assert (result.exit_code, "using the shipped one" in result.stderr) == (0, True)
    before = shipped.read_bytes()
    changes = [
        ("gallery", "remove", "red"),
        ("gallery", "import", "all.npz"),
        ("enroll", "gallery"),
        ("calibrate", "--fpir", "0.5"),
    ]
    for path in (shipped, "reference.db", "gallery/../reference.db"):
        assert run("identify", "gallery/red", "--gallery", path).exit_code == 0
        for change in changes:
            result = run(*change, "--gallery", path)
            assert (result.exit_code, "is the shipped gallery" in result.stderr) == (1, True), change
    assert run("gallery", "remove", "red").exit_code == 1
    assert shipped.read_bytes() == before


class TestPhotos:
    """`gallery remove --photo`."""

    def sources(self, run: Run, name: str) -> list[str]:
        lines = run("gallery", "show", name, "-f", "jsonl").stdout.splitlines()
        return [json.loads(line)["source"] for line in lines]

    def test_only_the_picture_goes(self, run: Run) -> None:
        result = run("gallery", "remove", "red", "--photo", "1.png")
        assert result.exit_code == 0
        assert (self.sources(run, "red"), names(run)) == (["2.png"], ["blue", "green", "red"])
        assert run("gallery", "check").exit_code == 0

    def test_by_the_start_of_its_digest(self, run: Run) -> None:
        [first, _] = run("gallery", "show", "red", "-f", "jsonl").stdout.splitlines()
        assert run("gallery", "remove", "red", "--photo", json.loads(first)["sha256"][:10]).exit_code == 0
        assert self.sources(run, "red") == ["2.png"]

    def test_what_may_be_a_copy_of_it_is_told(self, run: Run, tmp_path: Path) -> None:
        photo(tmp_path / "like.png", "red", lookalike="red")
        run("enroll", "like.png", "--subject", "red", "-g", "gallery")
        result = run("gallery", "remove", "red", "--photo", "1.png", "-g", "gallery", "--dry-run")
        told = [line for line in result.stderr.splitlines() if "as like it as a copy, and stays" in line]
        assert len(told) == 1
        assert "2.png is" in told[0]
        assert "facekit gallery remove --photo 2.png red --gallery gallery" in told[0]

    def test_with_the_last_one_goes_the_person(self, run: Run) -> None:
        result = run("gallery", "remove", "red", "--photo", "1.png", "--photo", "2.png")
        assert "red had no other and is gone" in result.stderr
        assert names(run) == ["blue", "green"]
        assert run("gallery", "check").exit_code == 0

    def test_facts_that_went_with_the_person_are_told(self, run: Run) -> None:
        run("gallery", "not-same", "red", "green", "-g", "gallery")
        run("gallery", "not-same", "red", "blue", "-g", "gallery")
        told = run("gallery", "remove", "red", "-g", "gallery").stderr
        assert "removed 1 person with 2 templates and 2 facts, which said something of them" in told
        assert "metadata stay there; facekit identify FOLDER --xmp --erase red " in told
        assert "fact" not in run("gallery", "remove", "green", "-g", "gallery").stderr

    def test_who_sits_at_a_terminal_is_asked_first(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        run("gallery", "remove", "blue", "--yes")
        monkeypatch.setattr("facekit.cli.gallery._somebody_answers", lambda: True)
        for photos, what in (([], "red with 2 templates"), (["--photo", "1.png"], "1 picture of red")):
            result = run("gallery", "remove", "red", *photos, stdin=b"n\n")
            assert f"Remove {what} for good? [y/N]" in result.stderr
            assert "nothing was removed" in result.stderr
            assert names(run) == ["green", "red"]
        assert "Remove" not in run("gallery", "remove", "nobody", stdin=b"").stderr
        assert run("gallery", "remove", "red", stdin=b"y\n").exit_code == 0
        assert run("gallery", "remove", "green", "--yes").exit_code == 0
        assert names(run) == []

    def test_all_or_none(self, run: Run) -> None:
        result = run("gallery", "remove", "red", "--photo", "1.png", "--photo", "nonsense.png")
        assert (result.exit_code, self.sources(run, "red")) == (1, ["1.png", "2.png"])
        assert "'red' has no template of 'nonsense.png'" in result.stderr

    def test_a_name_that_two_pictures_have_is_refused(self, run: Run, people: Path) -> None:
        photo(people.parent / "more" / "red" / "1.png", "red", seed=7)
        assert run("enroll", "more", "--gallery", "gallery/gallery.db").exit_code == 0
        result = run("gallery", "remove", "red", "--photo", "1.png")
        assert (result.exit_code, len(self.sources(run, "red"))) == (1, 3)
        assert "SHA-256" in result.stderr

    def test_of_one_person_only(self, run: Run) -> None:
        assert run("gallery", "remove", "red", "blue", "--photo", "1.png").exit_code == 2


class TestPeople:
    """`gallery check --people`."""

    def test_people_under_their_names(self, run: Run) -> None:
        result = run("gallery", "check", "--people")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "no doubt about 6 templates of 3 people" in result.stderr

    @pytest.mark.parametrize("name", ["it's me; rm -rf ~", "-x", "a\x1b[2J", "\u202eab\x86"])
    def test_the_command_is_real_and_settles_the_doubt(
        self, run: Run, people: Path, tmp_path: Path, name: str
    ) -> None:
        photo(tmp_path / "more" / name / "3.png", "red", seed=3)
        run("enroll", "more", "--gallery", "gallery/gallery.db")
        line = json.loads(run("gallery", "check", "--people", "-f", "jsonl").stdout)
        assert (line["kind"], line["subject"], line["other"]) == ("duplicate", "red", name)
        for style in ("table", "csv", "jsonl"):
            assert not set("\x1b\u202e\x85") & set(run("gallery", "check", "--people", "-f", style).output)
        # A shell takes the command apart into the very names.
        shown = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {line['command']}"], capture_output=True, check=True, env=UTF8
        )
        words = shown.stdout.decode().split("\0")[:-1]
        assert words[0] == "facekit"
        assert run(*words[1:]).exit_code == 0
        assert names(run) == ["blue", "green", "red"]
        assert run("gallery", "check", "--people").stdout == ""

    def test_a_wrong_name_and_its_command(self, run: Run, people: Path, tmp_path: Path) -> None:
        photo(tmp_path / "blue one.png", "blue", seed=5)
        run("enroll", "--subject", "red", "blue one.png", "--gallery", "gallery/gallery.db")
        photo(tmp_path / "more" / "blue one.png", "green", seed=6)  # another picture of the same name
        run("enroll", "--subject", "green", "more/blue one.png", "--gallery", "gallery/gallery.db")
        result = run("gallery", "check", "--people", "-g", "gallery/gallery.db")
        sentence, command = result.stdout.splitlines()
        assert sentence.startswith(
            "blue one.png of red is more like blue than like its own (mean scores 1.00"
        )
        assert command == (
            "    facekit gallery move --gallery gallery/gallery.db --from red --to blue 'blue one.png'"
        )
        before = run("gallery", "show", "blue", "-g", "gallery").stdout.count(".png")
        moved = run(*shlex.split(command)[1:])
        assert moved.exit_code == 0, moved.output
        assert run("gallery", "show", "blue", "-g", "gallery").stdout.count(".png") == before + 1
        assert run("gallery", "check", "--people", "-g", "gallery/gallery.db").stdout == ""

    def test_a_damaged_gallery_is_not_looked_at(self, run: Run, people: Path) -> None:
        (people / "gallery.db").write_bytes(b"rubbish" * 100)
        result = run("gallery", "check", "--people")
        assert (result.exit_code, result.stdout) == (1, "")


UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}


def test_messages_have_names_as_they_are_stored(run: Run, people: Path) -> None:
    renamed = run("gallery", "rename", " red", "Ann  Lee ").stderr
    assert renamed.splitlines()[-1] == "facekit: red is now Ann Lee"
    assert "facekit identify FOLDER --xmp --replace writes them anew" in renamed
    merged = run("gallery", "merge", " Ann  Lee", "green ").stderr
    assert merged.splitlines()[-1] == "facekit: Ann Lee has 2 more templates"
    shown = json.loads(run("gallery", "show", "blue", "-f", "jsonl").stdout.splitlines()[0])
    one = run("gallery", "remove", "blue ", " blue", "--photo", shown["sha256"][:12])
    assert "facekit: removed 1 picture of blue\n" in one.stderr
    assert "removed 1 person with 4 templates" in run("gallery", "remove", "Ann Lee", "Ann  Lee ").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "Josee"),
        ("not-same", "red", "JOSE"),
        ("remove", "Jose"),
        ("remove", "Jose", "--photo", "j.png"),
        ("rename", "Jose", "Joe"),
        ("merge", "red", "Jose"),
        ("merge", "Jose", "red"),
        ("not-subject", "j.png", "--subject", "Jose"),
    ],
)
def test_a_mistyped_name_is_told_whose_it_may_be(
    run: Run, people: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    photo(tmp_path / "j.png", "black")
    assert run("enroll", "--subject", "José", "j.png", "-g", "gallery").exit_code == 0
    told = run("gallery", *arguments, "-g", "gallery")
    assert told.exit_code == 1
    assert "is not in the gallery: did you mean 'José'? facekit gallery list" in told.stderr
