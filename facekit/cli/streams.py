"""The standard streams: closed by the caller, full, or read by nobody any more.

A closed stream is like /dev/null. What cannot be said on standard error is no reason to leave work half done;
what cannot be written to standard output ends the command.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TextIO

OUTPUT = "standard output"
_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
# What may go wrong with a stream; other errors that name no file are not of one.
_OF_STREAMS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def open_closed() -> None:
    """Open what the caller closed. Else the next file that is opened, a gallery perhaps, would get its
    number, and with it all that libraries write to standard error.
    """
    for name, number in _NUMBERS.items():
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:  # its number may be that of a file by now
            stream = open(os.devnull, "w" if number else "r", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)


def survive_any_text() -> None:
    """A name that the terminal's encoding lacks is shown as its code instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_of_output(error: OSError) -> bool:
    """Whether an error is of standard output: all writers of files name theirs."""
    return error.filename is None and error.errno in _OF_STREAMS


def give_up(stream: TextIO) -> None:
    """Nothing more is written to a stream, and what waits in it goes nowhere: Python must not complain when
    it flushes at the end.
    """
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def flush() -> None:
    """Write what waits, and give up the streams that do not take it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            give_up(stream)
