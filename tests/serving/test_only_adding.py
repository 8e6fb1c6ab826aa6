"""A key that may only enroll takes nothing away: no face from whoever has it, nothing of what was removed or
said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeOptions, photo

import facekit
from facekit.gallery import open_gallery
from facekit.serving.keys import Role
from serving.clients import Started, files, problem

Sent = Any


@pytest.fixture
def clients(start: Started) -> Iterator[dict[str, httpx.Client]]:
    """Of one server, one with a key of each role that may enroll."""
    client = start(require_key=True)
    with ExitStack() as stack:

        def of(role: Role) -> httpx.Client:
            token = facekit.serve_key_add(role, role=role, keys="keys.json").token
            headers = {"Authorization": f"Bearer {token}"}
            return stack.enter_context(
                httpx.Client(base_url=client.base_url, headers=headers, trust_env=False)
            )

        yield {"enroll": of("enroll"), "admin": of("admin")}


def stored() -> list[tuple[str, str, tuple[float, ...]]]:
    with open_gallery("g.db") as gallery:
        return [(info.subject, info.sha256, info.box) for info in gallery.templates()]


def by_photo(client: httpx.Client, subject: str, picture: Path, *, face: int = 1, again: bool = False) -> Any:
    form = {"subject": subject, "again": str(again).lower(), "face": str(face)}
    return client.post("/v1/templates", data=form, files=files(picture))


def by_picture(
    client: httpx.Client, subject: str, picture: Path, *, face: int = 1, again: bool = False
) -> Any:
    form = {"subject": subject, "again": str(again).lower()}
    return client.post("/v1/templates", data=form, files=files(picture))


def by_seal(client: httpx.Client, subject: str, picture: Path, *, face: int = 1, again: bool = False) -> Any:
    ((*seals,),) = client.post("/v1/detect?seal=true", files=files(picture)).json()["seals"]
    body = {"subject": subject, "faces": [seals[face - 1]], "again": again}
    return client.post("/v1/templates/faces", json=body)


WAYS = pytest.mark.parametrize("sent", [by_photo, by_picture, by_seal])
POINTED = pytest.mark.parametrize("sent", [by_photo, by_seal])


@WAYS
def test_a_face_that_somebody_has_moves_only_for_who_may_remove(
    clients: dict[str, httpx.Client], sent: Sent
) -> None:
    """All photos of a person, sent for another one: by a key that may enroll, and by one that may remove."""
    before = stored()
    for seed in (1, 2):
        said = problem(sent(clients["enroll"], "Mallory", Path(f"people/red/{seed}.png")), 409)
        assert "enrolled as somebody else's" in said
    assert stored() == before
    answer = sent(clients["admin"], "Mallory", Path("people/red/1.png"))
    assert answer.json()["results"][0]["status"] == "moved"


@POINTED
def test_another_face_of_a_picture_gives_way_only_for_who_may_remove(
    clients: dict[str, httpx.Client], folder: Path, sent: Sent
) -> None:
    two = photo(folder / "two.png", "blue", "cyan")
    assert sent(clients["enroll"], "Ann", two, face=1).status_code == 201
    before = stored()
    assert "another face of this picture" in problem(sent(clients["enroll"], "Ann", two, face=2), 409)
    assert stored() == before
    assert sent(clients["admin"], "Ann", two, face=2).status_code == 201
    assert stored() != before


@WAYS
@pytest.mark.parametrize("role", ["enroll", "admin"])
def test_who_was_removed_stays_so_until_somebody_who_may_says_again(
    clients: dict[str, httpx.Client], sent: Sent, role: str
) -> None:
    facekit.gallery_remove("red", gallery="g.db")
    for name in ("red", "Ruth"):
        answer = sent(clients[role], name, Path("people/red/1.png"))
        assert answer.status_code == 200
        assert [result["status"] for result in answer.json()["results"]] == ["removed earlier"]
    assert {subject for subject, *_ in stored()} == {"green"}
    answer = sent(clients[role], "red", Path("people/red/1.png"), again=True)
    if role == "enroll":
        assert "needs a key of the role admin" in problem(answer, 403)
    assert answer.status_code == (403 if role == "enroll" else 201)


@POINTED
def test_what_was_said_of_a_face_is_taken_back_only_by_who_may(
    clients: dict[str, httpx.Client], folder: Path, sent: Sent
) -> None:
    stranger, bystander = photo(folder / "a.png", "blue", seed=1), photo(folder / "b.png", "cyan", seed=1)
    facekit.gallery_not_subject(stranger, subject="red", face=1, gallery="g.db", options=FakeOptions())
    facekit.gallery_ignore(bystander, face=1, gallery="g.db", options=FakeOptions())
    before = [fact.id for fact in facekit.gallery_facts("g.db")]
    for role in ("enroll", "admin"):
        assert "said not to be" in problem(sent(clients[role], "red", stranger), 422)
    assert "nobody was to be asked" in problem(sent(clients["enroll"], "Cy", bystander), 422)
    assert [fact.id for fact in facekit.gallery_facts("g.db")] == before
    assert sent(clients["admin"], "red", stranger, again=True).status_code == 201
    assert sent(clients["admin"], "Cy", bystander).status_code == 201
    assert facekit.gallery_facts("g.db") == []


def test_what_is_new_is_enrolled_beside_what_is_refused(
    clients: dict[str, httpx.Client], folder: Path
) -> None:
    pictures = files("people/green/1.png", photo(folder / "red" / "7.png", "red", seed=7))
    answer = clients["enroll"].post("/v1/templates", data={"subject": "red"}, files=pictures)
    assert answer.status_code == 201
    assert [result["status"] for result in answer.json()["results"]] == ["refused", "enrolled"]
