"""How often strangers pass for a face, told from its vector."""

import numpy as np
import pytest

from facekit.calibration import poorness
from facekit.calibration.poorness import Poorness
from facekit.errors import WeightsError
from facekit.models import weights

MODEL = Poorness((1.0, 0.0), 0.0, 0.0, -3.0, 0.01)
RIGHT, UP = np.eye(2, dtype=np.float32)
NORMS = np.ones(2, np.float32)


def test_the_rate_is_a_power_of_ten_of_what_the_model_says() -> None:
    np.testing.assert_allclose(MODEL.rates(np.stack([RIGHT, UP]), NORMS), [1e-2, 1e-3])


def test_the_length_before_scaling_counts_too() -> None:
    model = Poorness((0.0, 0.0), 0.01, -1.0, -1.0, 0.01)
    [rate] = model.rates(RIGHT[None], np.array([10], np.float32))
    assert rate == pytest.approx(10 ** (0.01 * 10 - np.log(10) - 1), abs=1e-5)


def test_a_rate_is_never_above_one_nor_below_what_could_be_counted() -> None:
    model = Poorness((1e6, -1e6), 0.0, 0.0, 0.0, 0.01)
    np.testing.assert_array_equal(model.rates(np.stack([RIGHT, UP]), NORMS), [1, poorness.RAREST])


@pytest.mark.parametrize(
    ("rate", "poor_from", "poor"),
    [(0.01, 0.01, True), (0.009, 0.01, False), (None, 0.01, False), (1.0, 0.0, False)],
)
def test_a_face_is_poor_from_the_limit_on_where_both_are_known(
    rate: float | None, poor_from: float, poor: bool
) -> None:
    assert poorness.is_poor(rate, poor_from) is poor


def test_the_problem_says_how_many_strangers_would_pass() -> None:
    assert poorness.problem(0.04).startswith("too poor (1 in 25 strangers")


def test_the_shipped_network_has_a_model_of_its_dimension() -> None:
    spec = weights.shipped_embedder()
    assert spec.poorness is not None
    assert len(spec.poorness.weights) == spec.dimension
    assert 0 < spec.poorness.poor_from < 0.1


TABLE = """[embedder]
dimension = 2
[embedder.poorness]
weights = {weights}
length = 0.0
log_length = 0.0
bias = -3.0
poor_from = 0.01
"""


def test_a_network_of_ones_own_may_have_a_model(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.onnx").touch()
    (tmp_path / "mine.toml").write_text(TABLE.format(weights=[1, 0.0]))
    assert weights.user_embedder(tmp_path / "mine.onnx").poorness == MODEL


@pytest.mark.parametrize("values", [[1.0], [1.0, 1e300], "1"])
def test_a_model_that_does_not_fit_is_refused(tmp_path, values) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.onnx").touch()
    (tmp_path / "mine.toml").write_text(TABLE.format(weights=values))
    with pytest.raises(WeightsError, match="poorness"):
        weights.user_embedder(tmp_path / "mine.onnx")


def test_a_network_without_a_model_says_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine.onnx").touch()
    (tmp_path / "mine.toml").write_text("[embedder]\ndimension = 2\n")
    assert weights.user_embedder(tmp_path / "mine.onnx").poorness is None


def test_a_gallery_of_usual_photos_needs_no_word() -> None:
    assert poorness.of_gallery([]) is None
    assert poorness.of_gallery([0.0001] * 60 + [0.02] * 40) is None


def test_of_a_poor_camera_s_gallery_is_said_what_it_does_to_strangers() -> None:
    for count in (1, 1000):
        assert "up to 1 in 10 strangers" in str(poorness.of_gallery([0.002] * count))
