"""Who hears, while a verb works, what is no result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facekit.pictures.left_out import LeftOut

OnNote = Callable[[str], None]
"""Is told a remark for the user, in one line."""

OnProgress = Callable[[int, int], None]
"""Is told how many of how many are done; once before the first, with 0."""


OnLeftOut = Callable[[Sequence[LeftOut]], None]
"""Is told which files and folders were left out, where there are any."""


def nothing_left_out(left_out: Sequence[LeftOut]) -> None:
    """Nobody asks."""


def no_note(text: str) -> None:
    """Nobody listens."""


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


OnStage = Callable[[str], None]
"""Is told what is done from now on, where that may take a while and is not counted."""


def no_stage(what: str) -> None:
    """Nobody waits."""
