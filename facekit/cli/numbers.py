"""Numbers on the command line: never "nan" or "inf", which click takes for numbers and nothing can reach."""

from __future__ import annotations

import math
from typing import Any

import click


class FloatRange(click.FloatRange):
    """`click.FloatRange` of finite numbers: its own comparisons with the ends let a NaN pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
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


def _finite(
    kind: click.ParamType[Any], number: Any, param: click.Parameter | None, ctx: click.Context | None
) -> Any:
    if isinstance(number, float) and not math.isfinite(number):
        kind.fail(f"{number} is not a finite number.", param, ctx)
    return number
