"""SIGTERM and SIGHUP end a command as Ctrl-C does: what was begun is put away, and an exit status tells."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_DEEPEST = 20


class Terminated(KeyboardInterrupt):
    """A signal that asks to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def status(error: BaseException | None) -> int:
    """The exit status after an interruption, as shells have it: 130 after Ctrl-C."""
    return 128 + (error.number if isinstance(error, Terminated) else signal.SIGINT)


def behind(error: BaseException) -> KeyboardInterrupt | None:
    """The interruption that an error comes from, if one does: a signal while a compiled module is imported
    becomes an ImportError.
    """
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None or isinstance(cause, KeyboardInterrupt):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def end_in_order() -> None:
    """Let the signals raise Terminated and Ctrl-C KeyboardInterrupt, in this process and none that it starts;
    one that is ignored, as under nohup, stays so.
    """
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    numbers = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _raise)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _as_usual(numbers))


@contextmanager
def noted() -> Iterator[Callable[[], int]]:
    """While inside, Ctrl-C and the signals raise nothing, and the yielded function tells the number of the
    first, or 0; a second Ctrl-C raises.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came.append(number)

    taken = [number for number in (signal.SIGINT, *_ENDING) if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, note) for number in taken}
    try:
        yield lambda: came[0] if came else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interruption(number: int) -> KeyboardInterrupt:
    """What a signal would have raised."""
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def _as_usual(numbers: list[signal.Signals]) -> None:
    for number in numbers:
        if signal.getsignal(number) is _raise:
            signal.signal(number, signal.SIG_DFL)
