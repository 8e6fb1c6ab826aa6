"""Pictures at addresses (`s3://BUCKET/photos/`, `https://HOST/list.txt`), read through fsspec.

Nothing is read from a network unless the user named its address: a list may name pictures of its own server
only, and a server sends nobody on to another one. Credentials come from where fsspec takes them (the
environment, the files of each service), never from an address. An address that ends with `.txt` is a list, a
picture a line; in the web, one that ends with a slash is a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from facekit import extras, settings
from facekit.errors import DependencyError, FacekitError, PictureError, UsageError

SCHEMES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "memory": "fsspec",
}
"""What can be read, and the package that fsspec needs for it. Others of its schemes run what is in a file."""
EXTRA = "remote"
_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]*)://[^\s].*")
_LIST = ".txt"
_CHUNK = 1 << 20
# Of a list: a million addresses of a hundred letters.
MOST_LIST_BYTES = 100 << 20
_MOST_FOLDERS = 100_000
_WEB = ("http", "https")
_CONNECT_SECONDS, _READ_SECONDS = 20, 60


def is_remote(source: object) -> bool:
    """Whether it is an address that is read through fsspec. What is there under this very name is meant by
    it."""
    if not isinstance(source, str):
        return False
    match = _ADDRESS.fullmatch(source)
    return match is not None and match[1].lower() in SCHEMES and not os.path.lexists(source)


def is_list(address: str) -> bool:
    """Whether it is that of a list of pictures."""
    return urlsplit(address).path.lower().endswith(_LIST)


def is_of_web(address: str) -> bool:
    """Whether its names are those of the web, in which a space is %20."""
    return address.lower().startswith(("http://", "https://"))


def refuse(inputs: Sequence[object], what: str) -> None:
    """Raise UsageError if one of the inputs is such an address; `what` says what cannot be done there."""
    for item in inputs:
        if is_remote(item):
            raise UsageError(f"{item}: {what} files of this machine only: copy the photos here first")


def content(address: str, max_bytes: int) -> bytes:
    """The bytes at an address, at most one more than `max_bytes`. Raises ValueError, with a reason in a line,
    DependencyError or UsageError."""
    address = _in_small_letters(address)
    system, path = _opened(address)
    # Told a size, fsspec does not ask the server for it; read is in one go anyway.
    told = {"size": 1} if is_of_web(address) else {}
    with _in_words(address, ValueError), system.open(path, "rb", **told) as file:
        data = bytearray()
        # A file of a server gives as much as came at once.
        while len(data) <= max_bytes:
            more = file.read(min(_CHUNK, max_bytes + 1 - len(data)))
            if not more:
                break
            data += more
        return bytes(data)


def files(address: str) -> list[str] | None:
    """The addresses of all files of a folder or a list, sorted or in its order; None if it is a single
    picture. Raises PictureError if it cannot be listed.
    """
    address = _in_small_letters(address)
    if is_list(address):
        return _listed(address)
    system, path = _opened(address)
    with _in_words(address, lambda reason: PictureError(f"{address}: cannot be listed ({reason})")):
        if is_of_web(address):
            return _linked(system, address) if urlsplit(address).path.endswith("/") else None
        if not system.isdir(path):
            return None
        top = path.rstrip("/") + "/"
        inside = (name.removeprefix(top) for name in system.find(path) if name.startswith(top))
        return sorted(address.rstrip("/") + "/" + name for name in inside if name)


def _in_small_letters(address: str) -> str:
    """The address with its scheme as fsspec knows it."""
    scheme, mark, rest = address.partition("://")
    return f"{scheme.lower()}{mark}{rest}"


def _listed(address: str) -> list[str]:
    """The pictures that a list names, relative to its own address; lines that begin with # are remarks."""
    try:
        data = content(address, MOST_LIST_BYTES)
        if len(data) > MOST_LIST_BYTES:
            raise ValueError(f"longer than {MOST_LIST_BYTES / 1e6:.0f} MB")
        lines = data.decode("utf-8-sig").splitlines()
    except ValueError as error:
        raise PictureError(f"{address}: the list cannot be read ({error})") from error
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [_within(address, name) for name in names]


