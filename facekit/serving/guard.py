"""What every request passes before its body is read: whose page sent it, which key it has, is there room.

A server on the loopback needs no key, for whoever can reach it is on this machine. A browser on this machine
can reach it too, with any page of the web open in it. Such a page is kept out in three ways: its requests say
where they come from (Sec-Fetch-Site, Origin); one whose own name is made to lead here (DNS rebinding) asks
for a host that is not ours; and a proxy, which makes strangers look local, is refused unless keys are
required.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facekit.serving.keys import Key, Keys, Role
from facekit.serving.limits import Limits, Rates
from facekit.serving.monitoring import Metrics
from facekit.serving.problems import RequestError, internal
from facekit.serving.work import Workplace

OPEN = ("/health", "/ready", "/", "/page/", "/v1/openapi.json")
"""What needs no key: nothing of the gallery is in it."""

WRONG_KEYS_A_MINUTE = 20
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_DRAIN_BYTES, _DRAIN_SECONDS = 8_000_000, 2.0
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

log = logging.getLogger("facekit.serving")


@dataclass(frozen=True)
class Admission:
    """Who may ask. `hosts` are the names by which the server may be called; None for any, which is safe where
    every request has a key."""

    require_key: bool
    hosts: frozenset[str] | None
    keys: Keys


class Guard:
    """An ASGI application around the one that answers."""

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        limits: Limits,
        workplace: Workplace,
        metrics: Metrics,
        workers: int = 1,
    ) -> None:
        self._app = app
        self._admission = admission
        self._limits = limits
        self._workplace = workplace
        self._metrics = metrics
        # Requests are spread over the processes, and none knows what the others count.
        self._rates = Rates(math.ceil(limits.rate / workers))
        self._wrong_keys = Rates(WRONG_KEYS_A_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        answer, body = _Answer(send), _Body(receive, self._limits.max_bytes)
        try:
            async with asyncio.timeout(self._limits.seconds) as time_left:
                # A stream of events takes the limit off.
                scope.setdefault("state", {})["time"] = time_left
                await self._answer(scope, body, answer)
        except TimeoutError:
            await answer.instead(scope, body, _too_slow(self._limits.seconds))
        except RequestError as problem:
            await answer.instead(scope, body, problem)
        except Exception as error:
            # Neither the message nor the values in a trace: names may be in them.
            log.error("internal error (%s) at %s", type(error).__name__, _place_of(error))
            await answer.instead(scope, body, internal(error))
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.answered(route, answer.status, time.monotonic() - began)

    async def _answer(self, scope: Scope, body: _Body, send: Send) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers)
        if scope["method"] not in ("GET", "HEAD"):
            _check_origin(headers)
        scope["state"]["role"] = await self._role(scope, headers)
        self._check_length(headers)
        if scope["method"] == "POST":
            with self._workplace.admitted():
                await self._app(scope, body, send)
        else:
            await self._app(scope, body, send)

    def _check_host(self, headers: Headers) -> None:
        hosts = self._admission.hosts
        if hosts is None:
            return
        name = host_of(headers.get("host", ""))
        if name not in hosts:
            raise RequestError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this server is not called so: start it with --allow-host NAME for each of its names",
            )

    async def _role(self, scope: Scope, headers: Headers) -> Role | None:
        """What the sender may do; None where anybody may ask. Raises RequestError for a wrong key."""
        path = scope["path"]
        if path in OPEN or path.startswith("/page/"):
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token and not self._admission.require_key:
            if any(name in headers for name in _FORWARDED):
                raise RequestError(
                    HTTPStatus.FORBIDDEN,
                    "the request came through a proxy, so that nobody can tell who sent it: behind a "
                    "proxy the server needs --require-key",
                )
            scope["state"]["may_go_on"] = _yes
            return "admin"
        key = await self._key(scope, token.strip() if scheme.lower() == "bearer" else "")
        if wait := self._rates.seconds_to_wait(key.id):
            raise _too_many("this key has asked too often", wait)
        token = token.strip()
        scope["state"]["may_go_on"] = lambda: self._is_valid(token)
        return key.role

    async def _is_valid(self, token: str) -> bool:
        """Whether the key was not removed meanwhile."""
        return await asyncio.to_thread(self._admission.keys.of, token) is not None

    async def _key(self, scope: Scope, token: str) -> Key:
        client = scope.get("client")
        address = str(client[0]) if client else ""
        if self._wrong_keys.is_used_up(address):
            raise _too_many("too many wrong keys came from this address", 60 / WRONG_KEYS_A_MINUTE)
        key = await asyncio.to_thread(self._admission.keys.of, token) if token else None
        if key is None:
            if token:
                self._wrong_keys.count(address)
            raise RequestError(
                HTTPStatus.UNAUTHORIZED,
                "the key is wrong, or was removed"
                if token
                else "a key is needed: send it as Authorization: Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return key

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._limits.max_bytes:
            raise _too_large(self._limits.max_bytes)


class _Body:
    """Receives a body of no more than so many bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._bytes = 0
        self._whole = False

    async def drain(self) -> None:
        """Throw away what is left, up to a point: a sender whose bytes nobody reads is cut off before it can
        read the answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                self._most = self._bytes + _DRAIN_BYTES
                with contextlib.suppress(RequestError):
                    while not self._whole:
                        await self()

    async def __call__(self) -> Message:
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise _too_large(self._most)
        return message


class _Answer:
    """Sends an answer with the headers that every one has, and knows whether it was begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), text.encode())
                    for name, text in _HEADERS.items()
                    if name.encode() not in present
                ),
            ]
        await self._send(message)

    async def instead(self, scope: Scope, body: _Body, problem: RequestError) -> None:
        """Answer with the problem, unless something was answered already. The connection ends with it."""
        if not self.status:
            await body.drain()
            problem.headers.setdefault("Connection", "close")
            await problem.response()(scope, body, self)


async def _yes() -> bool:
    return True


def host_of(header: str) -> str:
    """The name in a Host header, without its port and brackets, in small letters."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _check_origin(headers: Headers) -> None:
    """Raise RequestError for what the page of another site sends."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    elsewhere = site not in (None, "same-origin", "none")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        elsewhere = True
    if elsewhere:
        raise RequestError(HTTPStatus.FORBIDDEN, "the request came from the page of another site")


def _too_large(most: int) -> RequestError:
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the request is larger than {most} bytes: send fewer or smaller pictures, or start the server "
        "with a larger --max-bytes",
    )


def _too_many(why: str, wait: float) -> RequestError:
    seconds = max(1, math.ceil(wait))
    return RequestError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{why}: try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


def _too_slow(seconds: float) -> RequestError:
    return RequestError(
        HTTPStatus.GATEWAY_TIMEOUT,
        f"given up after {seconds:g} s; what was to be stored may still be: send fewer pictures at a time",
    )


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
