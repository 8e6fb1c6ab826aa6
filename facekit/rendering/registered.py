"""What became of the frames of somebody who registered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit import hints
from facekit.text.counting import counted, listed
from facekit.text.escaping import printable
from facekit.video.poses import POSES, Pose
from facekit.video.registering import Registered, removed_earlier


def lines(name: str, done: Registered, *, dry_run: bool = False) -> Iterator[str]:
    """How many frames are this person's now, or would be, of which poses."""
    pairs = zip(done.poses, done.outcomes, strict=True)
    added = [pose for pose, outcome in pairs if outcome.status in ("enrolled", "moved")]
    words = listed(
        f"{counted(len(added), 'template')} {'would be ' if dry_run else ''}added{_counts(added)}",
        (done.count("moved"), "of them moved from another name"),
        (done.count("already there"), "already there"),
    )
    yield f"{printable(name)}: {words}"


def notes(done: Registered, embedder: Path | None) -> Iterator[str]:
    """Remarks on the frames, what was not seen, and what to do next."""
    yield from dict.fromkeys(note for outcome in done.outcomes for note in outcome.notes)
    stored = [outcome for outcome in done.outcomes if outcome.status in ("enrolled", "moved")]
    problems = dict.fromkeys(problem for outcome in stored for problem in outcome.problems)
    yield from (f"{problem}; enrolled all the same" for problem in problems)
    removed = done.count("removed earlier")
    if removed and (stored or done.count("already there")):
        yield removed_earlier(removed)
    if done.camera:
        yield done.camera
    missing = [pose for pose in POSES if pose not in done.poses]
    if missing:
        yield f"not seen: {', '.join(missing)}; run it again to add them"
    if done.gallery:
        yield f"use it: {hints.identify(done.gallery, embedder)}"


def _counts(poses: Sequence[Pose]) -> str:
    parts = [f"{pose} {poses.count(pose)}" for pose in POSES if pose in poses]
    return f" ({', '.join(parts)})" if parts else ""
