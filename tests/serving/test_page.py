"""The page in a real browser: people are named with the mouse or the keyboard, and everybody can read it.

It needs Chromium (`apt-get install chromium`), which Playwright drives.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsers import IN_BROWSER, chromium
from fakes import COMMAND, PYTHON_PATH, FakeOptions, photo

import facekit
from facekit.gallery import place_of
from facekit.serving.application import PAGE
from facekit.verbs.galleries import gallery_for_enrollment
from serving.clients import Started

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def client(start: Started, folder: Path) -> httpx.Client:
    """Of a server whose gallery is empty."""
    facekit.gallery_remove(["red", "green"], gallery="g.db")
    facekit.gallery_forget_removals(gallery="g.db")
    return start()


@pytest.fixture
def page(browser: Any, client: httpx.Client) -> Iterator[Any]:
    """The page, which neither logs an error nor asks any other server."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "olicy" in message.text else None)
    page.on("request", lambda request: errors.append(request.url) if not ours(request.url, client) else None)
    page.goto(str(client.base_url))
    yield page
    context.close()
    assert errors == []


def ours(url: str, client: httpx.Client) -> bool:
    return url.startswith((str(client.base_url), "blob:"))


def drop(page: Any, *pictures: Path) -> None:
    page.set_input_files("#files", [str(picture) for picture in pictures])
    page.wait_for_selector("#status:text-matches(' faces? in ')")


def name_face(page: Any, number: int, name: str) -> None:
    page.locator("figure .view button").nth(number).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="This is the person").click()
    page.wait_for_selector("#face", state="hidden")


