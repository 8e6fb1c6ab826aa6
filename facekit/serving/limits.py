"""How much is taken from whoever asks, so that nobody can use up the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from facekit.arguments import integer_of, seconds_of

MAX_BYTES = 32_000_000
MAX_PICTURES = 20
QUEUE = 32
SECONDS = 60.0


@dataclass(frozen=True)
class Limits:
    """Of a request at most `max_bytes` and `max_pictures` are taken, and it may last `seconds`. `at_once`
    requests of a process are worked on together (0: one for each core), `queue` more may wait. A key has
    `rate` requests a minute (0: as many as it likes). Raises UsageError for a value that is none of these."""

    max_bytes: int = MAX_BYTES
    max_pictures: int = MAX_PICTURES
    at_once: int = 0
    queue: int = QUEUE
    seconds: float = SECONDS
    rate: int = 0

    def __post_init__(self) -> None:
        integer_of(self.max_bytes, "max_bytes", least=1)
        integer_of(self.max_pictures, "max_pictures", least=1)
        integer_of(self.at_once, "at_once", least=0)
        integer_of(self.queue, "queue", least=0)
        seconds_of(self.seconds, "seconds")
        integer_of(self.rate, "rate", least=0)


class Rates:
    """A bucket of tokens for each who asks: it holds a minute's worth, and fills evenly."""

    MOST = 10_000
    """So many are remembered; beyond, those whose bucket is full again are forgotten."""

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def seconds_to_wait(self, who: str) -> float:
        """0 where a request is allowed, which is then counted; else how long until the next one is."""
        tokens = self._tokens(who)
        if self._a_minute and tokens < 1:
            return (1 - tokens) * 60 / self._a_minute
        self.count(who)
        return 0.0

    def is_used_up(self, who: str) -> bool:
        """Whether nothing is left; nothing is counted."""
        return self._tokens(who) < 1

    def count(self, who: str) -> None:
        """Count a request."""
        if not self._a_minute:
            return
        if len(self._buckets) >= self.MOST:
            self._buckets = {
                name: self._buckets[name] for name in self._buckets if self._tokens(name) < self._a_minute
            }
        self._buckets[who] = (self._tokens(who) - 1, self._now())

    def _tokens(self, who: str) -> float:
        tokens, since = self._buckets.get(who, (float(self._a_minute), self._now()))
        return min(float(self._a_minute), tokens + (self._now() - since) * self._a_minute / 60)
