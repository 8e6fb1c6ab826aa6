"""A run learns, stops, goes on bit-equal, and does not lose what was good."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from facekit.errors import UsageError, WeightsError
from facekit.training import checkpoint, distillation, loop, run
from facekit.training.config import LOSSES, OPTIMIZERS, PAIR_LOSSES, Augmentation, Config
from facekit.training.data import Faces
from facekit.training.invocation import Request, settings_of
from facekit.training.journal import claimed
from facekit.training.team import ALONE
from facekit.training.validation import validate
from training.small import lookalikes, people, quick

FACES, OTHERS = people(8, 6, unknown=6), people(6, 4, seed=9)

pytestmark = pytest.mark.usefixtures("tiny_network")


def taught(faces: Faces, dimension: int = 8) -> Faces:
    """With a teacher that knows colors."""
    flat = faces.crops[:, ::16, ::16].reshape(len(faces.crops), -1).astype(np.float32) - 128
    vectors = flat @ np.random.default_rng(0).normal(size=(flat.shape[1], dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return replace(faces, teacher=vectors.astype(np.float16))


def trained(config: Config, out: Path, data: Faces = FACES, **options: object) -> run.Run:
    state = run.start(config, data)
    loop.train(state, config, data, out, **options)  # type: ignore[arg-type]
    return state


def same(first: Path, second: Path) -> bool:
    one, two = checkpoint.read(first), checkpoint.read(second)
    assert one.tensors.keys() == two.tensors.keys()
    return all(torch.equal(value, two.tensors[name]) for name, value in one.tensors.items())


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_to_tell_people_apart(loss: str, tmp_path: Path) -> None:
    """Other people than it was trained on, whom an untrained network cannot tell apart."""
    data, others = lookalikes(8, 8), lookalikes(6, 6, turn=0.3, seed=9)
    sampler = "subjects" if loss in PAIR_LOSSES else "balanced"
    config = quick(
        loss=loss, sampler=sampler, phases=((32, 80),), validate_every=80, shift=0, batch=32, rate=1e-2
    )
    state = run.start(config, data)
    before = validate(state.averaged, others, side=32, precision="float32")["accuracy"]
    rows: list[dict[str, float]] = []
    loop.train(state, config, data, tmp_path, validation=others, report=rows.append)
    assert before < 0.75
    assert rows[-1]["accuracy"] > 0.85


@pytest.mark.parametrize("dimension", [8, 12])
def test_a_teacher_is_followed_also_in_another_dimension_and_without_labels(
    dimension: int, tmp_path: Path
) -> None:
    data = replace(taught(FACES, dimension), labels=np.full(len(FACES.labels), -1))
    rows: list[dict[str, float]] = []
    config = quick(phases=((32, 60),), validate_every=30)
    state = trained(config, tmp_path, data, report=rows.append)
    assert state.head is None
    assert (state.bridge is None) == (dimension == 8)
    assert rows[1]["distance"] < 0.6 * rows[0]["distance"]
    assert rows[1]["relational"] < rows[0]["relational"]


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(UsageError, match="no teacher"):
        run.start(quick(), replace(FACES, labels=np.full(len(FACES.labels), -1)))


@pytest.mark.parametrize("loss", ["arcface", "adaface", "triplet"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_is_bit_equal(loss: str, optimizer: str, tmp_path: Path) -> None:
    sampler = "subjects" if loss == "triplet" else "every"
    phases = ((32, 5), (40, 7))
    changes = Augmentation(flip=0.5)
    config = quick(
        loss=loss, optimizer=optimizer, sampler=sampler, phases=phases, augmentation=changes, sample=0.6
    )
    data = taught(FACES)
    trained(config, tmp_path / "whole", data)

    def stop(step: int) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    first = trained(config, tmp_path / "parts", data, tick=stop)
    assert first.step == 4
    second = run.start(config, data)
    second.load(tmp_path / "parts" / checkpoint.LAST)
    loop.train(second, config, data, tmp_path / "parts")
    assert second.step == 12
    assert same(tmp_path / "whole" / checkpoint.LAST, tmp_path / "parts" / checkpoint.LAST)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends_the_run_in_order(number: int, tmp_path: Path) -> None:
    before = signal.getsignal(number)
    state, config = run.start(quick(), FACES), quick()
    stop = lambda step: os.kill(os.getpid(), number) if step == 3 else None  # noqa: E731
    assert not loop.train(state, config, FACES, tmp_path, tick=stop)
    assert state.step == 3
    assert checkpoint.read(tmp_path / checkpoint.LAST).facts["step"] == 3
    assert (tmp_path / "metrics.csv").read_text().startswith("step,")
    assert signal.getsignal(number) == before


RATES = {6: 0.5, 12: 0.7, 18: 0.6, 24: 0.7, 30: 0.6, 36: 0.9}


def rated(monkeypatch: pytest.MonkeyPatch, state: run.Run) -> list[int]:
    """From now on validation of `state` gives RATES; the steps that it was judged at."""
    judged: list[int] = []

    def validate(*_: object, **__: object) -> dict[str, float]:
        judged.append(state.step)
        return {"accuracy": RATES[state.step]}

    monkeypatch.setattr(loop, "validate", validate)
    return judged


@pytest.mark.parametrize("stops", [(4,), (6,), (12, 13), (15, 18), (30,)])
def test_validations_are_those_of_a_run_that_was_never_stopped(
    stops: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = quick(phases=((32, 60),), patience=3)

    def stop(step: int) -> None:
        if step in stops:
            os.kill(os.getpid(), signal.SIGTERM)

    for number in range(len(stops) + 1):
        state = run.start(config, FACES)
        if number:
            state.load(tmp_path / checkpoint.LAST)
        begun, judged = state.step, rated(monkeypatch, state)
        done = loop.train(state, config, FACES, tmp_path, validation=OTHERS, tick=stop)
        assert done == (number == len(stops))
        owed = [begun] if begun % 6 == 0 and begun else []
        assert judged == owed + [step for step in RATES if begun < step <= state.step and step not in stops]
    facts = checkpoint.read(tmp_path / checkpoint.LAST).facts
    assert (facts["step"], facts["best"], facts["stale"]) == (30, 0.7, 3)
    rates = {row["step"]: row["accuracy"] for row in facts["history"] if "accuracy" in row}
    assert rates == {step: rate for step, rate in RATES.items() if step <= 30}
    assert [row["step"] for row in facts["history"]] == sorted({*rates, *stops})
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == len(facts["history"]) + 1
    assert checkpoint.read(tmp_path / checkpoint.BEST).facts["step"] == 12


def test_a_kill_during_a_validation_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> dict[str, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "validate", killed)
    config = quick()
    with pytest.raises(KeyboardInterrupt):
        trained(config, tmp_path, validation=OTHERS)
    state = run.start(config, FACES)
    state.load(tmp_path / checkpoint.LAST)
    assert state.step == 6
    judged = rated(monkeypatch, state)
    loop.train(state, config, FACES, tmp_path, validation=OTHERS)
    assert judged == [6, 12]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    config = quick(save_every=0.0)
    state = run.start(config, FACES)

    def spoil(step: int) -> None:
        if step == 5:
            next(state.network.parameters()).data.fill_(torch.nan)

    with pytest.raises(
        loop.TrainingError, match=r"step 5 .*lower --rate.*last\.safetensors is the last good"
    ):
        loop.train(state, config, FACES, tmp_path, tick=spoil)
    saved = checkpoint.read(tmp_path / checkpoint.LAST)
    assert saved.facts["step"] <= 5
    assert all(torch.isfinite(value).all() for value in saved.under("averaged").values())


def test_training_stops_early_when_validation_no_longer_improves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([0.5, 0.7, 0.7, 0.6, 0.9])
    monkeypatch.setattr(loop, "validate", lambda *_, **__: {"accuracy": next(rates)})
    config = quick(phases=((32, 50),), validate_every=2, patience=2)
    state = trained(config, tmp_path, validation=OTHERS)
    assert state.step == 8
    assert state.best == 0.7
    assert checkpoint.read(tmp_path).facts["step"] == 4
    assert checkpoint.read(tmp_path / checkpoint.LAST).facts["step"] == 8


@pytest.mark.usefixtures("whole_journals")
def test_the_folder_of_a_run_holds_metrics_and_a_curve(tmp_path: Path) -> None:
    trained(quick(), tmp_path, validation=OTHERS)
    header, *rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert header == "step,hours,rate,crops_a_second,labels,accuracy"
    assert [row.split(",")[0] for row in rows] == ["6.0", "12.0"]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((tmp_path / "events").iterdir())


def test_metrics_go_on_after_a_resume(tmp_path: Path) -> None:
    config = quick()
    trained(config, tmp_path, tick=lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 6 else None)
    state = run.start(config, FACES)
    state.load(tmp_path / checkpoint.LAST)
    loop.train(state, config, FACES, tmp_path)
    rows = (tmp_path / "metrics.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["6.0", "12.0"]


def test_a_folder_takes_one_training_at_a_time(tmp_path: Path) -> None:
    """Two that write one folder by turns would leave a checkpoint of neither."""
    with claimed(tmp_path):
        with pytest.raises(UsageError, match="another training writes here"), claimed(tmp_path):
            pass
        assert tmp_path.is_dir()
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("kept", [False, True])
def test_a_folder_made_for_a_call_that_is_refused_goes_again(kept: bool, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "1"

    def refused() -> None:
        with claimed(out):
            if kept:
                (out / "crops").mkdir()
            raise UsageError("too few")

    with pytest.raises(UsageError, match="too few"):
        refused()
    assert (tmp_path / "runs").exists() == kept


def test_a_disk_that_is_full_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object, path: Path, **__: object) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("No space left on device")

    state = trained(quick(), tmp_path)
    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        state.save(tmp_path / checkpoint.LAST, quick())
    assert caught.value.filename == str(tmp_path / checkpoint.LAST)
    assert checkpoint.read(tmp_path / checkpoint.LAST).facts["step"] == 12
    assert not list(tmp_path.glob("*.part"))


def test_rates_on_faces_of_another_size_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = iter([0.9, 0.5, 0.6, 0.6, 0.6])
    monkeypatch.setattr(loop, "validate", lambda *_, **__: {"accuracy": next(rates)})
    config = quick(phases=((32, 6), (40, 30)), patience=2)
    state = trained(config, tmp_path, validation=OTHERS)
    assert (state.step, state.best, state.stale, state.side) == (30, 0.6, 2, 40)
    saved = checkpoint.read(tmp_path)
    assert (saved.facts["step"], saved.facts["side"]) == (18, 40)


def test_weights_of_another_run_are_a_beginning(tmp_path: Path) -> None:
    first = trained(quick(), tmp_path)
    second = run.start(quick(seed=5), FACES)
    second.load_weights(tmp_path / checkpoint.LAST, FACES)
    wanted = first.averaged.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in second.network.state_dict().items())
    assert second.step == 0


def test_a_checkpoint_of_other_people_is_refused(tmp_path: Path) -> None:
    trained(quick(), tmp_path)
    with pytest.raises(WeightsError, match="other people"):
        run.start(quick(), people(5, 6)).load(tmp_path / checkpoint.LAST)
    with pytest.raises(WeightsError, match="another network"):
        run.start(quick(dimension=9), FACES).load_weights(tmp_path / checkpoint.LAST, FACES)


def test_a_checkpoint_with_a_bridge_to_a_teacher_needs_one(tmp_path: Path) -> None:
    trained(quick(), tmp_path, taught(FACES, 12))
    with pytest.raises(WeightsError, match="a teacher are missing"):
        run.start(quick(), FACES).load(tmp_path / checkpoint.LAST)


def test_class_centers_begin_at_the_teacher_s_means() -> None:
    data = taught(FACES)
    head = run.start(quick(), data).head
    assert head is not None
    assert data.teacher is not None
    mean = data.teacher[data.labels == 3].astype(np.float32).mean(0)
    assert head.weight[3].detach().numpy() == pytest.approx(mean / np.linalg.norm(mean), abs=1e-3)


@pytest.mark.parametrize(("precision", "inside"), [("bf16", torch.bfloat16), ("float32", torch.float32)])
def test_the_network_computes_in_the_precision_asked_for(
    precision: str, inside: torch.dtype, tmp_path: Path
) -> None:
    """The weights stay in float32."""
    config = quick(precision=precision, phases=((32, 2),))
    state = run.start(config, FACES)
    seen: list[torch.dtype] = []
    first = next(module for module in state.network.modules() if isinstance(module, torch.nn.Conv2d))
    first.register_forward_hook(lambda module, taken, given: seen.append(given.dtype))
    loop.train(state, config, FACES, tmp_path)
    assert seen == [inside, inside]
    assert all(value.dtype == torch.float32 for value in state.network.parameters())


def test_every_step_is_taken_at_the_rate_of_the_settings(tmp_path: Path) -> None:
    config = quick(warmup=3, decay=0.5, phases=((32, 8),))
    state, taken = run.start(config, FACES), list[float]()
    loop.train(
        state, config, FACES, tmp_path, tick=lambda step: taken.append(state.optimizer.param_groups[0]["lr"])
    )
    assert taken == [config.rate_at(step) for step in range(8)]
    assert len(set(taken)) == 6


def test_the_terms_of_the_loss_weigh_what_the_settings_say() -> None:
    """The loss on labels rises over its ramp, the teacher's terms count whole from the start."""
    data = taught(FACES)
    config = quick(label_weight=0.6, label_ramp=4, teacher_weight=2.0, relational_weight=3.0, temperature=0.3)
    state = run.start(config, data)
    batch = loop.batches_of(config, data, ALONE).make(0, 32)
    vectors = state.network(batch.faces).detach()
    known = batch.labels >= 0
    assert state.head is not None
    labels = state.head(vectors[known], batch.labels[known]).item()
    distance = distillation.embedding_distance(vectors, batch.teacher).item()
    relational = distillation.relational(vectors, batch.teacher, batch.anchors, temperature=0.3).item()
    for state.step, weight in ((0, 0.0), (1, 0.15), (3, 0.45), (4, 0.6), (9, 0.6)):
        terms = loop.objective(state, config, vectors, batch)
        assert terms["labels"].item() == pytest.approx(weight * labels, rel=1e-5)
        assert terms["distance"].item() == pytest.approx(2 * distance, rel=1e-5)
        assert terms["relational"].item() == pytest.approx(3 * relational, rel=1e-5)