def _within(address: str, name: str) -> str:
    """The address of what a list names. Raises PictureError for what is on another server."""
    scheme, _, rest = address.partition("://")
    # urljoin knows the schemes of the web alone.
    plain = f"http://{rest}"
    wanted = name
    if "://" in name:
        its_scheme, _, its_rest = name.partition("://")
        wanted = f"http://{its_rest}" if its_scheme.lower() == scheme.lower() else name
    joined = urljoin(plain, wanted)
    if urlsplit(joined)[:2] != urlsplit(plain)[:2]:
        raise PictureError(
            f"{address}: names a picture of another server ({name:.100}): give that address itself"
        )
    return f"{scheme}://{joined.partition('://')[2]}"


def _linked(system: Any, address: str) -> list[str]:
    """The files that a server's page of a folder, and those of the folders in it, link to."""
    found: set[str] = set()
    visited: set[str] = set()
    waiting = [address]
    while waiting:
        folder = waiting.pop()
        if folder in visited:
            continue
        visited.add(folder)
        if len(visited) > _MOST_FOLDERS:
            raise ValueError(f"more than {_MOST_FOLDERS} folders")
        for name in system.ls(folder, detail=False):
            # A page links to itself in other orders, and to the folder above.
            if not name.startswith(folder) or name == folder or set("?#") & set(name[len(folder) :]):
                continue
            (waiting.append if name.endswith("/") else found.add)(name)
    return sorted(found)


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises DependencyError without the package for it,
    UsageError for an address with a password or of several."""
    scheme = address.partition("://")[0].lower()
    package = SCHEMES[scheme]
    for needed in ("fsspec", package):
        if not settings.has_package(needed):
            raise DependencyError(f"{scheme}:// needs {needed}: {extras.install(EXTRA)}")
    user, at, _ = urlsplit(address).netloc.rpartition("@")
    # abfs://CONTAINER@ACCOUNT names no user.
    if (at and (scheme in _WEB or ":" in user)) or "::" in address:
        raise UsageError(
            f"{scheme}://…: give an address without user, password or ::, and credentials in the environment"
        )
    import fsspec

    with _in_words(address, lambda reason: PictureError(f"{address}: cannot be read ({reason})")):
        system, path = fsspec.core.url_to_fs(address, **_options(scheme))
        return system, path


def _options(scheme: str) -> dict[str, Any]:
    if scheme not in _WEB:
        return {}
    import aiohttp

    from facekit.pictures.redirects import within_one_server

    # In one go: a server need not know parts of a file.
    limit = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)
    return {"block_size": 0, "client_kwargs": {"timeout": limit, "trace_configs": [within_one_server()]}}


@contextmanager
def _in_words(address: str, error_of: Any) -> Iterator[None]:
    """Turn whatever fsspec and the services raise into an error in a line."""
    try:
        yield
    except FacekitError:
        raise
    except FileNotFoundError as error:
        raise error_of("no such file there") from error
    except PermissionError as error:
        raise error_of("it may not be read with the credentials of the environment") from error
    except TimeoutError as error:
        raise error_of("the server took too long") from error
    except MemoryError:
        raise
    # Each service has errors of its own, and fsspec has no one for all.
    except Exception as error:
        if is_of_web(address):
            import aiohttp

            from facekit.pictures import redirects

            known = redirects.in_words(error) if isinstance(error, aiohttp.ClientError) else None
            if known or isinstance(error, redirects.RedirectError):
                raise error_of(known or str(error)) from error
        lines = str(error).strip().splitlines()
        words = lines[0].replace(address, "").strip(" :,") if lines else ""
        raise error_of(words[:200] or type(error).__name__) from error
