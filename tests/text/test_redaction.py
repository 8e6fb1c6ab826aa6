"""No user, password, query or token of an address in any text."""

from __future__ import annotations

import pytest

from facekit.text.redaction import public, redacted, without_address

ADDRESSES = [
    "rtsp://admin:S3CRET@cam.local:554/stream",
    "http://admin:S3CRET@10.0.0.7/video?token=T0KEN&channel=1",
    "http://cam.local/video?token=T0KEN",
    "http://cam.local/video#T0KEN",
    "http://cam.local?token=T0KEN",
    "RTSP://admin:S3CRET@cam.local/1",
    "rtsp://admin:S3@CRET@cam.local/1",
    "rtsp://admin:S3/CRET@cam.local/1",
    "rtsp://admin:S3%40CRET@cam.local/1",
    "rtsp://admin:S3?CRET@cam.local/1",
    "rtsp://admin:S3#CRET@cam.local/1",
    "rtsp://admin:S3 CRET@cam.local/1",
    "rtsp://admin:S3'CRET@cam.local/1",
    'rtsp://admin:S3"CRET@cam.local/1',
    "rtsp://admin:Gehöft@cam.local/1",
    "rtsp://S3CRET@cam.local/1",
    "rtsp://admin:S3CRET@[fe80::1%25eth0]:554/1",
    "rtsp://cam.local/user=admin&password=S3CRET&channel=1",
    "rtsp://cam.local/1;password=S3CRET",
    "http://cam.local/proxy/rtsp%3A%2F%2Fadmin%3AS3CRET%40inside/1",
    "admin:S3CRET@cam.local/1",
]
SECRETS = ("S3", "CRET", "T0KEN", "Geh")


def clean(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_shown_without_its_secrets(address: str) -> None:
    assert clean(public(address))


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "text",
    [
        "Server returned 401 Unauthorized: '{}'",
        "[hls @ 0x55] Failed to open segment 3 of playlist 0 ({})",
        "{}: it ended; trying again in 1 s",
        "No such command '{}'.",
        "first {}, then {}\nand {}",
    ],
)
def test_nor_in_what_others_write_about_it(address: str, text: str) -> None:
    assert clean(redacted(text.replace("{}", address), [address]))


@pytest.mark.parametrize("address", [each for each in ADDRESSES if not set(each) & set(" '\"")][:-1])
def test_nor_where_nobody_knows_the_address(address: str) -> None:
    assert clean(redacted(f"Failed to open segment ({address}) of {address}: refused"))


def test_its_password_alone_is_hidden_however_it_is_written() -> None:
    address = "http://admin:p%40ss/w%C3%B6rd@cam/1?token=ab%20cd"
    for spelling in ("p%40ss/w%C3%B6rd", "p@ss/wörd", "p%40ss%2Fw%C3%B6rd", "ab%20cd", "ab cd"):
        assert spelling not in redacted(f"refused: {spelling}", [address])


def test_the_rest_of_a_message_stays() -> None:
    assert redacted("rtsp://cam/1: Connection refused") == "rtsp://cam/1: Connection refused"
    assert redacted("rtsp://me:pw@cam/1: 401", ["rtsp://me:pw@cam/1"]) == "rtsp://cam/1: 401"
    assert redacted("a@b.org enrolled at 10:30", []) == "a@b.org enrolled at 10:30"
    assert public("rtsp://cam.local:554/stream") == "rtsp://cam.local:554/stream"


def test_data_stays_but_for_the_address_itself() -> None:
    address = "http://me:Ada@cam/1?name=Ada"
    assert without_address(f'{{"source": "{address}", "subject": "Ada"}}', address) == (
        '{"source": "http://cam/1", "subject": "Ada"}'
    )
    assert without_address("photos/1.jpg", "photos/1.jpg") == "photos/1.jpg"