def test_the_average_follows_floats_only() -> None:
    ours, theirs = (torch.nn.BatchNorm1d(2) for _ in range(2))
    theirs.weight.data.fill_(3.0)
    theirs.running_mean.fill_(1.0)
    theirs.num_batches_tracked.fill_(7)
    loop.follow(ours, theirs, 0.75)
    assert ours.weight.tolist() == [1.5, 1.5]
    assert ours.running_mean.tolist() == [0.25, 0.25]
    assert ours.num_batches_tracked == 0


def test_the_views_of_a_bank_are_not_augmented_again() -> None:
    config = quick(augmentation=Augmentation(flip=0.0))
    plain = loop.batches_of(config, FACES, ALONE)
    assert plain.augmentation is not None
    views = replace(FACES, crops=np.concatenate([FACES.crops, FACES.crops]))
    banked = loop.batches_of(config, views, ALONE)
    assert banked.augmentation is None
    assert banked.flip == plain.flip == 0.0


def test_a_run_is_not_gone_on_with_by_another_optimizer(tmp_path: Path) -> None:
    trained(quick(optimizer="adamw"), tmp_path)
    for other in ("muon", "sgd"):
        with pytest.raises(WeightsError, match="another optimizer"):
            run.start(quick(optimizer=other), FACES).load(tmp_path / checkpoint.LAST)
        with pytest.raises(UsageError, match="learns with adamw"):
            settings_of(Request(tmp_path, resume=True), {"optimizer": other})


