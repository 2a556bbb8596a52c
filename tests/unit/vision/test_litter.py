import numpy as np
import pytest

from pestwatch.vision.dataset import Example, Point
from pestwatch.vision.litter import CLEARANCE, littered

from .pictures import liner

PAPER = Example(np.full((224, 224, 3), (220, 200, 150), np.uint8))
MOTH = Point(112.0, 112.0, 0, 40.0)


def dirt_of(seed: int, crop: Example = PAPER) -> Example:
    return littered(crop, np.random.default_rng(seed), 24.0)


def test_dirt_is_seen_and_becomes_by_catch_but_no_moth():
    fallen = [dirt_of(seed) for seed in range(20)]
    for crop in fallen:
        assert crop.points == ()
        assert {insect.species for insect in crop.by_catch} <= {-1}
        assert (crop.image != PAPER.image).any() == bool(crop.by_catch)
    assert sum(bool(crop.by_catch) for crop in fallen) > 15


@pytest.mark.parametrize("seed", range(12))
def test_no_dirt_falls_onto_a_moth(seed):
    crop = dirt_of(seed, Example(PAPER.image, (MOTH,)))
    down, right = np.mgrid[:224, :224]
    core = np.hypot(down - MOTH.y_px, right - MOTH.x_px) < 0.3 * MOTH.length_px
    assert (crop.image[core] == PAPER.image[core]).mean() > 0.97  # a soft stain may reach in at the rim
    assert crop.points == (MOTH,)


def test_dirt_never_brightens():
    crop = dirt_of(3, liner(3, 5))
    assert (crop.image <= liner(3, 5).image).all()


def test_the_same_seed_drops_the_same_dirt():
    assert (dirt_of(5).image == dirt_of(5).image).all()
    assert CLEARANCE > 0.5
