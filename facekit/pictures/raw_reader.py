"""A program, not a module to import: takes the preview out of a camera's RAW picture.

The picture comes by standard input. What goes to standard output is a line of JSON, the size and the turn of
the RAW picture or an error in words, and then the preview: a JPEG, or a PPM. It is run by itself, so that a
damaged file that brings LibRaw down brings down nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

MEMORY = 4 << 30
SECONDS = 60


def main() -> None:
    _limit()
    data = sys.stdin.buffer.read()
    # Not before: what rawpy is slow to load must not keep the other side waiting with a full pipe.
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            about, preview = _about(raw), _preview(rawpy, raw)
    except rawpy.LibRawNoThumbnailError:
        about, preview = {"error": "it has no preview"}, b""
    # Damaged files fail in every way there is.
    except Exception as error:
        words = error.args[0] if error.args else ""
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        about, preview = {"error": text or type(error).__name__}, b""
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n" + preview)


def _limit() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _about(raw: Any) -> dict[str, Any]:
    return {"width": raw.sizes.width, "height": raw.sizes.height, "flip": raw.sizes.flip}


def _preview(rawpy: Any, raw: Any) -> bytes:
    thumbnail = raw.extract_thumb()
    if thumbnail.format == rawpy.ThumbFormat.JPEG:
        return bytes(thumbnail.data)
    height, width = thumbnail.data.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + bytes(thumbnail.data.tobytes())


if __name__ == "__main__":
    main()
