"""Processes that work for this one: started so that no signal meant for us ends them, and how they ended."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from facekit.errors import UsageError

_UNGUARDED = 94
"""Exit status of a process that was to read, and ran the program that started it instead."""


def require_guard() -> None:
    """End a process that was started to read and, running the program anew, would start others itself."""
    from multiprocessing import process

    if getattr(process.current_process(), "_inheriting", False):
        sys.exit(_UNGUARDED)


def require_guarded(status: int | None) -> None:
    """Raise UsageError for the exit status of a process that ran the program anew."""
    if status == _UNGUARDED:
        raise UsageError(
            "each process that reads runs the program from its beginning: put what it does below "
            "`if __name__ == '__main__':`, or read with one job"
        )


@contextmanager
def postponed() -> Iterator[None]:
    """A signal that asks to end, and for which there is a handler, comes after this: a worker that was
    started and not told yet what it is for would complain.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in numbers if callable(signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What is started within never hears of Control-C, which a terminal sends to all: we end it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    # The first process would start it, and that ends with SIGINT let through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cause_of_death(status: int | None) -> str:
    if status is not None and status < 0:
        memory = ": out of memory?" if -status == signal.SIGKILL else ""
        return f"the process reading it was ended by {signal.Signals(-status).name}{memory}"
    return f"the process reading it ended with status {status}"
