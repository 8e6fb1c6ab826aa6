"""`facekit cluster --review` and `facekit enroll --groups`: whoever looks at the groups names them, and what
was said is not asked again."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browsers import IN_BROWSER, chromium
from conftest import Run
from fakes import photo

import facekit
from facekit.rendering import review_page


@pytest.fixture
def album(run: Run, tmp_path: Path) -> Path:
    """Photos of red, green and blue, together and alone, of one who is like red, and of a stranger."""
    shown = [("red", "green"), ("red",), ("green", "blue"), ("blue", "red"), ("green",), ("cyan",)]
    for number, colors in enumerate(shown):
        photo(tmp_path / "album" / f"{number}.png", *colors, seed=number, lookalike=None if number else "red")
    return tmp_path / "album"


@pytest.fixture
def groups(run: Run, album: Path) -> dict[str, Any]:
    """What the page was made of, by the color: the group's number, and its pictures."""
    return grouped(run)


def grouped(run: Run) -> dict[str, Any]:
    result = run("cluster", "album", "--review", "groups.html", "-f", "json", "-g", "g.db")
    if "no gallery" in result.stderr:
        result = run("cluster", "album", "--review", "groups.html", "-f", "json")
    assert result.exit_code == 0, result.output
    Path("groups.json").write_text(result.stdout)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def table(*rows: tuple[object, ...], header: str = "group,number,source,face,verdict,name") -> None:
    with Path("names.csv").open("w", newline="") as file:
        file.write(f"{header}\n")
        csv.writer(file).writerows(rows)


def enroll(run: Run, *more: str) -> Any:
    return run("enroll", "--groups", "groups.json", "names.csv", "-g", "g.db", *more)


def photos_of(name: str) -> set[str]:
    with facekit.open_gallery("g.db") as gallery:
        return {info.file_name for info in gallery.templates(name)} if name in gallery.names() else set()


