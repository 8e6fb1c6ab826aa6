"""The refiner learns from aligned crops alone by how much a face is off."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from facekit.cli import group
from facekit.faces.alignment import CENTER, RADIUS, SCHEMES
from facekit.models import runtime
from facekit.training import refiner
from facekit.training.landmarks import Example
from facekit.training.refiner import INPUT_SIDE, WINDOW, RefinerRecipe

TEMPLATE = SCHEMES["arcface5"]
RECIPE = RefinerRecipe(steps=4, batch=4)


def dotted(count: int, *, side: int = 112, seed: int = 0) -> np.ndarray:
    """Crops with a bright dot at each point of the template, each of another color, on noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 112) / 2
    crops = random.uniform(0, 60, (count, side, side, 3))
    for number, (at_x, at_y) in enumerate(TEMPLATE):
        dot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 18)
        crops += dot[None, :, :, None] * (np.array([180, 90, 180]) if number < 2 else np.array([60, 180, 90]))
    return np.clip(crops, 0, 255).astype(np.uint8)


def as_input(crops: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1


def correction(shift: complex, turn: complex) -> torch.Tensor:
    """Of `turn`, 0 for none, in parts of the size."""
    return torch.tensor([[shift.real, shift.imag, turn.real * RADIUS, turn.imag * RADIUS]])


@pytest.mark.parametrize("side", [112, 144])
@pytest.mark.parametrize(("shift", "turn"), [(0j, 0j), (4 - 3j, 0j), (0j, 0.1j), (2 + 2j, 0.08 - 0.05j)])
def test_a_window_shows_the_template_where_the_correction_says(
    side: int, shift: complex, turn: complex
) -> None:
    crops = np.zeros((1, side, side, 3), np.uint8)
    y, x = np.mgrid[:side, :side] - (side - 112) / 2
    zoom = INPUT_SIDE / (WINDOW[2] - WINDOW[0])
    for point in TEMPLATE:
        crops[0] = (255 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 18))[..., None]
        window = refiner.cut(as_input(crops), correction(shift, turn), torch.tensor([False]))
        weight = (window[0, 0] + 1).clamp(min=0.05).sub(0.05).numpy()
        rows, columns = np.mgrid[:INPUT_SIDE, :INPUT_SIDE]
        seen = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
        wanted = complex(*point) + shift + turn * (complex(*point) - CENTER)
        expected = (np.array([wanted.real, wanted.imag]) + 0.5 - WINDOW[:2]) * zoom - 0.5
        assert seen == pytest.approx(expected, abs=0.1)


def test_a_mirrored_face_is_aligned_too() -> None:
    crops = as_input(dotted(1))
    plain, mirrored = (
        refiner.cut(crops, correction(3 + 1j, 0.05j), torch.tensor([flip])) for flip in (False, True)
    )
    assert float((plain - mirrored).abs().mean()) < 0.2
    assert not torch.equal(plain, mirrored)


def test_the_loss_is_in_pixels_of_the_points() -> None:
    none, right = correction(0j, 0j), correction(3 + 4j, 0j)
    assert float(refiner.displacement(none, none)) == 0
    # Smooth L1: half a pixel less where it is over one, half the square below.
    assert float(refiner.displacement(right, none)) == pytest.approx(4.5)
    far = np.abs(TEMPLATE @ np.array([1, 1j]) - CENTER)
    expected = np.where(far > 1, far - 0.5, far**2 / 2).mean()
    assert float(refiner.displacement(correction(0j, 1j), none)) == pytest.approx(float(expected))


def test_jitter_is_as_large_as_the_recipe_says() -> None:
    found = refiner.jitter(4000, RECIPE, torch.Generator().manual_seed(0)).numpy()
    assert np.abs(found[:, :2]).max() <= 2.5 * RECIPE.shift
    assert found[:, :2].std() == pytest.approx(RECIPE.shift, rel=0.1)
    factor = 1 + (found[:, 2] + 1j * found[:, 3]) / RADIUS
    assert np.angle(factor).std() == pytest.approx(RECIPE.turn, rel=0.1)
    assert np.log(np.abs(factor)).std() == pytest.approx(RECIPE.stretch, rel=0.1)


def test_changed_faces_stay_pictures() -> None:
    crops = as_input(dotted(12))[..., :INPUT_SIDE, :INPUT_SIDE]
    found = refiner.changed(crops.clone(), torch.Generator().manual_seed(0))
    assert found.shape == crops.shape
    assert float(found.abs().max()) <= 1
    assert not torch.equal(found, crops)


def test_it_learns_where_a_face_lies() -> None:
    losses: list[float] = []
    recipe = RefinerRecipe(steps=40, batch=16, averaging=0.8)
    network = refiner.train(dotted(24), recipe, report=lambda step, loss: losses.append(loss))
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    wanted = refiner.jitter(32, recipe, torch.Generator().manual_seed(9))
    windows = refiner.cut(as_input(dotted(32, seed=5)), wanted, torch.zeros(32, dtype=torch.bool))
    with torch.inference_mode():
        found = network(windows)
    assert refiner.displacement(found, wanted) < 0.6 * refiner.displacement(0 * wanted, wanted)


def test_no_crops_are_nothing_to_train_on(tmp_path: Path) -> None:
    np.save(tmp_path / "crops.npy", dotted(4)[:0])
    result = CliRunner().invoke(group, ["train-refiner", str(tmp_path / "crops.npy")])
    assert result.exit_code == 2
    assert "crops.npy: holds no crops" in result.stderr


def test_photos_show_what_lies_around_a_face() -> None:
    """Their windows reach over the edge of a crop, where a crop has only its own reflection."""
    random = np.random.default_rng(0)
    picture = np.kron(random.integers(0, 255, (30, 30, 1)), np.ones((8, 8, 3))).astype(np.uint8)
    (photo,) = refiner.surroundings([Example("one", picture, TEMPLATE + 60)])
    assert photo.shape == (160, 160, 3)
    assert np.abs(photo.astype(int) - picture[36:196, 36:196]).max() <= 1
    crop, far = picture[60:172, 60:172], torch.tensor([False])
    for shift, same in ((2 + 2j, True), (-30 - 40j, False)):
        windows = [refiner.cut(as_input(each[None]), correction(shift, 0j), far) for each in (photo, crop)]
        assert torch.allclose(*windows, atol=0.02) is same
    losses: list[float] = []
    refiner.train(dotted(4), RECIPE, photos=photo[None], report=lambda step, loss: losses.append(loss))
    assert len(losses) == RECIPE.steps


def test_the_same_seed_gives_the_same_file() -> None:
    first, second, other = (
        refiner.to_onnx(refiner.train(dotted(6), replace(RECIPE, seed=seed))) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_the_file_is_small_and_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = refiner.RefinerNetwork().eval()
    entry = refiner.write(network, tmp_path / "mine.onnx", tmp_path / "manifest.toml")
    data = (tmp_path / "mine.onnx").read_bytes()
    assert len(data) < 1_000_000
    assert tomllib.loads((tmp_path / "manifest.toml").read_text()) == {"refiner": entry}
    windows = torch.rand(3, 3, INPUT_SIDE, INPUT_SIDE) * 2 - 1
    with torch.inference_mode():
        expected = network(windows).numpy()
    found = runtime.load(data, threads=1)(windows.numpy())
    assert found == pytest.approx(expected, abs=0.02)