def shoot(page: Any, name: str) -> None:
    """A screenshot, where somebody wants to look at them."""
    if folder := os.environ.get("FACEKIT_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_three_people_of_a_photo_are_named_and_the_command_knows_them(page: Any, folder: Path) -> None:
    party = photo(folder / "party.png", "red", "green", "blue", size=(300, 120))
    drop(page, party)
    shoot(page, "unknown")
    for number, name in enumerate(("Ann", "Ben", "<b>Cem</b>")):
        name_face(page, number, name)
    page.wait_for_selector(".view .known >> nth=2")
    shoot(page, "named")
    again = photo(folder / "again.png", "blue", "red", "green", seed=2, size=(300, 120))
    (result,) = facekit.identify(again, "g.db", options=FakeOptions())
    assert [face.subject for face in result.faces] == ["<b>Cem</b>", "Ann", "Ben"]
    assert page.locator("b").count() == 0  # a name is data


def click(page: Any, selector: str, place: int = 0) -> None:
    """With the mouse, where somebody would."""
    element = page.locator(selector).nth(place)
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def choose_folder(page: Any, folder: Path) -> None:
    with page.expect_file_chooser() as chooser:
        click(page, "label[for=folder]")
    chooser.value.set_files(folder)
    page.wait_for_selector("#status:text-matches(' faces? in ')")


def wait_for_count(page: Any, selector: str, count: int) -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_count(count)


def name_group(page: Any, name: str) -> None:
    """The first of those that are there."""
    before = page.locator(".group").count()
    click(page, ".group input[list]")
    page.keyboard.type(name)
    click(page, ".group .main")
    wait_for_count(page, ".group", before - 1)


def test_the_people_of_a_new_folder_are_named_with_the_mouse_only(
    page: Any, folder: Path, tmp_path: Path
) -> None:
    album = [
        ("red", "green"),
        ("blue", "red"),
        ("green", "blue"),
        ("red",),
        ("green", "red", "blue"),
        ("cyan",),
    ]
    for number, people in enumerate(album):
        photo(folder / "new" / f"day {number % 2}" / f"{number}.png", *people, seed=number, size=(300, 120))
    (folder / "new" / "notes.txt").write_text("no photo")
    choose_folder(page, folder / "new")
    assert page.locator("figure").count() == len(album)
    click(page, "#show-unknown")
    wait_for_count(page, ".group", 3)
    shoot(page, "groups")
    for name in ("Ann", "Ben", "Cem"):
        name_group(page, name)
    page.wait_for_selector("#groups-hint:has-text('1 unknown face')")
    shoot(page, "groups-named")
    click(page, "#show-photos")
    wait_for_count(page, ".view .known", 10)
    shoot(page, "folder-named")
    again = photo(folder / "again.png", "blue", "red", "green", seed=9, size=(300, 120))
    done = subprocess.run(
        [*COMMAND, "identify", str(again), "-g", "g.db", "-f", "json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
    )
    (result,) = json.loads(done.stdout)["results"]
    by_color = {
        name: face["subject"] for name, face in zip(("blue", "red", "green"), result["faces"], strict=True)
    }
    assert sorted(by_color.values()) == ["Ann", "Ben", "Cem"]
    stored = {person.name: person.templates for person in facekit.gallery_list("g.db")}
    assert stored[by_color["red"]] == 4
    assert stored[by_color["blue"]] == 3


def test_three_real_people_of_a_folder_are_named_and_the_command_knows_them(
    browser: Any, start: Started, folder: Path, data_folder: Path
) -> None:
    album, later = folder / "album", folder / "later"
    with zipfile.ZipFile(data_folder / "photos-val.zip") as photos:
        for person, number in itertools.product(("v005", "v014", "v032"), range(8)):
            place = album if number < 5 else later
            place.mkdir(exist_ok=True)
            name = f"{number:02}-{person}.jpg"
            (place / name).write_bytes(photos.read(f"photos-val/{person}/{number:02}.jpg"))
    options = facekit.Options()
    gallery_for_enrollment("real.db", options.pipeline()).close()
    page = browser.new_page(viewport={"width": 1100, "height": 800})
    page.goto(str(start(place=place_of("real.db"), options=options).base_url))
    choose_folder(page, album)
    click(page, "#show-unknown")
    page.wait_for_selector(".group >> nth=2")
    shoot(page, "real-groups")
    while page.locator(".group").count():
        face = page.locator(".group canvas").first.get_attribute("aria-label")
        name_group(page, re.findall(r"v\d+", face)[-1])
    click(page, "#show-people")
    shoot(page, "real-people")
    page.close()
    command = [sys.executable, "-m", "facekit", "identify", str(later), "-g", "real.db", "-f", "json"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PYTHON_PATH}
    )
    subjects: defaultdict[str, set[str | None]] = defaultdict(set)
    for result in json.loads(done.stdout)["results"]:
        person = Path(result["source"]).stem.split("-")[1]
        subjects[person] |= {face["subject"] for face in result["faces"]}
    assert len(subjects) == 3
    for person, names in subjects.items():
        assert person in names
        assert names <= {person, None}


def test_what_does_not_belong_to_a_group_is_left_where_it_is(page: Any, folder: Path) -> None:
    pictures = [photo(folder / f"{seed}.png", "red", seed=seed) for seed in range(3)]
    drop(page, *pictures, photo(folder / "other.png", "blue"))
    click(page, "#show-unknown")
    page.wait_for_selector(".group")
    click(page, ".group .pick")
    click(page, ".group input[list]")
    page.keyboard.type("Ann")
    click(page, ".group .main")
    page.wait_for_selector(".group h3:has-text('1 face left')")
    assert [(each.name, each.templates) for each in facekit.gallery_list("g.db")] == [("Ann", 2)]
    click(page, ".group button:has-text('Leave out')")
    page.wait_for_selector(".group", state="detached")
    click(page, ".single button.pick")
    page.get_by_label("Name", exact=True).fill("Ben")
    page.get_by_role("button", name="This is the person").click()
    page.wait_for_selector(".single button", state="detached")
    page.wait_for_selector("#groups-hint:has-text('No face is waiting')")
    assert [each.name for each in facekit.gallery_list("g.db")] == ["Ann", "Ben"]


def test_faces_of_photos_that_the_browser_cannot_show_are_seen(page: Any, folder: Path) -> None:
    drop(page, *(photo(folder / f"{seed}.tif", "blue", "cyan", seed=seed) for seed in range(2)))
    page.wait_for_selector("img[alt*='cannot show']")
    click(page, "#show-unknown")
    wait_for_count(page, ".group canvas", 4)
    middle = "canvas => [...canvas.getContext('2d').getImageData(80, 80, 1, 1).data.slice(0, 3)]"
    for _ in range(100):
        colors = [page.locator(".group canvas").nth(place).evaluate(middle) for place in range(4)]
        if all(any(color) for color in colors):
            break
        page.wait_for_timeout(20)
    assert all(red < 60 and blue > 195 for red, _, blue in colors)
    assert sorted(green > 195 for _, green, _ in colors) == [False, False, True, True]
    shoot(page, "photos-that-cannot-be-shown")


def test_why_a_group_is_refused_is_said(page: Any, folder: Path) -> None:
    drop(
        page,
        *(photo(folder / f"{seed}.png", "red", seed=seed, poor=True) for seed in range(2)),
        folder / "people/red/1.png",
    )
    click(page, "#show-unknown")
    page.wait_for_selector(".group")
    click(page, ".group input[list]")
    page.keyboard.type("Ann")
    click(page, ".group .main")
    page.wait_for_selector("#status:has-text('refused')")
    assert page.locator(".group .pick").count() == 2


def test_a_candidate_is_taken_with_the_mouse_alone(page: Any, folder: Path, client: httpx.Client) -> None:
    facekit.enroll(folder / "people" / "red", "g.db", subject="Ann", options=FakeOptions())
    other = photo(folder / "other.png", "magenta")
    drop(page, other)
    page.locator("figure .view button").click()
    page.locator("#likely button").first.click()
    assert page.input_value("#name") == "Ann"
    page.get_by_role("button", name="Cancel").click()
    assert facekit.gallery_list("g.db")[0].templates == 2


def test_people_are_renamed_merged_and_removed(page: Any, folder: Path) -> None:
    drop(page, photo(folder / "party.png", "red", "green", size=(300, 120)))
    name_face(page, 0, "Ann")
    name_face(page, 1, "Ben")
    page.get_by_role("button", name="People").click()
    page.get_by_role("button", name="Rename Ann").click()
    page.fill("#change-name", "Ben")
    page.locator("#change .main").click()
    page.wait_for_selector("#change .problem:has-text('merge the two instead')")
    page.fill("#change-name", "Anna")
    page.locator("#change .main").click()
    page.get_by_role("button", name="Photos Anna").click()
    page.wait_for_selector(".stored >> text=party.png")
    shoot(page, "people")
    page.get_by_role("button", name="Merge Ben").click()
    page.fill("#change-name", "Anna")
    page.locator("#change .main").click()
    page.wait_for_selector("#list > li >> nth=1", state="detached")
    page.get_by_role("button", name="Remove Anna").click()
    page.locator("#change .main").click()
    page.wait_for_selector("text=Nobody is enrolled yet")
    assert facekit.gallery_list("g.db") == []


def test_not_this_person_is_said_with_the_mouse_and_taken_back(page: Any, folder: Path) -> None:
    facekit.enroll(folder / "people" / "red", "g.db", subject="Ann", options=FakeOptions())
    drop(page, photo(folder / "twin.png", "red", lookalike="red"))
    click(page, "figure .view button.known")
    shoot(page, "dialog-of-a-known-face")
    click(page, "#denials button")
    wait_for_count(page, ".view .unknown", 1)
    page.wait_for_selector("figcaption >> text=it was said that it is not, Ann")
    (result,) = facekit.identify(folder / "twin.png", "g.db", options=FakeOptions())
    assert result.faces[0].subject is None
    click(page, "figure .view button")
    assert page.locator("#likely button").count() == 0  # it is never proposed again
    page.keyboard.press("Escape")
    click(page, "#show-mistakes")
    click(page, "#facts-list button")
    wait_for_count(page, "#facts-list > li", 0)
    click(page, "#show-photos")
    wait_for_count(page, ".view .known", 1)


def test_who_was_removed_comes_back_only_when_it_is_asked_for_twice(page: Any, folder: Path) -> None:
    facekit.enroll("people/red", "g.db", subject="Ann", options=FakeOptions())
    facekit.gallery_remove("Ann", gallery="g.db")
    drop(page, *sorted(Path("people/red").iterdir()))
    click(page, "figure .view button")
    page.get_by_label("Name", exact=True).fill("Ann")
    page.get_by_role("button", name="This is the person").click()
    page.wait_for_selector("#face .problem:has-text('press once more')")
    shoot(page, "removed-earlier")
    assert facekit.gallery_list("g.db") == []
    page.keyboard.press("Escape")
    click(page, "#show-unknown")
    click(page, ".group input[list]")
    page.keyboard.type("Ann")
    click(page, ".group .main")
    page.wait_for_selector(".group .problem:has-text('press once more')")
    assert facekit.gallery_list("g.db") == []
    click(page, ".group .main")
    wait_for_count(page, ".group", 0)
    assert [person.templates for person in facekit.gallery_list("g.db")] == [2]


def test_somebody_unknown_is_not_asked_about_again(page: Any, folder: Path) -> None:
    pictures = [photo(folder / f"{seed}.png", "blue", seed=seed) for seed in range(3)]
    drop(page, pictures[0], photo(folder / "c1.png", "cyan"), photo(folder / "c2.png", "cyan", seed=1))
    click(page, "figure .view button")
    click(page, "#nobody")
    page.wait_for_selector("#face", state="hidden")
    click(page, "#show-unknown")
    wait_for_count(page, ".group", 1)
    click(page, ".group button:has-text('Do not ask again')")
    wait_for_count(page, ".group", 0)
    facts = [(fact.kind, fact.source) for fact in facekit.gallery_facts("g.db")]
    assert facts == [("ignored", "0.png"), ("ignored", "c1.png")]  # the other is as like as a copy of it
    grouping = facekit.cluster([str(picture) for picture in pictures], "g.db", options=FakeOptions())
    assert grouping.groups == ()


def test_mistakes_are_put_right_or_refused(page: Any, folder: Path) -> None:
    facekit.enroll("people", "g.db", options=FakeOptions())
    facekit.enroll(photo(folder / "r3.png", "red", seed=3), "g.db", subject="Roy", options=FakeOptions())
    facekit.enroll(photo(folder / "g3.png", "green", seed=3), "g.db", subject="Gil", options=FakeOptions())
    click(page, "#show-mistakes")
    wait_for_count(page, "#mistakes-list > li", 2)
    shoot(page, "mistakes")
    click(page, "#mistakes-list > li:has-text('green') button:has-text('Merge')")
    click(page, "#change .main")
    wait_for_count(page, "#mistakes-list > li", 1)
    click(page, "#mistakes-list button:has-text('They are two people')")
    wait_for_count(page, "#mistakes-list > li", 0)
    page.wait_for_selector("#facts-list >> text=are two people")
    shoot(page, "mistakes-settled")
    assert [person.name for person in facekit.gallery_list("g.db")] == ["Roy", "green", "red"]
    assert facekit.gallery_check(people=True, gallery="g.db").findings == ()


def test_pictures_of_people_are_shown_where_the_server_keeps_them(
    browser: Any, start: Started, folder: Path
) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 500})
    page.goto(str(start(thumbnails=True).base_url))
    drop(page, photo(folder / "party.png", "blue", "cyan", size=(300, 120)))
    name_face(page, 1, "Ann")
    page.get_by_role("button", name="People").click()
    page.get_by_role("button", name="Photos Ann").click()
    page.wait_for_selector(".stored img")
    assert page.evaluate("document.querySelector('.stored img').naturalWidth") == 112
    shoot(page, "thumbnails")
    page.close()


