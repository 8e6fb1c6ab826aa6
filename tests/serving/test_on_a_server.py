"""The routes on a gallery in PostgreSQL: several servers on one gallery agree at once."""

import time
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeOptions, photo

import facekit
from facekit.gallery import place_of
from facekit.serving.limits import Limits
from serving.clients import Started, files, wait_until_nothing_is_kept


def names(client: Any, picture: str) -> list[str | None]:
    (result,) = client.post("/v1/identify", files=files(picture)).json()["results"]
    return [face["subject"] for face in result["faces"]]


@pytest.fixture
def place(postgres: Any, folder: Path) -> Any:
    return place_of(postgres.address(schema=f"serving {folder.name}"))


def test_what_one_server_stores_the_other_sees(start: Started, place: Any) -> None:
    facekit.enroll("people", place, options=FakeOptions())
    one, other = start(place=place), start(place=place)
    assert names(one, "people/red/1.png") == names(other, "people/red/1.png") == ["red"]
    assert one.post("/v1/subjects/rename", json={"subject": "red", "name": "Ruth"}).status_code == 200
    assert names(other, "people/red/1.png") == ["Ruth"]
    assert one.post("/v1/subjects/remove", json={"subjects": ["Ruth"]}).status_code == 200
    assert names(other, "people/red/1.png") == [None]
    form = {"subject": "R", "again": "true"}
    added = other.post("/v1/templates", data=form, files=files("people/red/2.png"))
    assert added.status_code == 201
    assert names(one, "people/red/1.png") == ["R"]
    assert one.get("/ready").status_code == 200


def test_groups_facts_and_thumbnails_are_those_of_a_file(
    start: Started, place: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setattr("facekit.serving.showing.PAUSE", 0.02)
    facekit.enroll("people", place, options=FakeOptions())
    one, other = start(place=place, thumbnails=True), start(place=place)
    pictures = [photo(folder / f"{seed}.png", "blue", "cyan", seed=seed) for seed in range(2)]
    answer = one.post("/v1/identify?seal=true", files=files(*pictures)).json()
    seals = [seal for seals in answer["seals"] for seal in seals]
    assert one.post("/v1/cluster", json={"faces": seals}).json()["places"] == [[0, 2], [1, 3], []]
    body = {"subject": "Ann", "faces": [seals[0], seals[2]]}
    assert one.post("/v1/templates/faces", json=body).status_code == 201
    assert names(other, str(pictures[0])) == ["Ann", None]
    said = {"subject": "Ann", "faces": [seals[1]]}
    assert one.post("/v1/facts/not-subject", json=said).status_code == 200
    assert [fact["subject"] for fact in other.get("/v1/facts").json()["results"]] == ["Ann"]
    (store,) = (folder / "data" / "facekit").glob("*.thumbnails")
    assert len(one.post("/v1/templates/thumbnails", json={"subject": "Ann"}).json()["results"]) == 2
    assert other.post("/v1/subjects/remove", json={"subjects": ["Ann"]}).status_code == 200
    wait_until_nothing_is_kept(store)


def test_a_database_that_is_gone_makes_the_server_unready(
    start: Started, place: Any, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    facekit.enroll("people", place, options=FakeOptions())
    client = start(place=place, limits=Limits(seconds=1))
    monkeypatch.setattr("facekit.serving.service.PATIENCE", 0.3)
    postgres.stop()
    try:
        assert client.get("/health").status_code == 200
        began = time.monotonic()
        answers = [client.get("/ready") for _ in range(3)]
        assert time.monotonic() - began < 5
        assert [answer.status_code for answer in answers] == [503] * 3
        assert answers[0].headers["retry-after"]
        assert client.post("/v1/identify", files=files("people/red/1.png")).status_code in (503, 504)
    finally:
        postgres.start()
    deadline = time.monotonic() + 30
    while client.get("/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert names(client, "people/red/1.png") == ["red"]
