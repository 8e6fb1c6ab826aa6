"""The settings of `facekit train`: what its options, and those left out, mean."""

from dataclasses import replace
from pathlib import Path

import click
import pytest
from conftest import Run
from training.small import people

from facekit.cli.train import explicit, train
from facekit.training import checkpoint, invocation, loop
from facekit.training.checkpoint import Checkpoint
from facekit.training.config import UNCHANGED, Augmentation, Config
from facekit.training.team import ALONE
from facekit.verbs.train import chosen_settings


def settings_for(*arguments: str) -> Config:
    """What the command line asks of session.train."""
    with train.make_context("train", list(arguments)) as context:
        words = explicit(context, context.params)
    augment = words.pop("augment", None)
    chosen = chosen_settings({name: words[name] for name in words if name != "data"}, augment)
    return invocation.settings_of(invocation.Request(Path("out")), chosen)


def test_options_left_out_mean_the_usual_settings() -> None:
    assert settings_for() == Config(augmentation=Augmentation())


SWITCHES = [name for name in Augmentation.__dataclass_fields__ if name != "group"]


@pytest.mark.parametrize("name", SWITCHES)
def test_every_augmentation_has_a_switch(name: str) -> None:
    found = settings_for(f"--augment-{name.replace('_', '-')}", "0").augmentation
    assert found == Augmentation(**{name: 0.0})


def test_augmentation_can_be_switched_off_whole() -> None:
    off = settings_for("--no-augment")
    assert off.augmentation == Augmentation(**dict.fromkeys(SWITCHES, 0.0)) == UNCHANGED
    batches = loop.batches_of(off, people(2, 2), ALONE)
    assert (batches.flip, batches.shift, batches.light) == (0, 0, 0)
    assert settings_for("--shift", "0", "--light", "0") == replace(settings_for(), shift=0, light=0.0)
    one = settings_for("--no-augment", "--augment-flip", "0.5", "--light", "0.1")
    assert (one.augmentation, one.light) == (replace(UNCHANGED, flip=0.5), 0.1)


@pytest.mark.parametrize("saved", [None, Augmentation(flip=0.1, jpeg=0.2)])
def test_a_resumed_run_keeps_the_changes_that_are_not_named(
    saved: Augmentation | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Checkpoint({}, Config(augmentation=saved).to_dict(), {})
    monkeypatch.setattr(checkpoint, "read", lambda _: before)
    with train.make_context("train", ["--augment-blur", "0.3"]) as context:
        words = explicit(context, context.params)
    augment = words.pop("augment", None)
    chosen = chosen_settings({name: words[name] for name in words if name != "data"}, augment)
    found = invocation.settings_of(invocation.Request(Path("out"), resume=True), chosen).augmentation
    assert found == replace(saved or replace(UNCHANGED, flip=0.5), blur=0.3)


def test_the_network_and_the_loss_bring_their_own_defaults() -> None:
    assert settings_for("--network", "iresnet50").dimension == 512
    assert settings_for("--network", "iresnet50", "--dimension", "64").dimension == 64
    assert settings_for("--loss", "triplet").sampler == "subjects"
    assert settings_for("--phases", "64:10,112:20").phases == ((64, 10), (112, 20))


def test_options_stand_under_headings_and_cover_all_settings(run: Run) -> None:
    text = run("train", "--help").stdout
    for heading in (
        "Faces:",
        "Network and loss:",
        "Learning:",
        "Augmentation (0 turns one off):",
        "The run:",
    ):
        assert f"\n{heading}\n" in text
    names = {name for option in train.params if isinstance(option, click.Option) for name in option.opts}
    missing = {f"--{field.replace('_', '-')}" for field in Config.__dataclass_fields__} - names
    assert missing == {"--augmentation"}


def test_settings_for_the_shipped_embedder_give_way_to_those_named() -> None:
    request = invocation.Request(Path("out"), init=invocation.SHIPPED)
    usual = invocation.settings_of(request, {})
    assert (usual.rate, usual.steps) == (2e-5, 100)
    assert invocation.settings_of(request, {"rate": 3e-4}).rate == 3e-4
