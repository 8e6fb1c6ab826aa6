"""Numbers on the command line: never "nan" or "inf", which click takes for numbers and nothing can reach."""

from __future__ import annotations

import math
from typing import Any

import click


class FloatRange(click.FloatRange):
    """`click.FloatRange` of finite numbers: its own comparisons with the ends let a NaN pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if self.max is not None and self.max <= 1 and (part := _of_percent(value)) is not None:
            self.fail(f"{value!r} is a percentage: give {part:g}, a part of 1", param, ctx)
        return _finite(self, super().convert(value, param, ctx), param, ctx)


class FloatType(click.types.FloatParamType):
    """A finite number of any size."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _finite(self, super().convert(value, param, ctx), param, ctx)


class BoxType(click.ParamType[tuple[float, float, float, float]]):
    """A box in a picture, `x,y,w,h`: left and upper edge, width and height, in pixels."""

    name = "box"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if len(words) != 4:
            self.fail(f"{value!r} is no box: give x,y,w,h", param, ctx)
        x, y, width, height = (FLOAT.convert(word, param, ctx) for word in words)
        return x, y, width, height


FLOAT = FloatType()
BOX = BoxType()
SCORE = FloatRange(-1, 1)
SEED = click.IntRange(0, 2**32 - 1)
"""What every generator of chance numbers takes."""


def _of_percent(value: object) -> float | None:
    """The part of 1 that `1%` means; None of what is no percentage."""
    if not isinstance(value, str) or not value.rstrip().endswith("%"):
        return None
    try:
        part = float(value.rstrip()[:-1]) / 100
    except ValueError:
        return None
    return part if math.isfinite(part) else None


def _finite(
    kind: click.ParamType[Any], number: Any, param: click.Parameter | None, ctx: click.Context | None
) -> Any:
    if isinstance(number, float) and not math.isfinite(number):
        kind.fail(f"{number} is not a finite number.", param, ctx)
    return number
