"""Room for large pictures in memory, shared by the processes that read them.

A picture of 64 megapixels takes one to two gigabytes while it is decoded and looked through. Each process
asks before it decodes a large one, and waits until those that are in work leave room for it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Process = TypeVar("Process", bound=Hashable)

LARGE = 8_000_000
"""Pixels of a picture for which a process asks. Smaller ones take a quarter of a gigabyte at most."""

IN_WORK = 64_000_000
"""Pixels of large pictures that may be in work at once; a larger one is alone."""


@dataclass(frozen=True)
class MemoryRequest:
    """What a process says that wants to decode so many pixels."""

    pixels: int


class MemoryBudget(Generic[Process]):
    """Who has how many pixels in work, of `most`, and who waits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Process, int] = {}
        self._waiting: dict[Process, int] = {}

    def ask(self, process: Process, pixels: int) -> None:
        """It wants to decode so many; what it has in work already is small beside that, and not counted."""
        self._held.pop(process, None)
        self._waiting[process] = pixels

    def waits(self, process: Process) -> bool:
        return process in self._waiting

    def leave(self, process: Process) -> None:
        """It has done with its picture, or died over it."""
        self._held.pop(process, None)
        self._waiting.pop(process, None)

    def admitted(self) -> list[Process]:
        """Who may go on now: those who asked first, as far as there is room."""
        ready = []
        for process, pixels in list(self._waiting.items()):
            if self._held and sum(self._held.values()) + pixels > self._most:
                break  # nobody overtakes: a very large one would wait for ever
            del self._waiting[process]
            self._held[process] = pixels
            ready.append(process)
        return ready
