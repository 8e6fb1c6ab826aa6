"""A real browser, Chromium, which Playwright drives: `apt-get install chromium`."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
IN_BROWSER = pytest.mark.skipif(
    not BROWSER or importlib.util.find_spec("playwright") is None,
    reason="needs Chromium (apt-get install chromium) and pip install playwright",
)


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()
