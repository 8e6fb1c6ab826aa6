"""The `facekit` command, and `python -m facekit`: Ctrl-C is heard before anything heavy is imported."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> NoReturn:
    # Python's own handler would show a traceback out of the middle of an import. One that is ignored, as in
    # the background of a script, stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    from facekit import cli

    cli.main()


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Nothing is begun yet that would have to be put away."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
