"""Names and paths come from anybody: what they become on a terminal, in JSON, in CSV, in a file name.

Stored names are data and stay as they are; only what is shown is escaped. A control character, an
ANSI sequence or an override of the writing direction is shown as its code, so that no name can
hide, move or imitate other output.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

# Signs that lay out text without a shape of their own: line and paragraph ends, marks and overrides of
# direction, tags, halves of surrogate pairs. The two joiners (200C, 200D) are spelling in many scripts.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]')


def printable(text: str) -> str:
    r"""`text` with every character that could steer a terminal shown as `\x1b` or `\u202e`."""
    return _UNSAFE.sub(lambda match: _code(match[0]), text)


def isolated(text: str) -> str:
    """`printable`, and kept from turning its neighbors around when it is written right to left."""
    shown = printable(text)
    turns = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in shown)
    return f"\u2068{shown}\u2069" if turns else shown


def json_line(value: Any) -> str:
    """One line of JSON in any script, safe to print: the unsafe characters are JSON escapes."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], line).replace("\x7f", "\\u007f")


def csv_cell(value: object) -> str:
    """A value for a CSV file. Text that a spreadsheet would run as a formula is led by an apostrophe."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    shown = printable(value)
    return f"'{shown}" if value.lstrip(" ").startswith(_FORMULA) else shown


def csv_text(cell: str) -> str:
    """The text behind a cell that `csv_cell` wrote: without the apostrophe before a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" ").startswith(_FORMULA) else cell


def file_stem(text: str, *, limit: int = 80) -> str:
    """A name that every file system takes as (part of) a file name, at most `limit` UTF-8 bytes. A letter
    that no file name can have here, as in a locale that is not UTF-8, becomes `_`.
    """
    safe = _NOT_IN_FILE_NAMES.sub("_", _UNSAFE.sub("_", unicodedata.normalize("NFC", text)))
    encoding = sys.getfilesystemencoding()
    safe = safe.encode(encoding, errors="replace").decode(encoding).replace("?", "_")
    safe = safe.encode()[:limit].decode(errors="ignore").strip(" .") or "_"
    return f"_{safe}" if _RESERVED.match(safe) else safe


def shell_command(words: Sequence[str]) -> str:
    """A command to paste into a shell, safe to print: every word arrives as it is. What could steer a
    terminal is written as a code, in the `$'…'` of bash and zsh.
    """
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if not _UNSAFE.search(word):
        return shlex.quote(word)
    quoted = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_UNSAFE.sub(lambda match: _shell_code(match[0]), quoted)}'"


def _shell_code(character: str) -> str:
    # From 80 on, a shell takes two digits for a byte, not for a character.
    return _code(character) if ord(character) not in range(0x80, 0x100) else f"\\u{ord(character):04x}"


def _code(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
