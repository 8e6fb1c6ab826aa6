"""Pictures of enrolled faces are kept where somebody wants it, and go with the person."""

from __future__ import annotations

import base64
import io
import stat
from pathlib import Path

import httpx
import numpy as np
import pytest
from fakes import COLORS, FakeOptions, photo
from PIL import Image

import facekit
from facekit.errors import GalleryError
from facekit.gallery import open_gallery
from facekit.library import thumbnails
from facekit.serving import showing
from serving.clients import Started, files, problem, wait_until_nothing_is_kept

STORE = Path("g.db.thumbnails")


@pytest.fixture
def client(start: Started) -> httpx.Client:
    """Of a server that keeps thumbnails."""
    return start(thumbnails=True)


def enroll(client: httpx.Client, subject: str, *pictures: Path, **form: str) -> None:
    answer = client.post("/v1/templates", data={"subject": subject, **form}, files=files(*pictures))
    assert answer.status_code == 201, answer.text


def shown(client: httpx.Client, subject: str) -> dict[str, bytes]:
    answer = client.post("/v1/templates/thumbnails", json={"subject": subject})
    assert answer.status_code == 200, answer.text
    return {each["sha256"]: base64.b64decode(each["jpeg"]) for each in answer.json()["results"]}


def color_of(jpeg: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (112, 112), {})
        return tuple(int(value) for value in np.asarray(image)[56, 56])


def near(color: tuple[int, ...], name: str) -> bool:
    return max(abs(one - other) for one, other in zip(color, COLORS[name], strict=True)) < 40


def kept() -> bytes:
    return b"".join(
        Path(f"{STORE}{suffix}").read_bytes() for suffix in ("", "-wal") if Path(f"{STORE}{suffix}").exists()
    )


def test_none_is_kept_unless_somebody_wants_it(start: Started, folder: Path) -> None:
    client = start()
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    ((seal,),) = client.post("/v1/identify?seal=true", files=files(photo(folder / "b.png", "cyan"))).json()[
        "seals"
    ]
    assert client.post("/v1/templates/faces", json={"subject": "Ben", "faces": [seal]}).status_code == 201
    assert "--thumbnails" in problem(client.post("/v1/templates/thumbnails", json={"subject": "Ann"}), 404)
    assert not STORE.exists()


def test_the_face_that_was_enrolled_is_shown(client: httpx.Client, folder: Path) -> None:
    party = photo(folder / "party.png", "blue", "cyan", "yellow", size=(300, 120))
    enroll(client, "Ann", party, face="2")
    (jpeg,) = shown(client, "Ann").values()
    assert near(color_of(jpeg), "cyan")
    assert stat.S_IMODE(STORE.stat().st_mode) == 0o600
    assert shown(client, "red") == {}
    problem(client.post("/v1/templates/thumbnails", json={"subject": "nobody"}), 404)


def test_a_group_is_shown_too(client: httpx.Client, folder: Path) -> None:
    pictures = [photo(folder / f"{seed}.png", "blue", "cyan", seed=seed) for seed in range(3)]
    seals = client.post("/v1/identify?seal=true", files=files(*pictures)).json()["seals"]
    body = {"subject": "Ann", "faces": [of_photo[1] for of_photo in seals]}
    assert client.post("/v1/templates/faces", json=body).status_code == 201
    assert len(shown(client, "Ann")) == 3
    assert all(near(color_of(jpeg), "cyan") for jpeg in shown(client, "Ann").values())


def test_pictures_stay_with_whoever_is_renamed_or_merged(client: httpx.Client, folder: Path) -> None:
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    enroll(client, "Ben", photo(folder / "cyan.png", "cyan"))
    client.post("/v1/subjects/rename", json={"subject": "Ann", "name": "Anna"})
    assert len(shown(client, "Anna")) == 1
    client.post("/v1/subjects/merge", json={"into": "Anna", "others": ["Ben"]})
    assert len(shown(client, "Anna")) == 2


