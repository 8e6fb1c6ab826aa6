"""What is not read of a folder, and why."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

FOREIGN = re.compile(
    r"@(eadir|tmp|syno\w+|appstore|database|download|sharesnap)|#(recycle|snapshot)"  # Synology
    r"|@(recycle|recently-snapshot|sharebin|transcode|upload_cache|__thumb)"  # QNAP
    r"|~snapshot|_gsdata_|trash-\d+"  # NetApp, GoodSync, desktops
    r"|lost\+found|found\.\d{3}|\$recycle\.bin|\$winreagent|recycler|recycled|system volume information"
    r"|__macosx|network trash folder|temporary items|ipod photo cache"  # macOS
    r"|.*\.(lrdata|lrlibrary|photoslibrary|photolibrary|aplibrary|migratedphotolibrary)",
    re.IGNORECASE,
)
"""Folders that photo programs and file servers keep for themselves: thumbnails, what was deleted, and the
libraries of Lightroom and Photos, which hold every photo several times. Those whose names begin with a dot
(.thumbnails, .Trash-1000, .@__thumb, .picasaoriginals, .stversions) are hidden anyway."""

CATALOGS = re.compile(
    r"desktop\.ini|picasa\.ini|.*\.xmp|.*\.db(-wal|-shm|-journal|\.(index|photos|thumbnails).*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Files that lie beside pictures and that nobody takes for one: galleries, Thumbs.db, sidecars."""

UNNAMED = ".facekit-unnamed"
"""A file in the folders that `facekit cluster` makes of faces whose names it does not know: it holds the
folder's name. As long as that stays, nobody has given the folder a person's."""

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".3g2", ".mpg", ".mpeg", ".mts", ".m2ts")
)
"""The usual endings of videos: they are left out by these."""

BESIDE = "beside the folders"
NOT_NAMED = "not named yet (of facekit cluster)"
HIDDEN = "hidden"
OF_OTHERS = "of other programs"
_LONGEST_ENDING = 16


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not read, and why: an ending, or a few words."""

    path: str
    reason: str
    folder: bool = False

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def ending_of(name: str) -> str:
    """The reason why a file is left out that is of no known format: its ending."""
    return os.path.splitext(name)[1].lower()[:_LONGEST_ENDING] or "without an ending"