def test_the_keyboard_is_enough(page: Any, folder: Path) -> None:
    drop(page, photo(folder / "one.png", "red"))
    page.locator("#folder").focus()
    page.keyboard.press("Tab")
    assert "Face 1: unknown" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#face[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#face", state="hidden")
    assert "Face 1" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.locator("#name").focus()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    page.wait_for_selector("#face", state="hidden")
    assert "Face 1: Ann" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_groups_are_named_with_the_keyboard_too(page: Any, folder: Path) -> None:
    drop(page, *(photo(folder / f"{seed}.png", "blue", "cyan", seed=seed) for seed in range(2)))
    page.locator("#show-unknown").focus()
    page.keyboard.press("Enter")
    wait_for_count(page, ".group", 2)
    assert page.evaluate("document.activeElement.id") == "groups-title"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert not page.locator(".pick input").first.is_checked()
    page.keyboard.press("Space")
    while page.evaluate("document.activeElement.id") != "group-1-name":
        page.keyboard.press("Tab")
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    wait_for_count(page, ".group", 1)
    assert page.evaluate("document.activeElement.closest('.group') !== null")
    assert [(person.name, person.templates) for person in facekit.gallery_list("g.db")] == [("Ann", 2)]


def test_what_cannot_be_read_says_why(page: Any, folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"no picture")
    drop(page, folder / "bad.jpg", photo(folder / "none.png"))
    page.wait_for_selector("figcaption >> text=not a picture")
    page.wait_for_selector("figcaption >> text=No face was found.")


