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
_SERVER = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")
_DATABASES = ("postgresql", "postgres")
# What libpq and facekit take that is no secret. Whoever is told to run a command needs them again.
DATABASE_PARAMETERS = (
    *("schema", "index", "host", "hostaddr", "port", "service", "sslmode", "sslrootcert", "channel_binding"),
    *("require_auth", "connect_timeout", "target_session_attrs", "application_name"),
    *("keepalives", "keepalives_idle"),
)
# A shorter password, or value of a query, is hidden inside addresses only: other words have its letters.
_SHORTEST = 3


def is_address(text: str) -> bool:
    """Whether it names a place in a network (`rtsp://…`), or at least would with a scheme before it
    (`user:password@camera`).
    """
    return "://" in text or _LOGIN.match(text) is not None


def public(address: str) -> str:
    """The address without user, password, query and parameters; scheme alone where it cannot be told which
    part they are. What else stands in a path is no secret to facekit.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return f"{HIDDEN}@{address.rpartition('@')[2]}" if "@" in address else address
    if scheme.lower() in _DATABASES:
        return _shown_database(scheme, rest)
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
    return text.replace(address, public(address)) if is_address(address) else text


def _shown_database(scheme: str, rest: str) -> str:
    place, mark, query = rest.partition("?")
    host, slash, path = place.partition("/")
    login, at, server = host.rpartition("@")
    # A password with a slash, a question mark or the like in it stands where it does not belong.
    if "@" in unquote(path) + query or "#" in rest or not _SERVER.fullmatch(server):
        return f"{scheme}://{HIDDEN}"
    pairs = [pair for pair in query.split("&") if pair.partition("=")[0].lower() in DATABASE_PARAMETERS]
    ending = f"{mark}{'&'.join(pairs)}" if pairs else ""
    return f"{scheme}://{login.partition(':')[0]}{at}{server}{slash}{path}{ending}"


def _redacted_match(match: re.Match[str]) -> str:
    # Messages go on behind an address with a colon.
    end = ":" if match[0].endswith(":") else ""
    return public(match[0].removesuffix(end)) + end


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
    if address.lower().startswith(tuple(f"{name}://" for name in _DATABASES)):
        yield from _database_secrets(rest)
        return
    login, at, behind = rest.rpartition("@")
    if at:
        yield login
        yield login.partition(":")[2]
    for text in (rest, behind):
        query = text.partition("?")[2]
        yield query
        yield from (pair.partition("=")[2] for pair in re.split("[&;]", query))


def _database_secrets(rest: str) -> Iterator[str]:
    login, at, _ = rest.rpartition("@")
    if at:
        yield login.partition(":")[2]
    for pair in rest.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if name.lower() not in DATABASE_PARAMETERS:
            yield value
