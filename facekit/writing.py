"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `path` when all is written; after an error everything
    is as it was. With `durable` it is then on the disk, also after a loss of power.

    An OSError names `path`.
    """
    unfinished = _beside(path)
    try:
        yield unfinished
        if durable:
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(unfinished), unfinished):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        unfinished.unlink(missing_ok=True)


def prepare(path: Path) -> None:
    """Make the folder of a file that long work will end in. Raises OSError where it could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(_beside(path)) as probe:
        probe.touch()
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
