"""Crops become unit vectors, and the length that was taken off is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facekit.errors import WeightsError
from facekit.faces import embedding
from facekit.faces.embedding import Embedder
from facekit.models.weights import EmbedderSpec
from facekit.results import Pixels

SPEC = EmbedderSpec(Path("halves.onnx"), "halves", "", 2, side=4, mean=0.0, scale=1.0)


def halves(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network whose vector is the brightness of the left half and of the right."""
    return np.stack([batch[..., :2].mean((1, 2, 3)), batch[..., 2:].mean((1, 2, 3))], 1)


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "verified", lambda path, sha256: b"")
    monkeypatch.setattr(Embedder, "_require_sight", lambda self: None)
    monkeypatch.setattr(embedding.runtime, "load", lambda data, **_: halves)


def crops(*sides: tuple[int, int]) -> Pixels:
    return np.stack(
        [np.repeat([[[left]] * 2 + [[right]] * 2], 4, 0).repeat(3, 2) for left, right in sides]
    ).astype(np.uint8)


def test_the_feature_norm_is_the_length_of_the_network_s_vector() -> None:
    vectors, norms = Embedder(SPEC).with_norms(crops((30, 40), (5, 12)))
    assert vectors == pytest.approx(np.array([[0.6, 0.8], [5 / 13, 12 / 13]]))
    assert norms == pytest.approx([50, 13])
    assert norms.dtype == vectors.dtype == np.float32


def test_with_the_mirror_image_it_is_the_mean_of_both_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    stretched = lambda batch: halves(batch) * [1, 2]  # noqa: E731
    monkeypatch.setattr(embedding.runtime, "load", lambda data, **_: stretched)
    vectors, norms = Embedder(replace(SPEC, flip=True)).with_norms(crops((30, 40)))
    first, second = np.array([30, 80]), np.array([40, 60])
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    assert norms == pytest.approx([np.mean(lengths)])
    both = first / lengths[0] + second / lengths[1]
    assert vectors[0] == pytest.approx(both / np.linalg.norm(both))


def test_a_call_gives_the_same_vectors_alone() -> None:
    embedder, faces = Embedder(SPEC), crops((30, 40), (5, 12))
    np.testing.assert_array_equal(embedder(faces), embedder.with_norms(faces)[0])


def test_no_crops_are_no_vectors_and_no_norms() -> None:
    vectors, norms = Embedder(SPEC).with_norms(np.zeros((0, 4, 4, 3), np.uint8))
    assert (vectors.shape, norms.shape) == ((0, 2), (0,))


def test_a_vector_without_length_recognizes_nobody() -> None:
    with pytest.raises(WeightsError, match="zero or not finite"):
        Embedder(SPEC)(crops((0, 0)))
