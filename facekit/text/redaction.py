"""Addresses without their secrets, in any text: FFmpeg, OpenCV and Python repeat in their messages the whole
address they were given, password included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, unquote_plus

HIDDEN = "…"

_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]*)://(\S*)")
_LOGIN = re.compile(r"[^\s/@:]+:[^@]*@[\w\[]")
# Where the part of an address may begin that holds tokens; some cameras have user=…&password=… in the path.
_PARAMETERS = re.compile(r"[?#;&=]")
# A shorter password, or value of a query, is hidden inside addresses only: other words have its letters.
_SHORTEST = 3


def is_address(text: str) -> bool:
    """Whether it names a place in a network (`rtsp://…`), or at least would with a scheme before it
    (`user:password@camera`).
    """
    return "://" in text or _LOGIN.match(text) is not None


def shown(address: str) -> str:
    """The address without user, password, query and parameters; scheme alone where it cannot be told which
    part they are. What else stands in a path is no secret to facekit.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return f"{HIDDEN}@{address.rpartition('@')[2]}" if "@" in address else address
    host, slash, path = rest.partition("/")
    if "?" in host or "@" in unquote(path):
        return f"{scheme}://{HIDDEN}"
    return f"{scheme}://{host.rsplit('@', 1)[-1]}{slash}{_PARAMETERS.split(path, maxsplit=1)[0]}"


def redacted(text: str, addresses: Iterable[str] = ()) -> str:
    """`text` with every address in it as `shown`, and without the passwords and queries of `addresses`,
    wherever and however quoted they stand.
    """
    for address in addresses:
        text = without_address(text, address)
        for secret in sorted(set(_secrets(address)), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
    return _ADDRESS.sub(_redacted_match, text) if "://" in text else text


def without_address(text: str, address: str) -> str:
    """`text` with this one address, where it stands whole, as `shown`: for lines of data, whose other words
    have to stay as they are.
    """
    return text.replace(address, shown(address)) if is_address(address) else text


def _redacted_match(match: re.Match[str]) -> str:
    # Messages go on behind an address with a colon.
    end = ":" if match[0].endswith(":") else ""
    return shown(match[0].removesuffix(end)) + end


def _secrets(address: str) -> Iterator[str]:
    for part in _secret_parts(address):
        plain = unquote(part)
        for spelling in (part, plain, unquote_plus(part), quote(plain), quote(plain, safe="")):
            if len(spelling) >= _SHORTEST:
                yield spelling


def _secret_parts(address: str) -> Iterator[str]:
    if not is_address(address):
        return
    rest = address.partition("://")[2] or address
    login, at, behind = rest.rpartition("@")
    if at:
        yield login
        yield login.partition(":")[2]
    for text in (rest, behind):
        query = text.partition("?")[2]
        yield query
        yield from (pair.partition("=")[2] for pair in re.split("[&;]", query))
