"""Training of the second look: which places it learns from, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("torchvision")

import torch

from facekit import runtime
from facekit.detection.geometry import overlap
from facekit.detection.second_look import SIDE
from facekit.training import proposals, second_look
from facekit.training.detector_pictures import Labels
from facekit.training.proposals import Places, chosen_places

NOWHERE = np.zeros((0, 4), np.float32)
POINTS = [0.0] * 10


def chosen(
    boxes: list[list[float]],
    labels: list[tuple[list[float], bool]],
    seen: np.ndarray = NOWHERE,
    astray: int = 0,
) -> tuple[list[list[float]], list[bool]]:
    known = Labels.of([([*box, *POINTS], certain) for box, certain in labels])
    proposed = np.array(boxes, np.float32).reshape(-1, 4)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(proposals, "_ASTRAY", astray)
    places, faces = chosen_places(proposed, known, seen, np.random.default_rng(1))
    monkeypatch.undo()
    return places.tolist(), faces.tolist()


def test_what_overlaps_a_known_face_is_one_and_what_is_far_from_all_is_none() -> None:
    near, far = [0.0, 0.0, 20.0, 20.0], [100.0, 100.0, 120.0, 120.0]
    assert chosen([near, far], [([1, 1, 21, 21], True)]) == ([near, far], [True, False])


def test_what_nobody_knows_is_left_out() -> None:
    box = [0.0, 0.0, 20.0, 20.0]
    assert chosen([box], [([0, 0, 20, 20], False)]) == ([], [])
    assert chosen([box], [([10, 10, 30, 30], True), ([0, 0, 20, 20], False)])[0][0] != box
    assert chosen([box], [], np.array([box], np.float32)) == ([], [])


def test_a_known_face_that_was_not_proposed_is_added_nearly_where_it_is() -> None:
    (place,), faces = chosen([], [([50, 50, 90, 90], True)])
    assert faces == [True]
    assert place == pytest.approx([50, 50, 90, 90], abs=10)


def test_of_places_without_a_face_the_surest_are_there_and_few_others() -> None:
    boxes = [[at * 50.0, 0.0, at * 50.0 + 20, 20.0] for at in range(30)]
    places, faces = chosen(boxes, [])
    assert places[:3] == boxes[:3]
    assert 3 < len(places) == len(faces) < 10
    assert not any(faces)


def test_boxes_that_miss_a_face_by_far_are_shown_as_none() -> None:
    label = [50.0, 50.0, 90.0, 90.0]
    known = Labels.of([([*label, *POINTS], True)])
    shown = []
    for number in range(20):
        chance = np.random.default_rng(number)
        places, faces = chosen_places(np.array([label], np.float32), known, NOWHERE, chance)
        assert faces.tolist() == [True, False][: len(places)]
        shown += list(places[1:])
    assert len(shown) > 10
    assert overlap(np.array(label), np.array(shown)).max() < 0.3
    assert np.abs(np.array(shown)).max() < 200


def toys(count: int) -> Places:
    """Places with something bright in the middle, and without."""
    chance = np.random.default_rng(3)
    crops = chance.integers(0, 120, (count, SIDE, SIDE, 3), np.uint8)
    faces = np.arange(count) % 3 == 0
    crops[faces, 20:44, 20:44] += 120
    return Places(crops, faces)


def test_it_learns_what_a_face_is_and_the_file_says_the_same() -> None:
    torch.set_num_threads(1)
    recipe = second_look.Recipe(steps=40, batch=16, averaging=0.8)
    places = toys(60)
    network = second_look.train(places, recipe)
    again = second_look.train(places, replace(recipe))
    with torch.inference_mode():
        answers = network(torch.from_numpy(places.crops).permute(0, 3, 1, 2).float()).sigmoid().numpy()
    assert answers[places.faces].min() > answers[~places.faces].max()
    states = zip(network.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)
    loaded = runtime.load(second_look.to_onnx(network), threads=1)
    np.testing.assert_allclose(loaded(places.crops.astype(np.float32)), answers, atol=0.01)


def test_half_of_a_batch_are_faces() -> None:
    recipe = second_look.Recipe(steps=3, batch=10)
    for crops, wanted in second_look.batches(toys(30), recipe):
        assert crops.shape == (10, 3, SIDE, SIDE)
        assert wanted.tolist() == [0, 1] * 5
        middle = crops[:, :, 28:36, 28:36].mean(dim=(1, 2, 3))
        assert middle[1::2].min() > middle[0::2].max()


def test_places_of_views_are_collected_in_their_order() -> None:
    class Known(proposals.Proposals):
        def __init__(self) -> None:
            self._views = 4

        def __getitem__(self, number: int) -> Places:
            return Places(np.full((number, SIDE, SIDE, 3), number, np.uint8), np.arange(number) > 0)

    heard: list[tuple[int, int]] = []
    places = proposals.collected(Known(), 0, lambda done, of: heard.append((done, of)))
    assert places.crops[:, 0, 0, 0].tolist() == [1, 2, 2, 3, 3, 3]
    assert places.faces.tolist() == [False, False, True, False, True, True]
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
