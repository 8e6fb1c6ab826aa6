"""The page in a real browser: people are named with the mouse or the keyboard, and everybody can read it.

It needs Chromium (`apt-get install chromium`) and Playwright from PyPI, which drives it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeOptions, photo

import facekit
from facekit.serving.application import PAGE
from serving.clients import Started

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    not BROWSER or importlib.util.find_spec("playwright") is None,
    reason="needs Chromium and pip install playwright",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


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


def test_the_keyboard_is_enough(page: Any, folder: Path) -> None:
    drop(page, photo(folder / "one.png", "red"))
    page.locator("#files").focus()
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
    drop(page, photo(folder / "party.png", "red", "green", "blue", size=(300, 120)))
    name_face(page, 0, "Ann Maria von und zu Hohenberg-Lichtenstein")
    views = {"photos": None, "face": ".view button", "people": None}
    page.wait_for_selector(".view .known")
    for view, opener in views.items():
        if view == "people":
            page.keyboard.press("Escape")
            page.get_by_role("button", name="People", exact=True).click()
        elif opener:
            page.locator(opener).first.click()
        shoot(page, f"{view}-{scheme}-telephone")
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_the_page_asks_no_other_server() -> None:
    for file in PAGE.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.]+\.\w+", file.read_text(encoding="utf-8"))
        assert [address for address in addresses if "www.w3.org" not in address] == []
