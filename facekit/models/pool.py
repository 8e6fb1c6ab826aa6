"""Native objects that serve one call at a time, lent to the threads that share what holds them.

dlib's detectors, OpenCV's and OpenVINO's requests keep what they work on inside, and let other threads run
meanwhile: two calls of one object crash, or give each other's faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Objects made by `make`, as many as were ever needed at once.

    Not one a thread: a server that starts a thread for each request would make one for each request, and the
    thread that reads pictures ahead could not use the one that was made, and so checked, at the start.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._idle = [make()]

    @contextmanager
    def borrowed(self) -> Iterator[T]:
        """One that nobody else has; it is not used again if its work fails."""
        try:
            lent = self._idle.pop()
        except IndexError:
            lent = self._make()
        yield lent
        self._idle.append(lent)
