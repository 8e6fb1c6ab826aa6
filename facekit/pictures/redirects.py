"""Where a server of the web may send on whoever reads from it: nowhere but to itself.

A user names the servers that are read from. One that sends facekit on could make it ask others, those of the
user's own network among them, with what the address or the environment lets it send along.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from types import SimpleNamespace

LONGEST_PRINTED = 100


class RedirectError(ValueError):
    """A server sends on to where nobody said that it may; a reason in a line."""


@cache
def within_one_server() -> aiohttp.TraceConfig:
    """What a session of aiohttp needs, so that a request that is sent on to another server ends."""
    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(_require_same_server)
    config.freeze()
    return config


async def _require_same_server(
    session: aiohttp.ClientSession, context: SimpleNamespace, sent_on: aiohttp.TraceRequestRedirectParams
) -> None:
    headers = sent_on.response.headers
    location = headers.get("Location") or headers.get("URI") or ""
    try:
        target = sent_on.url.join(URL(location))
        same = target.origin() == sent_on.url.origin()
    except ValueError:
        raise RedirectError("it is sent on to what is no address of the web") from None
    if not same:
        # Whatever the server wrote into user, password or query is not repeated.
        plain = f"{target.scheme}://{target.host}{f':{target.explicit_port}' if target.explicit_port else ''}"
        shown = f"{plain}{target.raw_path}"[:LONGEST_PRINTED]
        raise RedirectError(f"it is sent on to another server, {shown!a}: give that address itself")


def in_words(error: aiohttp.ClientError) -> str | None:
    """Why a server gave nothing, without the address: what aiohttp says repeats all of it."""
    if isinstance(error, aiohttp.TooManyRedirects):
        return "it is sent on in a circle, or too often"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the server answers {error.status} {error.message:.100}".strip()
    return None
