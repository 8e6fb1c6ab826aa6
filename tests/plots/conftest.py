"""Plots need Matplotlib, and one style for all."""

from collections.abc import Iterator

import pytest

from facekit.plots import style


@pytest.fixture(autouse=True)
def styled() -> Iterator[None]:
    with style.styled():
        yield
