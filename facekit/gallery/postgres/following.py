"""A client that stays hears of each change of a gallery (LISTEN, NOTIFY), and fetches what is new or gone
before it is asked the next time.

Nothing depends on hearing: each search still asks for the number of the last change. But a lost connection is
told when it is lost, not at the next face, and it is made again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import blake2b
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection, sql

from facekit.errors import GalleryError
from facekit.gallery.postgres import connections

if TYPE_CHECKING:
    from facekit.gallery.postgres.place import ServerPlace

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
# So long a client that was closed is still heard to be listening.
SLICE_SECONDS = 1.0

_log = logging.getLogger(__name__)


def channel(place: ServerPlace) -> str:
    """Where changes are told: a name for each schema, as long as PostgreSQL allows."""
    return f"facekit_{blake2b(place.address.schema.encode(), digest_size=16).hexdigest()}"


def tell(connection: Connection[Any], place: ServerPlace, change: int) -> None:
    """Tell those who listen of a change, once it is committed."""
    connection.execute("SELECT pg_notify(%s, %s)", (channel(place), str(change)))


class Follower:
    """A thread that listens, and calls `refresh` after each change that is later than `seen()`."""

    def __init__(self, place: ServerPlace, seen: Callable[[], int], refresh: Callable[[], object]) -> None:
        self._place, self._seen, self._refresh = place, seen, refresh
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True, name="facekit-follower")
        self._thread.start()

    def stop(self) -> None:
        """It ends by itself within a second: nobody waits."""
        self._stopped.set()

    def _run(self) -> None:
        pause, lost = FIRST_PAUSE, False
        while not self._stopped.is_set():
            try:
                with connections.connect(self._place) as connection:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel(self._place))))
                    if lost:
                        _log.warning("%s: the database is there again", self._place)
                    pause, lost = FIRST_PAUSE, False
                    self._fetch()
                    self._listen(connection)
            except psycopg.Error:
                if not lost and not self._stopped.is_set():
                    _log.warning("%s: lost the database: trying until it is there again", self._place)
                lost = True
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _listen(self, connection: Connection[Any]) -> None:
        while not self._stopped.is_set():
            numbers = [int(told.payload) for told in connection.notifies(timeout=SLICE_SECONDS, stop_after=1)]
            if numbers and max(numbers) > self._seen():
                self._fetch()

    def _fetch(self) -> None:
        try:
            self._refresh()
        except GalleryError as error:
            # The next search meets it too, and tells the user.
            _log.debug("%s", error)
