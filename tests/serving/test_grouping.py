"""Faces are grouped and named by seals, which tell nothing and which nobody else can make."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fakes import COLORS, FakeOptions, photo, vector_of
from jsonschema import Draft202012Validator
from PIL import Image

import facekit
from facekit.output.schema import schema
from serving.clients import Started, files, problem

REPLACED = "took the place of another face of this picture"
ALBUM = [("blue", "yellow"), ("cyan", "blue"), ("yellow", "red"), ("cyan",), ("blue", "cyan"), ("magenta",)]


def sealed(client: httpx.Client, *pictures: Path, route: str = "identify") -> list[list[str]]:
    response = client.post(f"/v1/{route}?seal=true", files=files(*pictures))
    assert response.status_code == 200, response.text
    seals: list[list[str]] = response.json()["seals"]
    assert [len(each["faces"]) for each in response.json()["results"]] == [len(each) for each in seals]
    return seals


def grouped(
    client: httpx.Client, faces: list[str], **more: Any
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """The groups, and of each which of the faces are in it."""
    response = client.post("/v1/cluster", json={"faces": faces})
    assert response.status_code == 200, response.text
    document = response.json()
    for group in document["results"]:
        Draft202012Validator({"$ref": "#/$defs/cluster", "$defs": schema()["$defs"]}).validate(group)
    return document["results"], document["places"]


def named(client: httpx.Client, subject: str, faces: list[str], **more: Any) -> httpx.Response:
    return client.post("/v1/templates/faces", json={"subject": subject, "faces": faces, **more})


def album(folder: Path) -> list[Path]:
    """Six photos of people of whom only red is enrolled."""
    return [
        photo(folder / "new" / f"{number}.png", *people, seed=number, size=(300, 120))
        for number, people in enumerate(ALBUM)
    ]


def test_the_groups_are_those_of_the_verb(client: httpx.Client, folder: Path) -> None:
    pictures = album(folder)
    seals = [seal for picture in pictures for (of_photo,) in [sealed(client, picture)] for seal in of_photo]
    groups, places = grouped(client, seals)
    verb = facekit.cluster([str(picture) for picture in pictures], "g.db", options=FakeOptions())
    expected = json.loads(json.dumps([group.to_dict() for group in verb.results()]))
    for group in expected:
        for face in group["faces"]:
            face["source"] = Path(face["source"]).name
    assert groups == expected
    assert sorted(place for group in places for place in group) == list(range(len(seals)))
    assert [len(group) for group in places] == [len(group["faces"]) for group in groups]
    assert [group["subject"] for group in groups] == [None, None, None, "red", None]


def test_a_group_is_named_in_one_go_and_then_known(client: httpx.Client, folder: Path) -> None:
    seals = [seal for seals in sealed(client, *album(folder)) for seal in seals]
    _, places = grouped(client, seals)
    answer = named(client, "Blue", [seals[place] for place in places[0]])
    assert answer.status_code == 201
    assert [outcome["status"] for outcome in answer.json()["results"]] == ["enrolled"] * 3
    groups, _ = grouped(client, seals)
    assert {group["subject"] for group in groups} >= {"Blue", "red"}
    (result,) = facekit.identify(photo(folder / "later.png", "blue", seed=9), "g.db", options=FakeOptions())
    assert result.faces[0].subject == "Blue"


def test_what_is_stored_is_what_the_photo_itself_would_store(client: httpx.Client, folder: Path) -> None:
    picture = photo(folder / "blue.png", "blue", seed=3)
    ((seal,),) = sealed(client, picture)
    assert named(client, "by seal", [seal]).status_code == 201
    with facekit.open_gallery("g.db") as gallery:
        (one,) = gallery.stored("by seal")
    facekit.gallery_remove("by seal", gallery="g.db")
    form = {"subject": "by photo", "again": "true"}
    assert client.post("/v1/templates", data=form, files=files(picture)).status_code == 201
    with facekit.open_gallery("g.db") as gallery:
        (other,) = gallery.stored("by photo")
    assert np.array_equal(one.vector, other.vector)
    assert (one.sha256, one.source, one.box, one.quality) == (
        *(other.sha256, other.source, other.box, other.quality),
    )


@pytest.mark.parametrize("route", ["identify", "detect"])
def test_small_pictures_of_the_faces_are_given_where_they_are_wanted(
    client: httpx.Client, folder: Path, route: str
) -> None:
    form = files(photo(folder / "two.png", "blue", "cyan"), photo(folder / "none.png"))
    answer = client.post(f"/v1/{route}?crops=true", files=form).json()
    assert [len(crops) for crops in answer["crops"]] == [2, 0]
    with Image.open(io.BytesIO(base64.b64decode(answer["crops"][0][1]))) as image:
        assert (image.format, image.size) == ("JPEG", (112, 112))
    assert set(client.post(f"/v1/{route}", files=form).json()) == {"schema", "results"}


def test_photos_of_one_name_are_told_apart_and_a_photo_sent_twice_counts_once(
    client: httpx.Client, folder: Path
) -> None:
    same_name = [photo(folder / str(seed) / "IMG_1.png", "blue", seed=seed) for seed in (1, 2)]
    seals = [seal for seals in sealed(client, *same_name, same_name[0]) for seal in seals]
    groups, places = grouped(client, seals)
    assert places == [[0, 1], []]
    assert [face["source"] for face in groups[0]["faces"]] == ["IMG_1.png", "IMG_1.png"]


def test_an_empty_gallery_names_nobody_and_its_faces_are_grouped(client: httpx.Client, folder: Path) -> None:
    facekit.gallery_remove(["red", "green"], gallery="g.db")
    seals = [seal for seals in sealed(client, *album(folder), route="detect") for seal in seals]
    groups, _ = grouped(client, seals)
    assert [group["subject"] for group in groups] == [None] * len(groups)
    assert [len(group["faces"]) for group in groups] == [3, 3, 2, 2]


def test_two_faces_of_one_photo_are_not_one_person(client: httpx.Client, folder: Path) -> None:
    ((first, second),) = sealed(client, photo(folder / "two.png", "blue", "cyan"))
    assert "two faces of one photo" in problem(named(client, "A", [first, second]), 422)
    assert "A" not in [person.name for person in facekit.gallery_list("g.db")]
    assert named(client, "A", [first]).status_code == 201
    (outcome,) = named(client, "A", [second]).json()["results"]
    assert (outcome["status"], outcome["notes"]) == (
        "enrolled",
        ["took the place of another face of this picture"],
    )
    with facekit.open_gallery("g.db") as gallery:
        (template,) = gallery.stored("A")
    assert np.allclose(template.vector, vector_of(COLORS["cyan"]), atol=0.05)


def test_a_group_of_several_people_is_refused_unless_it_is_wanted(client: httpx.Client, folder: Path) -> None:
    people = ["blue", "cyan", "yellow", "magenta", "black", "blue"]
    mixed = [photo(folder / f"{number}.png", name, seed=number) for number, name in enumerate(people)]
    seals = [seal for seals in sealed(client, *mixed) for seal in seals]
    assert "not one person's photos" in problem(named(client, "A", seals), 422)
    assert named(client, "A", seals, accept_mixed=True).status_code == 201


def test_poor_faces_are_refused_unless_they_are_wanted(client: httpx.Client, folder: Path) -> None:
    ((seal,),) = sealed(client, photo(folder / "poor.png", "blue", poor=True))
    assert "strangers" in problem(named(client, "A", [seal]), 422)
    assert named(client, "A", [seal], accept_poor=True).status_code == 201


def test_a_seal_tells_nothing(client: httpx.Client, folder: Path) -> None:
    picture = photo(folder / "secret.png", "blue")
    ((one,), (other,)) = sealed(client, picture, picture)
    assert one != other
    (embedding,) = facekit.embed(picture, options=FakeOptions())
    raw = base64.urlsafe_b64decode(one)
    assert embedding.faces[0].vector.tobytes()[:8] not in raw
    assert b"secret" not in raw


def test_what_this_server_did_not_seal_is_refused(start: Started, folder: Path) -> None:
    client, other = start(), start()
    ((seal,),) = sealed(client, photo(folder / "blue.png", "blue"))
    turned = seal[:40] + ("A" if seal[40] != "A" else "B") + seal[41:]
    for wrong in ("", "x", "é", "AAAA" * 8, seal[:-4], turned):
        assert "look at its photo again" in problem(named(client, "A", [wrong]), 422)
        problem(client.post("/v1/cluster", json={"faces": [wrong]}), 422)
    assert "look at its photo again" in problem(named(other, "A", [seal]), 422)
    problem(named(client, "A", []), 422)
    problem(named(client, "A", ["x" * 5000]), 422)
    assert named(client, "A", [seal]).status_code == 201


def test_all_processes_of_a_server_open_its_seals(start: Started, folder: Path) -> None:
    key = bytes(range(32))
    one, other = start(seal_key=key), start(seal_key=key)
    ((seal,),) = sealed(one, photo(folder / "blue.png", "blue"))
    assert named(other, "A", [seal]).status_code == 201


@pytest.mark.parametrize("role", ["read", "enroll"])
def test_reading_groups_and_enrolling_names(start: Started, folder: Path, role: Any) -> None:
    client = start(require_key=True)
    client.headers["authorization"] = (
        f"Bearer {facekit.serve_key_add('a', role=role, keys='keys.json').token}"
    )
    ((seal,),) = sealed(client, photo(folder / "blue.png", "blue"))
    assert grouped(client, [seal])
    assert named(client, "A", [seal]).status_code == (403 if role == "read" else 201)
