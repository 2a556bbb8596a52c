import numpy as np
import pytest

from pestwatch.vision import train
from pestwatch.vision.dataset import GNORAB
from pestwatch.vision.glance import glance, judging_set
from pestwatch.vision.model import build_counter
from pestwatch.vision.recipe import Settings
from pestwatch.vision.shape import FAMILY

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


def test_a_training_shows_its_network_every_so_many_steps(monkeypatch):
    monkeypatch.setattr(train, "CHECK_EVERY", 2)
    model = build_counter(FAMILY["nano"])
    seen: list[tuple[int, bool]] = []
    settings = Settings(batch=2, warm_up_steps=1, place_every_steps=0)
    train.fit(
        model, [liner(1, 5)], 5, 1, check=lambda step, shown: seen.append((step, shown is model)), settings=settings
    )
    assert seen == [(2, True), (4, True)]
