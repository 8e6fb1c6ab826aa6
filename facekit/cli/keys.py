"""Keys of the terminal, one at a time, without waiting for the end of a line."""

from __future__ import annotations

import os
import select
import sys
from types import TracebackType
from typing import Any, Self


class Keys:
    """Within its context, `pressed` gives the keys; always None where standard input is no terminal."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        try:
            import termios
            import tty

            if sys.stdin is not None and sys.stdin.isatty():
                # In the background, a program that changes its terminal is stopped.
                if os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
                    return self
                self._before = termios.tcgetattr(sys.stdin)
                tty.setcbreak(sys.stdin)
        except (ImportError, OSError, ValueError):
            self._before = None
        return self

    def pressed(self) -> str | None:
        """The key that was pressed since the last call, in lower case."""
        if self._before is None or not select.select([sys.stdin], [], [], 0)[0]:
            return None
        return os.read(sys.stdin.fileno(), 1).decode(errors="ignore").lower() or None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
