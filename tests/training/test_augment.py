"""What each change makes of a face, and that chance is the seed's alone."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from facekit.training import augment
from facekit.training.config import UNCHANGED, Augmentation


def gray(count: int = 6, side: int = 112, value: int = 128) -> Tensor:
    return torch.full((count, 3, side, side), value, dtype=torch.uint8)


def patterned(count: int = 6, side: int = 112) -> Tensor:
    drawn = np.random.default_rng(3).integers(0, 256, (count, 3, side // 8, side // 8), np.uint8)
    return torch.from_numpy(drawn.repeat(8, 2).repeat(8, 3))


def changed(faces: Tensor, seed: int = 0, **strengths: float) -> Tensor:
    return augment.augment(faces, replace(UNCHANGED, **strengths), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_views_and_another_seed_others() -> None:
    faces, all_of_them = patterned(), Augmentation(flip=0.0)
    views = [augment.augment(faces, all_of_them, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_a_share_of_the_faces_is_changed_and_the_others_stay() -> None:
    faces = patterned(400, 16)
    stayed = (changed(faces, noise=0.25) == faces).flatten(1).all(1)
    assert 0.65 < stayed.double().mean() < 0.85


def test_a_mask_covers_the_mouth_and_leaves_the_eyes() -> None:
    faces = gray(64)
    touched = (changed(faces, mask=1.0) != faces).any(1)
    assert touched[:, 92, 50:63].double().mean() > 0.9
    assert not touched[:, :50].any()


def test_a_mask_is_where_it_is_at_any_size_of_the_picture() -> None:
    faces = gray(64, side=64)
    touched = (changed(faces, mask=1.0) != faces).any(1)
    assert touched[:, 53, 28:36].double().mean() > 0.9
    assert not touched[:, :28].any()


def test_what_covers_a_part_leaves_the_rest_as_it_is() -> None:
    faces = patterned(32)
    share = (changed(faces, occlusion=1.0) != faces).any(1).double().mean((1, 2))
    assert share.max() < 0.35
    assert share.min() > 0.0


@pytest.mark.parametrize("name", ["low_resolution", "blur"])
def test_what_takes_detail_away_keeps_the_light(name: str) -> None:
    faces = patterned(16).float()
    views = changed(faces.to(torch.uint8), **{name: 1.0}).float()
    assert views.diff(dim=3).square().mean() < 0.8 * faces.diff(dim=3).square().mean()
    assert float(views.mean()) == pytest.approx(float(faces.mean()), rel=0.02)


def test_dark_faces_are_darker_and_gray_ones_have_no_color() -> None:
    faces = patterned()
    assert (changed(faces, dark=1.0) <= torch.ceil(faces.float() * augment.DARK[1])).all()
    colorless = changed(faces, gray=1.0)
    assert torch.equal(colorless[:, 0], colorless[:, 1])
    assert torch.equal(colorless[:, 0], colorless[:, 2])


@pytest.mark.parametrize("side", [8, 20, 64, 112])
def test_compression_stays_near_the_picture_at_every_size(side: int) -> None:
    """A smooth slope loses little at any quality; a side that is no whole number of blocks keeps its size."""
    slope = torch.linspace(40, 200, side).expand(4, 3, side, side).to(torch.uint8)
    views = changed(slope, jpeg=1.0)
    assert views.shape == slope.shape
    whole = side // 16 * 16
    assert (views - slope.float())[..., :whole].abs().mean() < 12 if whole else torch.equal(views, slope)


def test_compression_is_what_pillow_makes_of_the_same_quality() -> None:
    rows, columns = np.mgrid[0:112, 0:112]
    picture = np.stack([128 + 90 * np.sin(rows / 9), 128 + 90 * np.cos(columns / 7), rows + columns], 2)
    picture = picture.clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=20, subsampling=2)
    wanted = np.asarray(Image.open(file)).astype(np.float32)

    class Twenty(np.random.Generator):
        def uniform(self, *_: object, size: object = None, **__: object) -> object:  # type: ignore[override]
            return np.full(1, 20.0)

    faces = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    ours = augment.compressed(faces, Twenty(np.random.PCG64(0)))[0].permute(1, 2, 0).numpy()
    lost = np.abs(wanted - picture).mean()
    assert np.abs(ours - wanted).mean() < 0.5 * lost


def test_moved_faces_repeat_their_edge() -> None:
    views = changed(gray(value=90), shift=0.2, scale=0.2, rotation=30.0)
    assert (views == 90).all()