@pytest.mark.parametrize("how", ["the server", "the command", "one photo"])
def test_they_are_erased_with_the_person(client: httpx.Client, folder: Path, how: str) -> None:
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    enroll(client, "Ben", photo(folder / "cyan.png", "cyan"))
    (jpeg,) = shown(client, "Ann").values()
    middle = jpeg[len(jpeg) // 2 :][:60]
    assert middle in kept()
    if how == "the server":
        assert client.post("/v1/subjects/remove", json={"subjects": ["Ann"]}).status_code == 200
    elif how == "the command":
        facekit.gallery_remove("Ann", gallery="g.db")
    else:
        body = {"subject": "Ann", "photos": ["blue.png"]}
        assert client.post("/v1/templates/remove", json=body).status_code == 200
    assert middle not in kept()
    assert len(shown(client, "Ben")) == 1


def test_a_face_that_takes_anothers_place_takes_its_picture_away(client: httpx.Client, folder: Path) -> None:
    party = photo(folder / "party.png", "blue", "cyan")
    enroll(client, "Ann", party, face="1")
    enroll(client, "Ann", party, face="2")
    (jpeg,) = shown(client, "Ann").values()
    assert near(color_of(jpeg), "cyan")
    with thumbnails.Thumbnails.made(STORE) as store:
        assert store.keep_only(set) == 1


def test_sync_erases_what_it_removes(client: httpx.Client, folder: Path) -> None:
    red = Path("people/red/1.png")
    facekit.gallery_remove("red", gallery="g.db")
    enroll(client, "red", red, again="true")
    assert len(shown(client, "red")) == 1
    red.unlink()
    Path("people/red/2.png").unlink()
    facekit.sync("people", "g.db", yes=True, options=FakeOptions())
    facekit.gallery_remove("red", gallery="g.db")
    with thumbnails.Thumbnails.made(STORE) as store:
        assert store.keep_only(set) == 0


def test_what_was_left_when_somebody_was_killed_is_erased_at_the_next_start(
    client: httpx.Client, start: Started, folder: Path
) -> None:
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    with open_gallery("g.db", write=True) as gallery:
        gallery.remove(["Ann"])  # and nothing of what a verb does afterwards
    start(thumbnails=True)
    wait_until_nothing_is_kept(STORE)


def test_who_was_removed_elsewhere_is_erased_here_too(
    start: Started, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "PAUSE", 0.02)
    client = start(thumbnails=True)
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    assert len(shown(client, "Ann")) == 1
    with open_gallery("g.db", write=True) as gallery:
        gallery.remove(["Ann"])
    wait_until_nothing_is_kept(STORE)


class KilledError(BaseException):
    """The process ends here."""


def kill(*_: object, **__: object) -> None:
    raise KilledError


@pytest.mark.parametrize("moment", ["keep_only", "_erase"])
def test_a_removal_that_was_cut_off_is_told_and_finished(
    client: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Killed before the thumbnails are deleted, and before their bytes are gone."""
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    (jpeg,) = shown(client, "Ann").values()
    with monkeypatch.context() as patched:
        patched.setattr(thumbnails.Thumbnails, moment, kill)
        with pytest.raises(KilledError):
            facekit.gallery_remove("Ann", gallery="g.db")
    (told,) = facekit.gallery_check(gallery="g.db").problems
    assert told.startswith(f"{folder / STORE}: still holds ")
    assert "run the removal again" in told
    with pytest.raises(GalleryError, match="Ann"):
        facekit.gallery_remove("Ann", gallery="g.db")
    assert jpeg[len(jpeg) // 2 :][:60] not in kept()
    assert facekit.gallery_check(gallery="g.db").intact


def test_a_face_that_moves_in_another_box_takes_its_picture_along(client: httpx.Client, folder: Path) -> None:
    """The box of the same face, found by another look, is another one."""
    picture = photo(folder / "blue.png", "blue")
    enroll(client, "Ann", picture, box="8,18,54,54")
    facekit.enroll(picture, "g.db", subject="Anna", options=FakeOptions())
    with open_gallery("g.db") as gallery, thumbnails.Thumbnails.made(STORE) as store:
        assert store.orphans(thumbnails.living(gallery)) == []


def test_nothing_is_kept_of_who_is_removed_in_this_moment(folder: Path) -> None:
    with open_gallery("g.db", write=True) as gallery:
        pictures = {info.sha256: b"a" for info in gallery.templates("red")}
        gallery.remove(["red"])
        thumbnails.keep(gallery, "red", pictures)
    with thumbnails.Thumbnails.made(STORE) as store:
        assert store.orphans(frozenset()) == []


def test_a_photo_that_was_removed_is_answered_as_without_thumbnails(
    start: Started, client: httpx.Client
) -> None:
    facekit.gallery_remove("red", gallery="g.db")
    pictures = files("people/red/1.png")
    for more in ({}, {"face": "1"}):
        answers = [
            each.post("/v1/templates", data={"subject": "red", **more}, files=pictures)
            for each in (client, start())
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["results"][0]["status"] == "removed earlier"


def test_a_damaged_store_is_refused_and_stops_nobody_from_being_named(
    client: httpx.Client, folder: Path
) -> None:
    enroll(client, "Ann", photo(folder / "blue.png", "blue"))
    STORE.write_bytes(b"SQLite format 3\0" + bytes(1000))
    said = problem(client.post("/v1/templates/thumbnails", json={"subject": "Ann"}), 503)
    assert str(folder) not in said
    assert client.post("/v1/identify", files=files("people/red/1.png")).status_code == 200
    notes: list[str] = []
    facekit.gallery_remove("Ann", gallery="g.db", on_note=notes.append)
    assert ["the store of thumbnails is damaged" in note for note in notes].count(True) == 1
