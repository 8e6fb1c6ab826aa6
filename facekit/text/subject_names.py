"""The names of people as they are stored, so that a name typed on one system is found on another."""

from __future__ import annotations

import os
import unicodedata

from facekit.errors import UsageError

LONGEST_NAME = 300
"""Characters: no person's name is longer, and a table, a file name or a log can hold it."""


def subject_name(name: str) -> str:
    """The name as it is stored: any Unicode text of 1 to 300 characters, in normal form C, so that a
    name typed on one system is found on another, with single blanks between words and none around them,
    for nobody sees them. Nothing else is changed: slashes and control characters are data, but for NUL, which
    no shell can say: whoever had one could not be removed by a command. Raises UsageError.
    """
    if not isinstance(name, str):
        raise UsageError(f"a subject's name is of type {type(name).__qualname__}: give a str")
    # Before it is normalized, which may take long and makes no text three times shorter.
    if len(name) > 3 * LONGEST_NAME:
        raise _too_long(name, len(name))
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the name {name!a} is not valid Unicode text: rename it") from error
    if "\0" in name:
        raise UsageError(f"the name {name!a} has a NUL, which no command could name: rename it")
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise UsageError("a subject's name is empty or blank: give one")
    if len(name) > LONGEST_NAME:
        raise _too_long(name, len(name))
    return name


def is_stored_name(name: str) -> bool:
    """Whether `subject_name` leaves the name as it is. A row with any other was not written by us: it looks
    like another's, and whoever removed it would remove the other.
    """
    return (
        0 < len(name) <= LONGEST_NAME
        and "\0" not in name
        and unicodedata.is_normalized("NFC", name)
        and " ".join(name.split()) == name
    )


def name_of_folder(name: str) -> str:
    """The subject of a folder of this name; bytes that are no text are written as `\\xff`."""
    try:
        return subject_name(os.fsencode(name).decode(errors="backslashreplace"))
    except UsageError as error:
        raise UsageError(f"the folder {name!a}: {error}") from error


def _too_long(name: str, length: int) -> UsageError:
    return UsageError(
        f"the name {name[:40]!a}… has {length} characters: a subject's has at most {LONGEST_NAME}"
    )
