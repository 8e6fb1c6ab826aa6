"""Which operation made which change of a gallery, even if its process was killed and could not report it.

A gallery counts its changes, and one process at a time changes it. Whoever has changed its rows
and is about to commit writes its operation into the ledger, at the place of that change. Killed before the
commit, it leaves its number to the next one, which takes that place. So at the end each place up to the last
change has the operation that made it. The ledger is a file apart from the gallery, and holds neither names
nor pictures.
"""

from __future__ import annotations

import os
import struct
from functools import partial
from importlib import import_module
from pathlib import Path

from facekit.gallery.changes import Change
from facekit.gallery.places import AnyPlace, place_of
from facekit.gallery.state import State
from facekit.gallery.tables import Tables

# Aligned, a place lies in one page of the file: a killed process has written all of it or nothing.
PLACE = struct.Struct("<Q")


class Ledger:
    """Of a gallery, in a file; it may be open in several processes."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._file)

    def write(self, number: int, operation: int) -> None:
        """The change of this number is about to be made by this operation."""
        os.pwrite(self._file, PLACE.pack(operation), PLACE.size * number)

    def operations(self, last: int) -> list[int]:
        """The operations that made the changes 1 … `last`; 0 where none has written itself down."""
        data = os.pread(self._file, PLACE.size * last, PLACE.size)
        return [operation for (operation,) in PLACE.iter_unpack(data.ljust(PLACE.size * last, b"\0"))]


class Recorder:
    """Writes what this process changes in one gallery into its ledger. `base` is how many changes there were
    where the present operation looked at the gallery in order to change it; None before that. `changed` is
    whether it was about to commit a change of it.
    """

    def __init__(self, gallery: AnyPlace, ledger: Ledger) -> None:
        self.gallery = place_of(gallery)
        self.operation = 0
        self.base: int | None = None
        self.changed = False
        self._ledger = ledger
        kind = {"FilePlace": "sqlite", "ServerPlace": "postgres"}[type(self.gallery).__name__]
        module = import_module(f"facekit.gallery.{kind}.gallery")
        setattr(module, "Change", partial(_RecordedChange, self))  # noqa: B010

    def begin(self, operation: int) -> None:
        self.operation, self.base, self.changed = operation, None, False

    def commit(self, number: int) -> None:
        self._ledger.write(number, self.operation)
        self.changed = True


class _RecordedChange(Change):
    """Writes itself down once all its rows are changed: next come its state and the commit."""

    def __init__(self, recorder: Recorder, tables: Tables) -> None:
        super().__init__(tables)
        self._counted = tables.state.changes
        self._recorder = recorder if tables.place == recorder.gallery else None
        if self._recorder:
            self._recorder.base = self._counted

    def finish(self) -> State:
        after = super().finish()
        if self._recorder and after.changes != self._counted:
            self._recorder.commit(after.changes)
        return after
