"""What people say of faces holds from then on, also for the commands; mistakes are proposed until then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeOptions, photo
from jsonschema import Draft202012Validator

import facekit
from facekit.output.schema import schema
from serving.clients import Started, files, problem


def sealed(client: httpx.Client, *pictures: Path) -> list[str]:
    answer = client.post("/v1/identify?seal=true", files=files(*pictures))
    return [seal for seals in answer.json()["seals"] for seal in seals]


def said(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    facts: list[dict[str, Any]] = response.json()["results"]
    for fact in facts:
        Draft202012Validator({"$ref": "#/$defs/fact", "$defs": schema()["$defs"]}).validate(fact)
    return facts


def name(picture: Path) -> str | None:
    (result,) = facekit.identify(picture, "g.db", options=FakeOptions())
    return result.faces[0].subject


def doubts(client: httpx.Client) -> list[tuple[str, str, str | None]]:
    answer = client.post("/v1/gallery/check").json()
    assert len(answer["sentences"]) == len(answer["results"])
    for result in answer["results"]:
        Draft202012Validator({"$ref": "#/$defs/gallery_check", "$defs": schema()["$defs"]}).validate(result)
        assert "g.db" not in result["command"]
    return [(result["kind"], result["subject"], result["other"]) for result in answer["results"]]


def test_a_face_that_is_not_the_person_is_not_named_so_again(client: httpx.Client, folder: Path) -> None:
    twin = photo(folder / "twin.png", "red", lookalike="red")
    assert name(twin) == "red"
    (fact,) = said(
        client.post("/v1/facts/not-subject", json={"subject": "red", "faces": sealed(client, twin)})
    )
    assert (fact["kind"], fact["subject"], fact["status"]) == ("not_subject", "red", "recorded")
    assert name(twin) is None
    (answer,) = client.post("/v1/identify", files=files(twin)).json()["results"]
    assert answer["faces"][0]["reason"] == "denied"
    assert said(client.get("/v1/facts")) == [fact]
    assert said(client.post("/v1/facts/take-back", json={"facts": [fact["fact"]]}))
    assert name(twin) == "red"
    assert said(client.get("/v1/facts")) == []


def test_a_face_that_nobody_wants_to_know_is_in_no_group(client: httpx.Client, folder: Path) -> None:
    seals = sealed(client, *(photo(folder / f"{seed}.png", "blue", seed=seed) for seed in range(3)))
    assert client.post("/v1/cluster", json={"faces": seals}).json()["places"] == [[0, 1, 2], []]
    said(client.post("/v1/facts/ignored", json={"faces": seals[:1]}))
    assert client.post("/v1/cluster", json={"faces": seals}).json()["places"] == [[]]


def test_people_who_are_two_are_not_proposed_as_one_nor_merged(client: httpx.Client, folder: Path) -> None:
    for seed in (3, 4):
        form = {"subject": "other red"}
        client.post("/v1/templates", data=form, files=files(photo(folder / f"{seed}.png", "red", seed=seed)))
    assert [kind for kind, *_ in doubts(client)] == ["duplicate"]
    said(client.post("/v1/facts/not-same", json={"subjects": ["red", "other red"]}))
    assert doubts(client) == []
    merge = {"into": "red", "others": ["other red"]}
    assert "not to be the same" in problem(client.post("/v1/subjects/merge", json=merge), 409)
    assert "two people or more" in problem(client.post("/v1/facts/not-same", json={"subjects": ["red"]}), 422)


@pytest.fixture
def misfiled(folder: Path) -> None:
    """A photo of green under the name of red, who has others."""
    wrong = photo(folder / "more" / "red" / "3.png", "green", lookalike="green")
    photo(folder / "more" / "red" / "4.png", "red", seed=4)
    facekit.enroll(folder / "more", "g.db", options=FakeOptions())
    assert wrong.exists()


@pytest.mark.usefixtures("misfiled")
def test_a_photo_under_a_wrong_name_is_moved(client: httpx.Client) -> None:
    assert doubts(client) == [("mislabeled", "red", "green")]
    (result,) = client.post("/v1/gallery/check").json()["results"]
    body = {"holder": "red", "to": "green", "photos": [result["photo"]]}
    (moved,) = client.post("/v1/templates/move", json=body).json()["results"]
    assert (moved["holder"], moved["subject"], moved["status"]) == ("red", "green", "moved")
    assert doubts(client) == []
    assert {person.name: person.templates for person in facekit.gallery_list("g.db")} == {
        "red": 3,
        "green": 3,
    }
    problem(client.post("/v1/templates/move", json=body), 404)


@pytest.mark.usefixtures("misfiled")
def test_a_photo_that_is_right_is_not_doubted_again(client: httpx.Client) -> None:
    (result,) = client.post("/v1/gallery/check").json()["results"]
    body = {"subject": "green", "holder": "red", "photos": [result["photo"]]}
    said(client.post("/v1/facts/not-subject", json=body))
    assert "mislabeled" not in [kind for kind, *_ in doubts(client)]
    for kind, subject, _ in doubts(client):
        assert (kind, subject) == ("stray", "red")
        said(client.post("/v1/facts/ignored", json={"holder": "red", "photos": [result["photo"]]}))
    assert doubts(client) == []


def test_what_is_enrolled_is_not_denied(client: httpx.Client) -> None:
    seals = sealed(client, Path("people/red/1.png"))
    body = {"subject": "red", "faces": seals}
    assert "enrolled as red" in problem(client.post("/v1/facts/not-subject", json=body), 409)


def test_what_is_not_there_is_said_so(client: httpx.Client, folder: Path) -> None:
    seals = sealed(client, Path("people/red/1.png"))
    wrong = [
        ("/v1/facts/not-subject", {"subject": "nobody", "faces": seals}, 404),
        ("/v1/facts/not-subject", {"subject": "red"}, 422),
        ("/v1/facts/ignored", {"faces": seals, "photos": ["1.png"], "holder": "red"}, 422),
        ("/v1/facts/ignored", {"photos": ["1.png"]}, 422),
        ("/v1/facts/ignored", {"photos": [str(folder / "people/red/1.png")], "holder": "red"}, 404),
        ("/v1/facts/ignored", {"faces": ["x"]}, 422),
        ("/v1/facts/not-same", {"subjects": ["red", "nobody"]}, 404),
        ("/v1/facts/take-back", {"facts": [7]}, 404),
        ("/v1/templates/move", {"holder": "red", "to": "green", "photos": ["nothing.png"]}, 404),
    ]
    for route, body, status in wrong:
        problem(client.post(route, json=body), status)
    assert said(client.get("/v1/facts")) == []


def test_each_role_may_say_what_it_may_do(start: Started, folder: Path) -> None:
    client = start(require_key=True)
    keys = {
        role: facekit.serve_key_add(role, role=role, keys="keys.json").token for role in ("read", "enroll")
    }
    bodies = {"/v1/facts/not-same": {"subjects": ["red", "green"]}, "/v1/facts/take-back": {"facts": [1]}}
    for role, expected in (("read", [403, 403]), ("enroll", [200, 403])):
        headers = {"Authorization": f"Bearer {keys[role]}"}
        assert client.get("/v1/facts", headers=headers).status_code == 200
        statuses = [
            client.post(route, json=body, headers=headers).status_code for route, body in bodies.items()
        ]
        assert statuses == expected