def test_why_a_face_is_unknown_is_said(page: Any, folder: Path) -> None:
    facekit.enroll(folder / "people" / "red", "g.db", subject="Ann", options=FakeOptions())
    drop(page, photo(folder / "twice.png", "red", "red", size=(300, 120)))
    page.wait_for_selector("figcaption >> text=another face of this photo has the name, Ann")


def test_a_server_with_keys_asks_for_one(browser: Any, start: Started) -> None:
    client = start(require_key=True)
    token = facekit.serve_key_add("a", role="read", keys="keys.json").token
    page = browser.new_page()
    page.goto(str(client.base_url))
    for value in ("nonsense", token):
        page.wait_for_selector("#key[open]")
        page.fill("#key-value", value)
        page.get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="People").click()
    page.wait_for_selector("#list >> text=red")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_on_a_telephone_and_by_a_screen_reader(
    browser: Any, client: httpx.Client, folder: Path, scheme: str
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
    ).Axe()
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(str(client.base_url))
    parties = [
        photo(folder / f"party{seed}.png", "red", "green", "blue", *more, seed=seed, size=(300, 120))
        for seed, more in enumerate([("cyan",), ()])
    ]
    drop(page, *parties)
    name_face(page, 0, "Ann Maria von und zu Hohenberg-Lichtenstein")
    views = {"photos": None, "groups": None, "face": ".single button.pick", "people": None, "mistakes": None}
    page.wait_for_selector(".view .known")
    for view, opener in views.items():
        page.keyboard.press("Escape")
        if view == "mistakes":
            facekit.enroll(photo(folder / "a.png", "red"), "g.db", subject="Twin", options=FakeOptions())
            facekit.gallery_ignore(photo(folder / "b.png", "black"), gallery="g.db", options=FakeOptions())
        if opener:
            page.locator(opener).first.click()
        else:
            page.locator(f"#show-{view}").click()
        if view == "groups":
            wait_for_count(page, ".group", 2)
        if view == "mistakes":
            wait_for_count(page, "#mistakes .rows > li", 2)
        shoot(page, f"{view}-{scheme}-telephone")
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_the_page_asks_no_other_server() -> None:
    for file in PAGE.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.]+\.\w+", file.read_text(encoding="utf-8"))
        assert [address for address in addresses if "www.w3.org" not in address] == []
