import numpy as np
import pytest

from pestwatch.vision.dataset import GNORAB
from pestwatch.vision.glance import glance, judging_set

from .pictures import liner


class Seeing:
    """A stand-in for a network: sure of the first moths of a picture, by a list."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = iter(seen)

    def __call__(self, images: np.ndarray, *, training: bool) -> np.ndarray:
        heat = np.zeros((1, images.shape[1] // 4, images.shape[2] // 4, 4), np.float32)
        for number in range(next(self.seen)):
            heat[0, 2 + 4 * number, 2, GNORAB] = 0.5
        return heat


def test_photos_are_judged_at_the_size_that_their_labels_tell():
    (judged,) = judging_set([liner(1, 4, length_px=48.0)], GNORAB)
    assert judged.image.shape == (128, 128, 3)
    assert judged.true == 4


def test_the_error_is_what_is_missed_and_what_is_too_much_together():
    judged = judging_set([liner(1, 4, length_px=24.0), liner(2, 6, length_px=24.0)], GNORAB)
    assert glance(Seeing([4, 6]), judged, GNORAB) == 0
    assert glance(Seeing([3, 8]), judged, GNORAB) == pytest.approx(0.3)