def test_a_signal_ends_a_validation_which_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(quick(), tmp_path / "whole", validation=OTHERS)
    asked, told = loop.validate, []

    def interrupted(*arguments: object, **options: object) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        told.append("asked")
        return asked(*arguments, **options)  # type: ignore[arg-type]

    state = run.start(quick(), FACES)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", interrupted)
        assert not loop.train(state, quick(), FACES, tmp_path / "cut", validation=OTHERS)
    assert (state.step, told) == (6, ["asked"])
    again = run.start(quick(), FACES)
    again.load(tmp_path / "cut" / checkpoint.LAST)
    assert loop.train(again, quick(), FACES, tmp_path / "cut", validation=OTHERS)
    assert [row.get("accuracy") for row in again.history] == [row["accuracy"] for row in whole.history]


def test_the_hours_of_a_run_that_is_killed_are_kept(tmp_path: Path) -> None:
    config, spent = quick(save_every=0.0, validate_every=100), []

    def killed(step: int) -> None:
        if step == 8:
            spent.append(time.monotonic())
            raise KeyError("as by a kill")
        spent.append(time.monotonic())

    with pytest.raises(KeyError):
        loop.train(run.start(config, FACES), config, FACES, tmp_path, tick=killed)
    kept = checkpoint.read(tmp_path / checkpoint.LAST).facts
    assert kept["step"] == 7
    assert kept["seconds"] >= spent[6] - spent[0]


def test_without_a_teacher_labels_always_count(tmp_path: Path) -> None:
    trained(quick(label_weight=0.0), tmp_path)
    with pytest.raises(UsageError, match="nothing to learn from"):
        run.start(quick(), people(1, 4))


def test_a_longer_run_goes_on_from_before_the_rate_fell(tmp_path: Path) -> None:
    short, long = quick(phases=((32, 10),), decay=0.4), quick(phases=((32, 20),), decay=0.4)
    trained(short, tmp_path / "short")
    whole = trained(long, tmp_path / "whole")
    (tmp_path / "on").mkdir()
    (tmp_path / "short" / checkpoint.TRUNK).rename(tmp_path / "on" / checkpoint.LAST)
    state = run.start(long, FACES)
    state.load(tmp_path / "on" / checkpoint.LAST)
    assert state.step == 6
    loop.train(state, long, FACES, tmp_path / "on")
    assert whole.step == state.step == 20
    assert same(tmp_path / "on" / checkpoint.LAST, tmp_path / "whole" / checkpoint.LAST)
