"""Batches: reproducible, shared out without overlap, and what the network expects."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.training import batches
from facekit.training.augment import augment
from facekit.training.batches import Batch, Batches
from facekit.training.config import UNCHANGED, Augmentation
from facekit.training.sampling import EveryCrop
from training.small import people

FACES = people(4, 5, unknown=3)


def made(**options: object) -> Batches:
    usual = {"augmentation": Augmentation(flip=0.0), "shift": 2, "light": 0.1}
    return Batches(FACES, EveryCrop(FACES.rows, 6, 0), 6, 0, **{**usual, **options})  # type: ignore[arg-type]


def test_a_batch_is_a_function_of_its_number() -> None:
    first, second = made().make(3, 32), made().make(3, 32)
    assert torch.equal(first.faces, second.faces)
    assert torch.equal(first.labels, second.labels)
    assert not torch.equal(made().make(4, 32).faces, first.faces)
    assert not torch.equal(replace(made(), seed=1).make(3, 32).faces, first.faces)


def test_faces_are_what_the_network_takes() -> None:
    batch = made().make(0, 48)
    assert batch.faces.shape == (6, 3, 48, 48)
    assert batch.faces.dtype == torch.float32
    assert batch.faces.is_contiguous(memory_format=torch.channels_last)
    assert batch.faces.min() >= -1
    assert batch.faces.max() <= 1
    assert batch.labels.dtype == torch.int64


def test_processes_share_a_batch_without_overlap() -> None:
    whole = made(augmentation=None).make(2, 32)
    parts = [made(augmentation=None, rank=rank, world=3).make(2, 32) for rank in range(3)]
    for number in range(6):
        part, place = parts[number % 3], number // 3
        assert torch.equal(part.faces[place], whole.faces[number])
        assert part.labels[place] == whole.labels[number]


def test_the_stream_changes_size_with_the_phase_and_starts_anywhere() -> None:
    sides = {0: 32, 3: 40}
    sizes = [batch.faces.shape[-1] for batch in made().stream(1, 5, sides)]
    assert sizes == [32, 32, 40, 40]
    late = next(made().stream(4, 5, sides))
    assert torch.equal(late.faces, made().make(4, 40).faces)
    assert list(made().stream(5, 5, sides)) == []


@pytest.mark.parametrize("beside", [True, False])
def test_beside_the_network_a_batch_is_made_with_one_thread(
    beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    make = Batches.make

    def noted(self: Batches, number: int, side: int) -> Batch:
        threads.append(torch.get_num_threads())
        return make(self, number, side)

    monkeypatch.setattr(Batches, "make", noted)
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        made_by_stream = list(made().stream(0, 2, {0: 32}, beside=beside))
        assert threads == ([1, 1] if beside else [2, 2])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)
    assert torch.equal(made_by_stream[1].faces, make(made(), 1, 32).faces)


def test_views_come_with_the_teacher_s_vector_of_that_view() -> None:
    crops = np.concatenate([FACES.crops, FACES.crops])
    teacher = np.zeros((len(crops), 2), np.float16)
    teacher[:, 0] = np.arange(len(crops)) // len(FACES.labels)
    teacher[:, 1] = np.tile(FACES.labels, 2)
    made_of_views = replace(made(anchors=4), data=replace(FACES, crops=crops, teacher=teacher))
    batch = made_of_views.make(0, 32)
    assert batch.teacher is not None
    assert batch.anchors is not None
    assert (batch.teacher[:, 1] == batch.labels).all()
    assert set(batch.teacher[:, 0].tolist()) == {0.0, 1.0}
    assert batch.anchors.shape == (4, 2)


def test_moved_pictures_repeat_their_edge() -> None:
    pixels = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1).repeat(3, 3)
    moved = batches.shifted(pixels, np.array([[1, -1]]))
    assert moved[0, :, :, 0].tolist() == [[1, 2, 2], [1, 2, 2], [4, 5, 5]]


def test_preparing_maps_black_and_white_to_minus_one_and_one() -> None:
    faces = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 112, 112)
    for side in (112, 64):
        ready = batches.prepare(faces, side)
        assert ready[0].numpy() == pytest.approx(-1, abs=1e-6)
        assert ready[1].numpy() == pytest.approx(1, abs=1e-6)


CHANGES = [name for name in Augmentation.__dataclass_fields__ if name != "flip"]
"""Mirror images are made with the batch."""


@pytest.mark.parametrize("name", CHANGES)
def test_every_augmentation_has_a_switch_of_its_own(name: str) -> None:
    faces = torch.from_numpy(FACES.crops[:8].copy()).permute(0, 3, 1, 2)
    assert torch.equal(augment(faces, UNCHANGED, np.random.default_rng(0)), faces)
    strength = {"rotation": 20.0, "shift": 0.2, "scale": 0.3, "color": 0.8}.get(name, 1.0)
    changed = augment(faces, replace(UNCHANGED, **{name: strength}), np.random.default_rng(0))
    assert changed.shape == faces.shape
    assert changed.dtype == torch.uint8
    assert not torch.equal(changed, faces)


def test_augmentation_follows_the_seed_and_leaves_the_outer_generator_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    made().make(0, 32)
    assert torch.equal(torch.rand(3), wanted)


def test_who_is_held_out_is_no_anchor_either() -> None:
    used = np.arange(0, len(FACES.labels), 2)
    teacher = np.zeros((2 * len(FACES.labels), 2), np.float16)
    teacher[:, 0] = np.tile(np.arange(len(FACES.labels)), 2)
    teacher[:, 1] = 1
    both = replace(FACES, crops=np.concatenate([FACES.crops, FACES.crops]), teacher=teacher, use=used)
    batch = replace(made(anchors=64), data=both).make(0, 32)
    assert batch.anchors is not None
    assert set(batch.anchors[:, 0].tolist()) <= set(used.tolist())


def test_a_gpu_is_given_the_same_pixels() -> None:
    rows = np.array([4, 0, 7, 4])
    mirrored = np.array([True, False, True, False])
    shifts = np.array([[2, -3], [0, 0], [-40, 5], [1, 40]])
    wanted = FACES.crops[rows]
    wanted[mirrored] = wanted[mirrored, :, ::-1]
    wanted = batches.shifted(wanted, shifts)
    found = batches.gathered(*map(torch.from_numpy, (FACES.crops, rows, mirrored, shifts)))
    assert np.array_equal(found.permute(0, 2, 3, 1).numpy(), wanted)


def test_a_batch_from_crops_that_lie_on_the_device_is_the_same() -> None:
    usual, resident = made(), made()
    vars(resident)["_resident"] = torch.from_numpy(FACES.crops)
    for number in range(3):
        assert torch.equal(usual.make(number, 32).faces, resident.make(number, 32).faces)
