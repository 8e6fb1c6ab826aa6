"""One page with every redacted picture, small, for eyes that look for faces that were missed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import ExitStack
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image

from facekit.files import outputs, writing
from facekit.people.visibility import Redaction
from facekit.rendering.redacted import in_words
from facekit.results import Pixels
from facekit.text.escaping import printable

_LONGEST = 640
_GENERATOR = '<meta name="generator" content="facekit: redacted pictures">'
"""By this a sheet is known as one, and may be replaced."""

_HEAD = f"""<!doctype html> <html lang="en"> <head> <meta charset="utf-8"> {_GENERATOR} <meta name="viewport"
content="width=device-width"> <title>Redacted pictures</title> <style> body {{ font: 16px/1.5 system-ui,
sans-serif; margin: 2rem; color: #222; background: #fff; }} main {{ display: grid; gap: 1.5rem;
grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }} figure {{ margin: 0; padding: .5rem; border:
3px solid #ddd; border-radius: .5rem; }} figure.look {{ border-color: #e69f00; }} figure:has(:checked) {{
opacity: .35; }} img {{ display: block; width: 100%; height: auto; margin-bottom: .5rem; }} figcaption {{
overflow-wrap: anywhere; }} </style> </head> <body> <h1>Redacted pictures</h1> <p><strong>A detector misses
faces.</strong> Look at every picture before you give it away: a face from the side, behind a hand, in a
mirror, on a screen or far away may have been passed over. In pictures with an orange frame no face was found,
or one weakly, which may be something else while the face is visible, or not all are redacted, or
a copy was left as somebody changed it. Of a video a few frames are shown; play it as well.</p> <main> """
_FOOT = "</main>\n</body>\n</html>\n"


class RedactionSheet:
    """The page at `path`, which is there when it is closed. Raises UsageError where something else is there
    or the path is one of the inputs."""

    def __init__(self, path: Path, inputs: Sequence[str]) -> None:
        require_sheet(path, inputs)
        self.path = path
        self._place = ExitStack()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._place.enter_context(writing.replacing(path))
        self._file = self._place.enter_context(unfinished.open("w", encoding="utf-8"))
        self._file.write(_HEAD)

    def add(self, redaction: Redaction, pictures: Sequence[Pixels]) -> None:
        """Show a picture, or frames of a video, as they were saved."""
        look = "" if _is_all_hidden(redaction) and not redaction.weak else ' class="look"'
        shown = "".join(
            f'<img src="data:image/jpeg;base64,{_small(pixels)}" alt="">\n' for pixels in pictures
        )
        names = escape(printable(redaction.source))
        if redaction.output:
            names += f" → {escape(printable(redaction.output))}"
        self._file.write(
            f"<figure{look}>\n{shown}<figcaption>{names}<br>{escape(in_words(redaction))}<br>"
            '<label><input type="checkbox"> looked at</label></figcaption>\n</figure>\n'
        )

    def close(self) -> None:
        """Finish the page."""
        self._file.write(_FOOT)
        self._place.close()

    def abandon(self, error: BaseException) -> None:
        """Leave no page, and what was there as it was."""
        self._place.__exit__(type(error), error, error.__traceback__)


def require_sheet(path: Path, inputs: Sequence[str]) -> None:
    """Raise UsageError where something else than such a page is there, or the path is one of the inputs."""
    outputs.require_replaceable(path, inputs, is_sheet)


def is_sheet(path: Path) -> bool:
    """Whether the file is such a page."""
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(1024)
    except OSError:
        return False


def _is_all_hidden(redaction: Redaction) -> bool:
    """Whether faces were found, and all are redacted; nobody knows of a copy that somebody changed."""
    if redaction.changed_copy:
        return False
    video = redaction.video
    if video is not None:
        return bool(video.redacted_frames) and not video.visible_frames
    return bool(redaction.faces) and len(redaction.hidden) == len(redaction.faces)


def _small(pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((_LONGEST, _LONGEST))
    file = BytesIO()
    image.save(file, format="JPEG", quality=80)
    return base64.b64encode(file.getvalue()).decode()