class Page(HTMLParser):
    """The page without its tags, and how many of each there are."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(Path("groups.html").read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


@pytest.mark.usefixtures("groups")
def test_the_page_has_every_face_and_asks_nobody_for_anything() -> None:
    page = Page()
    assert page.tags.count("img") == 9
    assert page.tags.count("section") == 4
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    text = Path("groups.html").read_text()
    assert "http" not in re.sub(r"http-equiv|data:[^\"]+", "", text)
    assert "default-src 'none'" in text
    assert Path("groups.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("groups")
def test_rows_without_a_name_are_passed_over_and_counted(run: Run) -> None:
    results = json.loads(Path("groups.json").read_text())["results"]
    first, second = results[:2]
    table(
        *((first["group"], "", "Ann"), (first["group"], 1, " "), (second["group"], "", "")),
        header="group,number,name",
    )
    result = enroll(run)
    assert result.exit_code == 0, result.output
    assert "names.csv: 2 rows without a name passed over" in result.stderr
    assert photos_of("Ann") == {Path(face["source"]).name for face in first["faces"][1:]}


@pytest.mark.usefixtures("groups")
def test_whole_groups_are_named_in_a_table_that_somebody_wrote(run: Run) -> None:
    first = json.loads(Path("groups.json").read_text())["results"][0]
    table((first["group"], '=Ann\'s "1"'), header="group,name")
    result = enroll(run, "-f", "json")
    assert result.exit_code == 0, result.output
    assert photos_of('=Ann\'s "1"') == {Path(face["source"]).name for face in first["faces"]}
    again = enroll(run, "-f", "json")
    assert {item["status"] for item in json.loads(again.stdout)["results"]} == {"already there"}


@pytest.mark.usefixtures("groups")
def test_what_was_said_is_not_asked_again(run: Run) -> None:
    found = json.loads(Path("groups.json").read_text())["results"]
    one, two, three, single = found
    table(
        (one["group"], "", "", "", "named", "Ann"),
        (two["group"], "", "", "", "ignored", ""),
        (three["group"], "", "", "", "named", "Cem"),
        ("", 1, "", "", "named", "Eve"),
    )
    result = enroll(run)
    assert result.exit_code == 0, result.output
    assert "recorded as to be ignored" in result.stderr
    assert photos_of("Eve") == {Path(single["faces"][0]["source"]).name}
    assert {fact.kind for fact in facekit.gallery_facts("g.db")} == {"ignored"}
    after = grouped(run)["results"]
    assert {group["subject"]: len(group["faces"]) for group in after if group["group"]} == {
        "Ann": len(one["faces"]),
        "Cem": len(three["faces"]),
        "Eve": 1,
    }
    assert [len(group["faces"]) for group in after if group["group"] is None] == [0]


@pytest.mark.usefixtures("groups")
def test_a_face_that_does_not_belong_to_a_group_never_gets_its_name(run: Run) -> None:
    table((1, 1, "", "", "not_this_group", "Ann"), (1, "", "", "", "named", "Ann"))
    result = enroll(run)
    assert result.exit_code == 0, result.output
    assert "1 face recorded as not of the group's person" in result.stderr
    first, *others = json.loads(Path("groups.json").read_text())["results"][0]["faces"]
    [fact] = facekit.gallery_facts("g.db")
    assert (fact.kind, fact.subject, fact.source) == ("not_subject", "Ann", Path(first["source"]).name)
    assert len(photos_of("Ann")) == len(others)


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([("9", "Ann")], "group,name", "line 2: groups.json has no group '9'"),
        (
            [("1", "9", "Ann")],
            "group,number,name",
            "has another face there: the two files are not of one run",
        ),
        ([("1", "1", "other.png", "Ann")], "group,number,source,name", "not of one run"),
        ([("1", ""), ("2", " ")], "group,name", "says nothing of any group"),
        ([("", "Ann")], "group,name", "names neither a group nor a face"),
        ([("x", "Ann")], "group,name", "group is 'x': give a number"),
        ([("1", "1", "Ann"), ("1", "1", "Ben")], "group,number,name", "line 3: says again what line 2 says"),
        ([("1", "Ann"), ("1", "Ben")], "group,name", "line 3: says again what another line says of group 1"),
        ([("1", "maybe", "Ann")], "group,verdict,name", "verdict is 'maybe'"),
        ([("1", "n" * 301)], "group,name", "at most 300"),
        ([("1", "group-03")], "group,name", "line 2: 'group-03' is how a folder of a group is called"),
        ([("1", " Single ")], "group,name", "nobody's name"),
        ([], "group,name", "says nothing of any group"),
        ([("1",)], "group", "has no column name"),
    ],
)
def test_a_table_that_says_something_else_is_refused_and_enrolls_nobody(
    run: Run, rows: list[tuple[object, ...]], header: str, message: str
) -> None:
    table(*rows, header=header)
    result = enroll(run)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not Path("g.db").exists()


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/a.png", "S3://bucket/a.png", "memory://a.png", "-"])
@pytest.mark.parametrize("command", ["enroll", "ignore"])
def test_no_file_of_groups_makes_facekit_read_from_a_network(
    run: Run, groups: dict[str, Any], source: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr("facekit.pictures.remote.content", read)
    groups["results"][0]["faces"][0]["source"] = source
    Path("groups.json").write_text(json.dumps(groups))
    table((1, "", "", "", "named", "Ann"))
    result = enroll(run) if command == "enroll" else run("gallery", "ignore", "groups.json", "--group", "1")
    assert result.exit_code == 2
    assert f"groups.json: a face of result 1 is of {source}, which is not read because" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", '{"results": 7}', '{"results": [{"group": 1, "faces": [7]}]}', "\0"),
        r'{"results": [{"group": 1, "faces": [{"source": "a\u0000b.jpg", "box": [1, 2, 3, 4]}]}]}',
        r'{"results": [{"group": 1, "faces": [{"source": "\ud800.jpg", "box": [1, 2, 3, 4]}]}]}',
    ],
)
def test_what_is_no_json_of_groups_is_refused(run: Run, album: Path, content: str) -> None:
    Path("groups.json").write_text(content)
    table((1, "Ann"), header="group,name")
    result = enroll(run)
    assert result.exit_code == 2, result.output
    assert "groups.json" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("groups")
def test_the_photos_may_have_changed_meanwhile(run: Run) -> None:
    (face, *_), *_ = (group["faces"] for group in json.loads(Path("groups.json").read_text())["results"])
    table((1, "Ann"), header="group,name")
    photo(Path(face["source"]))
    result = enroll(run, "-f", "json")
    statuses = {item["source"]: item["problems"] for item in json.loads(result.stdout)["results"]}
    assert statuses[face["source"]] == ["no face there"]


def test_the_groups_that_a_page_needs_are_asked_for_where_they_were_not_printed(
    run: Run, album: Path
) -> None:
    words = "--review groups.html --format json > groups.json"
    told = run("cluster", "album", "--review", "groups.html")
    assert words in told.stderr
    assert words not in run("cluster", "album", "--review", "groups.html", "-f", "json").stderr
    assert "groups.json is what the same run printed" in " ".join(Path("groups.html").read_text().split())


def test_a_group_of_somebody_enrolled_is_not_ignored_and_that_is_told(
    run: Run, groups: dict[str, Any]
) -> None:
    [number] = {
        group["group"] for group in groups["results"] if group["group"] and len(group["faces"]) == 3
    } & {1}
    table((number, "Ann"), header="group,name")
    assert enroll(run).exit_code == 0
    words = "3 faces are taken for Ann: whoever is enrolled is named, and not ignored"
    ignored = run("gallery", "ignore", "groups.json", "--group", str(number), "-g", "g.db")
    assert (ignored.exit_code, words in ignored.stderr) == (2, True), ignored.output
    both = run("gallery", "ignore", "groups.json", "--group", "1", "--group", "2", "-g", "g.db")
    assert (both.exit_code, words in both.stderr) == (0, True), both.output
    table((number, "ignored", ""), header="group,verdict,name")
    assert words in enroll(run).stderr
    assert all(fact.kind == "ignored" for fact in facekit.gallery_facts("g.db"))


@pytest.mark.usefixtures("groups")
def test_the_page_is_not_written_over_anything_else(run: Run) -> None:
    Path("notes.html").write_text("mine")
    result = run("cluster", "album", "--review", "notes.html")
    assert result.exit_code == 2
    assert Path("notes.html").read_text() == "mine"
    before = Path("groups.html").read_text()
    assert run("cluster", "album", "--review", "groups.html").exit_code == 0
    assert Path("groups.html").read_text() == before


@pytest.mark.parametrize(("blamed", "file"), [(None, "groups.html"), ("crops/1.png", "crops/1.png")])
def test_a_full_disk_is_told_by_the_file_that_it_stopped(
    run: Run, album: Path, blamed: str | None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", blamed)

    monkeypatch.setattr(review_page, "write_page", full)
    result = run("cluster", "album", "--review", "groups.html")
    assert result.exit_code == 1
    assert (
        result.stderr.splitlines()[-1] == f"facekit: {file}: No space left on device: make room and run again"
    )
    assert not Path("groups.html").exists()


def test_names_of_files_and_people_are_data(run: Run, tmp_path: Path) -> None:
    strange = "<img src=x onerror=alert(1)>\n\"'=.png"
    photo(tmp_path / "album" / strange, "red")
    photo(tmp_path / "album" / "b.png", "red", seed=2)
    photo(tmp_path / "x.png", "blue")
    run("enroll", "--subject", "</datalist><script>alert(1)</script>", "x.png", "-g", "g.db")
    grouped(run)
    page = Page()
    assert page.tags.count("img") == 2
    assert page.tags.count("script") == 1
    [group, _] = json.loads(Path("groups.json").read_text())["results"]
    table(*((1, number, "", "", "named", "Ann") for number in (1, 2)))
    assert enroll(run).exit_code == 0
    assert len(photos_of("Ann")) == len(group["faces"]) == 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any, groups: dict[str, Any]) -> Iterator[Any]:
    """The page as a file; it neither logs an error nor asks any server."""
    context = browser.new_context(viewport={"width": 900, "height": 900}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on(
        "request",
        lambda request: (
            errors.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None
        ),
    )
    page.goto(Path("groups.html").absolute().as_uri())
    yield page
    context.close()
    assert errors == []


def shoot(page: Any, name: str) -> None:
    if folder := os.environ.get("FACEKIT_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def save(page: Any) -> None:
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "names.csv"
    download.value.save_as("names.csv")


@IN_BROWSER
def test_groups_are_named_by_the_keyboard_and_known_then(page: Any, run: Run) -> None:
    found = json.loads(Path("groups.json").read_text())["results"]
    page.locator(".name").first.focus()
    page.keyboard.type('=Ann, "1"')
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first face is not hers
    shoot(page, "review-naming")
    page.locator("#save").focus()
    save(page)
    assert "1 person, 3 faces saved" in page.locator("#status").inner_text()
    with Path("names.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["verdict"], row["name"]) for row in rows] == [
        ("1", "not_this_group", '\'=Ann, "1"'),
        *((str(number), "named", '\'=Ann, "1"') for number in range(2, len(found[0]["faces"]) + 1)),
    ]
    assert enroll(run).exit_code == 0
    assert len(photos_of('=Ann, "1"')) == len(found[0]["faces"]) - 1
    assert [fact.kind for fact in facekit.gallery_facts("g.db")] == ["not_subject"]


@IN_BROWSER
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(page: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 380, "height": 800})
    shoot(page, f"review-{scheme}")
    assert axe.Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
