"""Every route is a verb: the same results as in Python, the same errors as problem details."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeOptions, photo
from jsonschema import Draft202012Validator

import facekit
from facekit.gallery import TemplateInfo, open_gallery, place_of
from facekit.output.schema import schema
from serving.clients import Started, files, problem

SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture
def party(folder: Path) -> Path:
    return photo(folder / "in" / "party.png", "red", "blue", "green", seed=3, size=(300, 120))


def valid(kind: str, value: Any) -> None:
    Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema()["$defs"]}).validate(value)


def results(response: httpx.Response, status: int = 200) -> list[dict[str, Any]]:
    assert response.status_code == status, response.text
    document = response.json()
    assert document["schema"] == 1
    found: list[dict[str, Any]] = document["results"]
    return found


def dicts(values: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(json.dumps([value.to_dict() for value in values]))
    return made


def named(*paths: Path) -> list[facekit.NamedPicture]:
    return [facekit.NamedPicture(path.name, path.read_bytes()) for path in paths]


def test_identify_gives_what_the_verb_gives(client: httpx.Client, party: Path, folder: Path) -> None:
    other = photo(folder / "in" / "green.png", "green", seed=4)
    answer = results(client.post("/v1/identify?top=1", files=files(party, other)))
    assert answer == dicts(facekit.identify(named(party, other), "g.db", top=1, options=FakeOptions()))
    assert [face["subject"] for face in answer[0]["faces"]] == ["red", None, "green"]
    valid("identify", answer[0])


def test_a_picture_may_be_the_body_itself(client: httpx.Client, party: Path) -> None:
    (answer,) = results(
        client.post("/v1/identify", content=party.read_bytes(), headers={"content-type": "image/png"})
    )
    assert answer["source"] == "input 1"
    assert len(answer["faces"]) == 3


def test_the_words_of_the_verb_are_those_of_the_route(client: httpx.Client, party: Path) -> None:
    words = {"threshold": 0.99, "allow_repeats": True, "top": 2}
    (answer,) = results(client.post("/v1/identify", params=words, files=files(party)))
    assert answer == dicts(facekit.identify(named(party), "g.db", options=FakeOptions(), **words))[0]  # type: ignore[arg-type]
    assert "top" in problem(client.post("/v1/identify?top=0", files=files(party)), 422)
    assert "threshold" in problem(client.post("/v1/identify?threshold=nan", files=files(party)), 422)


def test_detect_and_verify_give_what_the_verbs_give(client: httpx.Client, party: Path) -> None:
    assert results(client.post("/v1/detect", files=files(party))) == dicts(
        facekit.detect(named(party), options=FakeOptions())
    )
    first, second = Path("people/red/1.png"), Path("people/red/2.png")
    answer = client.post("/v1/verify", files=files(first, second)).json()
    assert answer == facekit.verify(*named(first, second), options=FakeOptions()).to_dict()
    assert answer["same"]
    assert "two pictures" in problem(client.post("/v1/verify", files=files(first)), 422)
    assert "no face" in problem(client.post("/v1/verify", files=files(first, photo(Path("empty.png")))), 422)


def test_vectors_are_given_out_only_where_the_server_allows_it(start: Started, party: Path) -> None:
    assert "--allow-embed" in problem(start().post("/v1/embed", files=files(party)), 403)
    (answer,) = results(start(allow_embed=True).post("/v1/embed", files=files(party)))
    assert answer == dicts(facekit.embed(named(party), options=FakeOptions()))[0]


def test_people_are_added_listed_renamed_merged_and_removed(client: httpx.Client, folder: Path) -> None:
    pictures = [photo(folder / f"blue{seed}.png", "blue", seed=seed) for seed in (1, 2)]
    made = results(client.post("/v1/templates", data={"subject": "Bo/b"}, files=files(*pictures)), 201)
    assert [outcome["status"] for outcome in made] == ["enrolled", "enrolled"]
    valid("enroll", made[0])
    again = results(client.post("/v1/templates", data={"subject": "Bo/b"}, files=files(*pictures)))
    assert [outcome["status"] for outcome in again] == ["already there", "already there"]
    people = results(client.get("/v1/subjects"))
    assert [person["subject"] for person in people] == ["Bo/b", "green", "red"]
    assert people == dicts(facekit.gallery_list("g.db"))

    assert client.post("/v1/subjects/rename", json={"subject": "Bo/b", "name": "Bob"}).status_code == 200
    stored = results(client.post("/v1/templates/list", json={"subject": "Bob"}))
    assert stored == dicts(facekit.gallery_show("Bob", gallery="g.db"))
    assert [each["source"] for each in stored] == ["blue1.png", "blue2.png"]
    removed = client.post("/v1/templates/remove", json={"subject": "Bob", "photos": ["blue1.png"]}).json()
    assert (removed["templates"], removed["gone"]) == (1, False)
    merged = client.post("/v1/subjects/merge", json={"into": "red", "others": ["Bob"]}).json()
    assert merged["templates"] == 1
    assert client.post("/v1/subjects/remove", json={"subjects": ["red"]}).json()["templates"] == 3
    assert [person["subject"] for person in results(client.get("/v1/subjects"))] == ["green"]
    assert client.get("/v1/gallery").json()["people"] == 1


@pytest.mark.parametrize("how", ["face", "box"])
def test_of_a_picture_of_several_the_face_that_is_shown_is_enrolled(
    client: httpx.Client, party: Path, how: str
) -> None:
    (found,) = results(client.post("/v1/detect", files=files(party)))
    x0, y0, x1, y1 = found["faces"][1]["box"]
    shown = {"face": "2", "box": f"{x0},{y0},{x1 - x0},{y1 - y0}"}[how]
    form = {"subject": "Blue", how: shown}
    (outcome,) = results(client.post("/v1/templates", data=form, files=files(party)), 201)
    assert outcome["status"] == "enrolled"
    (answer,) = results(client.post("/v1/identify", files=files(party)))
    assert [face["subject"] for face in answer["faces"]] == ["red", "Blue", "green"]


WRONG = [{"face": "4"}, {"face": "0"}, {"face": "x"}, {"box": "1,2"}, {"again": "maybe"}]


@pytest.mark.parametrize("form", WRONG, ids=str)
def test_a_face_that_is_not_there_is_refused(client: httpx.Client, party: Path, form: dict[str, str]) -> None:
    problem(client.post("/v1/templates", data={"subject": "A", **form}, files=files(party)), 422)
    assert len(results(client.get("/v1/subjects"))) == 2


def test_what_is_not_there_is_404_and_what_is_taken_409(client: httpx.Client) -> None:
    for route, body in {
        "/v1/subjects/rename": {"subject": "nobody", "name": "somebody"},
        "/v1/subjects/merge": {"into": "red", "others": ["nobody"]},
        "/v1/subjects/remove": {"subjects": ["red", "nobody"]},
        "/v1/templates/list": {"subject": "nobody"},
        "/v1/templates/remove": {"subject": "red", "photos": ["nothing.png"]},
    }.items():
        problem(client.post(route, json=body), 404)
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/nothing"), 404)
    problem(client.get("/v1/identify"), 405)
    taken = client.post("/v1/subjects/rename", json={"subject": "red", "name": "green"})
    assert "merge" in problem(taken, 409)
    assert "subject" in problem(client.post("/v1/subjects/rename", json={"name": "a"}), 422)
    assert len(results(client.get("/v1/subjects"))) == 2


def test_a_picture_that_cannot_be_read_stops_no_other(client: httpx.Client, party: Path) -> None:
    bad = Path("bad.png")
    bad.write_bytes(b"no picture")
    answer = results(client.post("/v1/identify", files=files(bad, party)))
    assert "not a picture" in answer[0]["error"]
    assert len(answer[1]["faces"]) == 3
    response = client.post("/v1/identify", files=files(bad))
    assert "bad.png: not a picture" in problem(response, 422)
    assert response.json()["results"][0] == answer[0]


def test_a_request_without_pictures_says_what_to_send(client: httpx.Client) -> None:
    assert "image/jpeg" in problem(client.post("/v1/identify", json={}), 415)
    empty = client.post("/v1/identify", content=b"", headers={"content-type": "image/jpeg"})
    assert "no picture" in problem(empty, 422)
    broken = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/identify", content=b"--y\r\nnonsense", headers=broken), 400)
    problem(client.post("/v1/identify", content=b"x", headers={"content-type": "multipart/form-data"}), 400)
    no_name = client.post("/v1/templates", files=files("people/red/1.png"))
    assert "subject" in problem(no_name, 422)


def test_a_gallery_of_nobody_says_so_and_sees_who_comes(start: Started, folder: Path, party: Path) -> None:
    facekit.gallery_remove(["red", "green"], gallery="g.db")
    client = start()
    assert "nobody is enrolled" in problem(client.post("/v1/identify", files=files(party)), 409)
    facekit.enroll("people", "g.db", again=True, options=FakeOptions())  # as another process would
    (answer,) = results(client.post("/v1/identify", files=files(party)))
    assert answer["faces"][0]["subject"] == "red"


def test_two_servers_on_one_gallery_agree_at_once(start: Started, party: Path) -> None:
    one, other = start(), start()
    one.post("/v1/subjects/rename", json={"subject": "red", "name": "Ruth"})
    (answer,) = results(other.post("/v1/identify", files=files(party)))
    assert answer["faces"][0]["subject"] == "Ruth"


def test_a_server_that_only_reads_changes_nothing(start: Started, party: Path) -> None:
    client = start(read_only=True)
    assert "--read-only" in problem(
        client.post("/v1/templates", data={"subject": "a"}, files=files(party)), 403
    )
    problem(client.post("/v1/subjects/remove", json={"subjects": ["red"]}), 403)
    assert results(client.post("/v1/identify", files=files(party)))


def test_no_answer_tells_where_the_gallery_lies(start: Started, folder: Path) -> None:
    client = start(place=place_of(folder / "g.db"))
    with open_gallery(folder / "g.db", write=True) as gallery:
        gallery.remove(["red", "green"])
    asked = client.post("/v1/identify", files=files("people/red/1.png"))
    assert str(folder) not in asked.text + client.get("/v1/gallery").text


def test_the_name_of_an_upload_is_never_taken_for_a_file_of_the_server(
    client: httpx.Client, folder: Path
) -> None:
    """Uploads called like files in the folder in which the server runs."""
    here = photo(folder / "here.png", "blue")
    assert client.post("/v1/templates", data={"subject": "Bob"}, files=files(here)).status_code == 201
    (stored,) = facekit.gallery_show("Bob", gallery="g.db")
    assert isinstance(stored, TemplateInfo)
    assert stored.source == "here.png"
    (folder / "copy.png").write_bytes(here.read_bytes())
    asked = {"subject": "Bob", "photos": [str(folder / "copy.png")]}
    problem(client.post("/v1/templates/remove", json=asked), 404)
    for shown in results(client.post("/v1/templates/list", json={"subject": "red"})):
        assert shown["folder"] is None


def test_the_state_of_the_server_is_told(client: httpx.Client, party: Path) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
    client.post("/v1/identify", files=files(party))
    problem(client.get("/v1/nothing"), 404)
    text = client.get("/metrics").text
    assert re.search(r'facekit_requests_total\{route="/v1/identify",status="200",worker="\d+"\} 1\.0', text)
    assert re.search(r'facekit_requests_total\{route="other",status="404"', text)
    assert re.search(r'facekit_pictures_total\{result="read",worker="\d+"\} 1\.0', text)
    assert re.search(r'facekit_gallery_people\{worker="\d+"\} 2\.0', text)
    assert not re.search(r"\b(red|green)\b", text)


def described(document: dict[str, Any]) -> dict[str, Any]:
    """What of the description is a promise: routes, parameters, bodies and results."""
    routes = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = {
                status: {kind: each["schema"] for kind, each in answer.get("content", {}).items()}
                for status, answer in operation["responses"].items()
            }
            parameters = {each["name"]: each["in"] for each in operation.get("parameters", [])}
            body = operation.get("requestBody", {}).get("content", {})
            routes[f"{method.upper()} {path}"] = {"parameters": parameters, "body": body, "answers": content}
    ours = [
        *("Rename", "Merge", "People", "Person", "Photos", "SealedFaces", "Named"),
        *("Faces", "Apart", "Denied", "Numbers", "Moved", "done", "problem", "thumbnail"),
    ]
    bodies = {name: document["components"]["schemas"][name] for name in ours}
    return {
        "routes": routes,
        "schemas": {
            name: {"properties": sorted(body["properties"]), "required": sorted(body.get("required", []))}
            for name, body in bodies.items()
        },
    }


def test_the_routes_are_those_that_were_promised(client: httpx.Client) -> None:
    """A change of the interface is a change of tests/serving/openapi.json."""
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert described(document) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_a_gallery_whose_file_was_replaced_takes_nothing_more(client: httpx.Client, folder: Path) -> None:
    """A backup that is put back while the server runs: what it would still store, nobody would see."""
    facekit.gallery_copy("g.db", "backup.db")
    (folder / "backup.db").replace(folder / "g.db")
    sent = {"data": {"subject": "blue"}, "files": files("people/red/1.png")}
    for answer in (client.get("/ready"), client.get("/v1/subjects"), client.post("/v1/templates", **sent)):
        assert "another file has taken its place" in problem(answer, 503)
    assert client.get("/metrics").status_code == 200
    with open_gallery(place_of("g.db")) as gallery:
        assert [subject.name for subject in gallery.subjects()] == ["green", "red"]
