"""Pages of other sites, names that are not the server's, and requests that would use it up are refused."""

import asyncio
import gc
import logging
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fakes import FakeOptions, photo

from facekit.serving import guard
from facekit.serving.limits import Limits, Rates
from facekit.serving.problems import RequestError
from facekit.serving.work import Workplace
from serving.clients import Started, files, problem


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[", "a@b"]
)
def test_a_name_that_is_not_the_servers_is_refused(client: httpx.Client, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name was made to lead here, asks for evil.example."""
    for route in ("/v1/subjects", "/", "/v1/openapi.json"):
        assert "--allow-host" in problem(client.get(route, headers={"Host": host}), 421)


def test_further_names_can_be_allowed(start: Started) -> None:
    hosts = frozenset({"127.0.0.1", "photos.example"})
    client = start(hosts=hosts)
    for host in ("photos.example", "PHOTOS.example:8443", "photos.example."):
        assert client.get("/v1/subjects", headers={"Host": host}).status_code == 200


ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},  # another port is another site
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_the_page_of_another_site_changes_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    before = client.get("/v1/subjects").json()
    body = {"subjects": ["red"]}
    assert "another site" in problem(client.post("/v1/subjects/remove", json=body, headers=headers), 403)
    problem(client.post("/v1/identify", files=files("people/red/1.png"), headers=headers), 403)
    assert client.get("/v1/subjects").json() == before


def test_the_servers_own_page_may_ask(client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/identify", files=files("people/red/1.png"), headers=own).status_code == 200


def test_no_page_of_another_site_may_read_an_answer(client: httpx.Client) -> None:
    headers = client.get("/v1/subjects", headers={"Origin": "https://evil.example"}).headers
    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_a_proxy_makes_nobody_local(start: Started) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        asked = start().get("/v1/subjects", headers={name: "203.0.113.5"})
        assert "--require-key" in problem(asked, 403)


def test_large_requests_are_refused_before_they_are_read(start: Started) -> None:
    client = start(limits=Limits(max_bytes=10_000, max_pictures=2))
    assert "--max-bytes" in problem(client.post("/v1/identify", content=b"x" * 10_001), 413)
    pieces = (b"x" * 5_000 for _ in range(4))  # without a length in advance
    problem(client.post("/v1/identify", content=pieces, headers={"content-type": "image/png"}), 413)
    problem(client.post("/v1/subjects/remove", json={"subjects": ["x" * 300] * 100}), 413)
    three = files(*["people/red/1.png"] * 3)
    assert "more than 2 pictures" in problem(client.post("/v1/identify", files=three), 413)


def test_pictures_of_too_many_pixels_are_refused(start: Started) -> None:
    client = start(options=FakeOptions(max_pixels=1000))
    assert "--max-pixels" in problem(client.post("/v1/detect", files=files("people/red/1.png")), 422)


def test_an_upload_never_touches_the_disk(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    large = photo(Path("large.bmp"), "red", size=(1200, 900))
    assert large.stat().st_size > 3_000_000  # Starlette's own limit is 1 MB

    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("a temporary file")

    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    (result,) = client.post("/v1/identify", files=files(large)).json()["results"]
    assert result["faces"][0]["subject"] == "red"


def test_a_full_server_says_when_to_come_back(start: Started) -> None:
    client = start(limits=Limits(at_once=1, queue=1))
    slow = photo(Path("slow.png"), "red")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.post("/v1/detect", files=files(slow)), range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 503, 503]
    full = next(answer for answer in answers if answer.status_code == 503)
    assert full.headers["retry-after"] == "1"
    assert client.post("/v1/detect", files=files("people/red/1.png")).status_code == 200


def test_a_request_that_takes_too_long_is_given_up(start: Started) -> None:
    client = start(limits=Limits(seconds=0.2))
    slow = photo(Path("slow.png"), "red")
    assert "0.2 s" in problem(client.post("/v1/detect", files=files(slow)), 504)
    time.sleep(0.5)
    assert client.post("/v1/detect", files=files("people/red/1.png")).status_code == 200


def test_what_nobody_waits_for_keeps_its_place_until_it_is_done() -> None:
    done = threading.Event()

    async def scenario() -> list[int]:
        workplace = Workplace(1, 0)
        seen = []

        async def request() -> None:
            with workplace.admitted():
                await workplace.run(lambda: done.wait(5))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(request(), 0.02)
        seen.append(workplace.inside)
        with pytest.raises(RequestError), workplace.admitted():
            pass
        done.set()
        for _ in range(200):
            await asyncio.sleep(0.005)
            if not workplace.inside:
                break
        seen.append(workplace.inside)
        workplace.close()
        return seen

    assert asyncio.run(scenario()) == [1, 0]


def test_tokens_of_a_bucket_come_back_evenly() -> None:
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    assert [rates.seconds_to_wait("a") for _ in range(60)] == [0.0] * 60
    assert rates.seconds_to_wait("a") == pytest.approx(1.0)
    assert rates.seconds_to_wait("b") == 0
    now[0] = 1.5
    assert [rates.seconds_to_wait("a") > 0 for _ in range(2)] == [False, True]
    assert not any(Rates(0).seconds_to_wait("a") for _ in range(1000))


def test_buckets_of_strangers_do_not_fill_the_memory() -> None:
    now = [0.0]
    rates = Rates(1, lambda: now[0])
    rates.MOST = 10
    for number in range(100):
        now[0] += 61
        rates.count(str(number))
    assert len(rates._buckets) <= 10


def test_an_error_of_our_own_is_logged_without_names(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **more: object) -> None:
        raise KeyError("Ann Lee")

    monkeypatch.setattr("facekit.verbs.gallery.gallery_show", broken)
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/v1/templates/list", json={"subject": "red"})
    assert "internal error (KeyError)" in problem(answer, 500)
    assert "Ann Lee" not in caplog.text + answer.text
    for _ in range(100):  # it is logged after it was answered
        if f"internal error (KeyError) at {__file__}" in caplog.text:
            return
        time.sleep(0.01)
    raise AssertionError(caplog.text)


def test_nothing_of_a_request_is_logged(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post(
            "/v1/templates", data={"subject": "Ann Lee"}, files=files(photo(Path("secret.png"), "blue"))
        )
        client.post("/v1/templates/list", json={"subject": "Ann Lee"})
    assert not [word for word in ("Ann Lee", "secret.png") if word in caplog.text]


def test_a_host_without_port_and_brackets() -> None:
    cases = {"a:80": "a", "A.": "a", "[::1]:80": "::1", "": "", "[": ""}
    for header, name in cases.items():
        assert guard.host_of(header) == name


def test_five_thousand_damaged_uploads_do_nothing_in_small(client: httpx.Client) -> None:
    good = Path("people/red/1.png").read_bytes()
    threads = threading.active_count()
    for number in range(40):
        damaged = bytearray(good)
        damaged[number * len(good) // 40] ^= 0xFF
        answer = client.post(
            "/v1/identify",
            content=bytes(damaged[: len(good) - number]),
            headers={"content-type": "image/png"},
        )
        assert answer.status_code in (200, 422)
    gc.collect()
    assert client.get("/ready").status_code == 200
    assert threading.active_count() <= threads + 4
