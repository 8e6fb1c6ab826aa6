"""Keys are stored as hashes, in a file of their owner's alone, and may do what their role may."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import facekit
from facekit.errors import FacekitError, UsageError
from facekit.serving.keys import ROLES, Keys
from serving.clients import Started, files, problem


def test_only_a_hash_is_stored_and_only_for_the_owner(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    made = facekit.serve_key_add("door", role="enroll", keys=file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert made.token not in text
    assert made.token.rpartition("_")[2] not in text
    assert [key.to_dict() for key in facekit.serve_key_list(keys=file)] == [
        {"schema": 1, "name": "door", "role": "enroll", "added": made.key.added}
    ]


def test_a_token_is_told_from_every_other(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    one, other = (facekit.serve_key_add(name, keys=file).token for name in ("one", "other"))
    keys = Keys(file)
    for _ in range(2):  # the second time from memory
        assert [key.name for token in (one, other) if (key := keys.of(token))] == ["one", "other"]
    crossed = f"{one.rpartition('_')[0]}_{other.split('_', 2)[2]}"
    for wrong in (
        "",
        "x",
        one[:-1],
        one + "a",
        one.swapcase(),
        crossed,
        f" {one}",
        one.replace("facekit", "x"),
    ):
        assert keys.of(wrong) is None


def test_a_key_that_is_removed_is_refused_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys, token = Keys(file), facekit.serve_key_add("door", keys=file).token
    assert keys.of(token)
    facekit.serve_key_remove("door", keys=file)
    assert keys.of(token) is None
    with pytest.raises(UsageError, match="no key 'door'"):
        facekit.serve_key_remove("door", keys=file)


def test_names_are_not_taken_twice_and_can_be_printed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    facekit.serve_key_add("door", keys=file)
    for name in ("door", "", " ", "a\nb", "x" * 101):
        with pytest.raises(UsageError):
            facekit.serve_key_add(name, keys=file)
    with pytest.raises(UsageError, match="read, enroll, admin"):
        facekit.serve_key_add("a", role="root", keys=file)  # type: ignore[arg-type]
    assert len(facekit.serve_key_list(keys=file)) == 1


def test_no_key_is_lost_where_several_are_made_at_once(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: facekit.serve_key_add(f"k{n}", keys=file), range(8)))
    assert {key.name for key in facekit.serve_key_list(keys=file)} == {f"k{n}" for n in range(8)}


@pytest.mark.parametrize(
    "content",
    [
        *(b"nonsense", b"\xff", b"{}", b"[" * 100_000, b'{"keys": [{"name": "a"}]}', b'{"keys": 3}'),
        b'{"keys": [{"name": "a", "role": "read", "id": [], "salt": "", "hash": "", "added": ""}]}',
    ],
)
def test_a_damaged_file_of_keys_is_neither_believed_nor_overwritten(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)
    with pytest.raises(FacekitError, match=r"keys\.json"):
        facekit.serve_key_add("a", keys=file)
    with pytest.raises(FacekitError, match=r"keys\.json"):
        Keys(file).of("x")
    assert file.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_in_the_place_of_the_keys_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys.json")
    with pytest.raises(FacekitError, match=r"keys\.json: is no regular file"):
        facekit.serve_key_list(keys=tmp_path / "keys.json")


def test_a_role_may_do_what_those_before_it_may(start: Started) -> None:
    tokens = {role: facekit.serve_key_add(role, role=role, keys="keys.json").token for role in ROLES}
    client = start(require_key=True)
    expected = {"read": (200, 403, 403), "enroll": (200, 200, 403), "admin": (200, 200, 200)}
    for role, token in tokens.items():
        headers = {"Authorization": f"Bearer {token}"}
        form = {"data": {"subject": "red"}, "files": files("people/red/1.png")}
        answers = (
            client.get("/v1/subjects", headers=headers),
            client.post("/v1/templates", headers=headers, **form),  # type: ignore[arg-type]
            client.post("/v1/subjects/rename", json={"subject": "red", "name": "red"}, headers=headers),
        )
        assert tuple(answer.status_code for answer in answers) == expected[role]


def test_where_keys_are_required_nothing_is_told_without(start: Started) -> None:
    client = start(require_key=True)
    for route in ("/v1/subjects", "/metrics", "/v1/nothing"):
        response = client.get(route)
        assert "a key is needed" in problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
    problem(client.post("/v1/identify", files=files("people/red/1.png")), 401)
    for scheme in ("Bearer", "Basic"):
        headers = {"Authorization": f"{scheme} nonsense"}
        problem(client.get("/v1/subjects", headers=headers), 401)
    for route in ("/", "/health", "/ready", "/v1/openapi.json"):
        assert client.get(route).status_code == 200


def test_guessing_keys_is_stopped(start: Started) -> None:
    client = start(require_key=True)
    token = facekit.serve_key_add("a", keys="keys.json").token
    answers = [client.get("/v1/subjects", headers={"Authorization": f"Bearer {n}"}) for n in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    problem(answers[20], 429)
    right = client.get("/v1/subjects", headers={"Authorization": f"Bearer {token}"})
    assert "Retry-After" in right.headers


def test_a_key_has_so_many_requests_a_minute(start: Started) -> None:
    from facekit.serving.limits import Limits

    tokens = [facekit.serve_key_add(name, keys="keys.json").token for name in ("a", "b")]
    client = start(require_key=True, limits=Limits(rate=2))
    one, other = ({"Authorization": f"Bearer {token}"} for token in tokens)
    assert [client.get("/v1/subjects", headers=one).status_code for _ in range(2)] == [200, 200]
    refused = client.get("/v1/subjects", headers=one)
    problem(refused, 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert client.get("/v1/subjects", headers=other).status_code == 200


def test_the_file_is_json_that_a_backup_can_hold(tmp_path: Path) -> None:
    facekit.serve_key_add("a", keys=tmp_path / "keys.json")
    (key,) = json.loads((tmp_path / "keys.json").read_text())["keys"]
    assert set(key) == {"name", "role", "id", "salt", "hash", "added"}
