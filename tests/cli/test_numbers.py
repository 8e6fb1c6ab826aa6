"""Numbers on the command line: none is "nan" or "inf", in any command."""

from __future__ import annotations

import click
import pytest
from conftest import Run
from test_paths import COMMANDS

from facekit.cli import numbers


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_no_command_has_a_number_that_may_be_nan(name: str, command: click.Command) -> None:
    kinds = [parameter.type for parameter in command.params]
    fractions = [kind for kind in kinds if isinstance(kind, click.types.FloatParamType)]
    assert all(isinstance(kind, (numbers.FloatRange, numbers.FloatType)) for kind in fractions)


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_a_seed_is_what_every_generator_takes(name: str, command: click.Command) -> None:
    seeds = [parameter.type for parameter in command.params if parameter.name == "seed"]
    assert all(kind is numbers.SEED for kind in seeds)


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize(
    "words",
    [
        ("identify", "photo.png", "--threshold"),
        ("evaluate", "identification", "--strangers"),
        ("evaluate", "verification", "--threshold"),
        ("watch", "0", "--seconds"),
    ],
)
def test_what_is_no_finite_number_is_a_usage_error(run: Run, words: tuple[str, ...], value: str) -> None:
    result = run(*words, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{words[-1]}'" in result.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("calibrate", "--fpir", "1%"), "'1%' is a percentage: give 0.01"),
        (("identify", "photo.png", "--threshold", "35 %"), "'35 %' is a percentage: give 0.35"),
    ],
)
def test_of_a_percentage_it_is_said_how_it_is_written(run: Run, words: tuple[str, ...], meant: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert meant in result.stderr
