import numpy as np
import pytest

from pestwatch.vision.montage import whole_liner
from pestwatch.vision.resample import mae, wape

from .pictures import liner

CROPS = [liner(seed, 4, side_px=160) for seed in range(3)]


@pytest.mark.parametrize(("megapixels", "magnification"), [(1, 1), (1, 3), (4, 2)])
def test_a_liner_has_the_size_asked_for_and_counts_what_was_laid(megapixels, magnification):
    made = whole_liner(CROPS, megapixels, magnification, seed=1)
    height, width, _ = made.image.shape
    assert width * height == pytest.approx(megapixels * 1e6, rel=0.01)
    assert width / height == pytest.approx(4 / 3, rel=0.01)
    side = 160 * magnification
    assert made.true_counts == (4 * (width // side) * (height // side), 0, 0)
    assert made.count_only


def test_a_liner_is_the_same_for_the_same_seed():
    one, again, other = (whole_liner(CROPS, 1, 2, seed).image for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_no_border_of_a_crop_is_sharp():
    dark = liner(0, 0, side_px=160)
    made = whole_liner([dark], 1, 1, seed=0).image.astype(int)
    assert np.abs(np.diff(made[:, :, 0], axis=1)).max() < 60


def test_an_interval_is_resampled_by_shot():
    shots = ["a"] * 5 + ["b"] * 5
    figure = wape([10] * 10, [10] * 5 + [12] * 5, shots)
    assert figure.value == pytest.approx(0.1)
    assert (figure.low, figure.high) == pytest.approx((0, 0.2))
    assert mae([0, 0], [1, 3], ["a", "a"]) == (2, 2, 2)


def test_a_shot_without_insects_does_not_break_the_interval():
    assert wape([0, 10], [0, 9], ["a", "b"]) == pytest.approx((0.1, 0.1, 0.1))
