"""The JSON Schema of everything that is written as JSON: `facekit/output/schema.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def schema() -> dict[str, Any]:
    """The document (JSON Schema, draft 2020-12). Each kind of result stands among its `$defs`."""
    text = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return read
