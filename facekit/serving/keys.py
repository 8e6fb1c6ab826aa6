"""Who may use a server: keys, of which only a hash is stored, in a file that only its owner can read."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

from facekit import settings
from facekit.arguments import path_of, short_text
from facekit.errors import FacekitError, UsageError
from facekit.files import untrusted, writing
from facekit.results import SCHEMA

Role = Literal["read", "enroll", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: ask who is in pictures; add people; rename, merge and remove them."""

LONGEST_NAME = 100
_LARGEST = 16 * untrusted.MIB
"""Bytes of a file of keys: some 50,000."""
# The parameters that RFC 7914 and OWASP name for interactive use: 16 MiB, some 50 ms.
_COST = {"n": 2**14, "r": 8, "p": 1}
_TOKEN = re.compile(r"facekit_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Key:
    """A key without its secret: what it is called, what it may do, since when. `id` is the part of the token
    by which its hash is looked up."""

    name: str
    role: Role
    id: str
    salt: str
    hash: str
    added: str

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "name": self.name, "role": self.role, "added": self.added}

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class NewKey:
    """A key that was made: the `token` is told once and stored nowhere."""

    key: Key
    token: str

    def to_dict(self) -> dict[str, Any]:
        return {**self.key.to_dict(), "token": self.token}


class Keys:
    """The keys of a file, read again when it has changed. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None
        self._by_id: dict[str, Key] = {}
        # A hash is made to cost: a token that was right is known again by its digest.
        self._known: dict[bytes, Key] = {}

    def all(self) -> list[Key]:
        """All keys, oldest first. Raises FacekitError for a file that is none of keys."""
        with self._lock:
            self._refresh()
            return list(self._by_id.values())

    def of(self, token: str) -> Key | None:
        """The key of a token, or None. Takes a while for one that is not known yet."""
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            self._refresh()
            if known := self._known.get(digest):
                return known
            match = _TOKEN.fullmatch(token)
            key = self._by_id.get(match[1]) if match else None
        if match is None or key is None:
            return None
        if not hmac.compare_digest(_hash(match[2], key.salt), key.hash):
            return None
        with self._lock:
            if self._by_id.get(key.id) == key:
                self._known[digest] = key
        return key

    def _refresh(self) -> None:
        state = _state(self.path)
        if state != self._state:
            self._by_id = {key.id: key for key in _read(self.path)}
            self._known.clear()
            self._state = state


def serve_key_add(name: str, *, role: Role = "read", keys: str | PathLike[str] | None = None) -> NewKey:
    """Make a key for a server. Its token is in what is returned, and can never be shown again.

    `role` is `read` (who is in pictures), `enroll` (and add people) or `admin` (and rename, merge and remove
    them). `keys` is the file of keys; None takes the user's own.
    """
    if role not in ROLES:
        raise UsageError(f"there is no role {role!r}: give {', '.join(ROLES)}")
    name = _name(name)
    path = keys_file(keys)
    secret, salt, number = secrets.token_urlsafe(32), secrets.token_hex(16), secrets.token_hex(8)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    key = Key(name, role, number, salt, _hash(secret, salt), date)
    with _changing(path) as present:
        if any(other.name == name for other in present):
            raise UsageError(
                f"{path}: there is a key {name!r} already: remove it first, or take another name"
            )
        _write(path, [*present, key])
    return NewKey(key, f"facekit_{number}_{secret}")


def serve_key_list(*, keys: str | PathLike[str] | None = None) -> list[Key]:
    """All keys of a server, without their tokens."""
    return _read(keys_file(keys))


def serve_key_remove(name: str, *, keys: str | PathLike[str] | None = None) -> None:
    """Remove a key; servers that run refuse it from now on."""
    path = keys_file(keys)
    with _changing(path) as present:
        rest = [key for key in present if key.name != name]
        if len(rest) == len(present):
            known = ", ".join(sorted(key.name for key in present)) or "none"
            raise UsageError(f"{path}: there is no key {name!r}; there are: {known}")
        _write(path, rest)


def keys_file(path: str | PathLike[str] | None) -> Path:
    """The file of keys that is meant. Raises UsageError for no path."""
    if path is not None:
        file = path_of(path, "keys")
        return Path(settings.expanded(file) if isinstance(path, str) else file)
    gallery = settings.user_gallery()
    if gallery is None:
        raise UsageError(
            "there is no home folder for the keys of the server: name their file with --keys FILE"
        )
    return gallery.with_name("serve-keys.json")


def _name(name: str) -> str:
    name = short_text(name, "the name of the key", LONGEST_NAME).strip()
    if not name.isprintable() or not name:
        raise UsageError("the name of the key is empty, or cannot be printed: give a word")
    return name


def _hash(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), dklen=32, **_COST).hex()


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def _read(path: Path) -> list[Key]:
    if not os.path.lexists(path):
        return []
    text = untrusted.text(path, most=_LARGEST, error=FacekitError)
    try:
        keys = [Key(**each) for each in untrusted.json_value(text, path, error=FacekitError)["keys"]]
        if not all(key.role in ROLES and all(isinstance(v, str) for v in astuple(key)) for key in keys):
            raise ValueError("a role or another value that there is not")
    except (FacekitError, ValueError, TypeError, KeyError) as error:
        raise FacekitError(
            f"{path}: is no file of a server's keys, or damaged: restore it, or remove it and make new keys"
        ) from error
    return keys


def _write(path: Path, keys: Sequence[Key]) -> None:
    document = {"schema": SCHEMA, "keys": [asdict(key) for key in keys]}
    writing.write_text(path, json.dumps(document, indent=1) + "\n", durable=True, private=True)


@contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """The keys as they are, while no other process changes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":  # a folder cannot be locked there
        yield _read(path)
        return
    import fcntl

    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield _read(path)
    finally:
        os.close(folder)
