import numpy as np
import pytest

from pestwatch.vision import spoil
from pestwatch.vision.dataset import Example
from pestwatch.vision.light import measure_light
from pestwatch.vision.paste import patches

from .pictures import liner

SCENE = np.random.default_rng(9).integers(0, 90, (300, 400, 3), np.uint8)
SEEDS = range(5)


@pytest.fixture
def photo() -> Example:
    return liner(3, 8)


def pale_share(image: np.ndarray) -> float:
    """How much of a photo is paper: the scene is dark."""
    return float((image.mean(axis=2) > 150).mean())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_blurred_photo_has_lost_its_moths(photo, seed):
    blurred = spoil.blurred(photo.image, 24.0, np.random.default_rng(seed))
    assert blurred.shape == photo.image.shape
    assert blurred.min() > photo.image.min() + 20


@pytest.mark.parametrize("seed", SEEDS)
def test_dark_bright_and_glaring_photos_are_what_they_are_called(photo, seed):
    rng = np.random.default_rng(seed)
    assert measure_light(spoil.darkened(photo.image, rng)).mean_luma < 50
    assert measure_light(spoil.overexposed(photo.image, rng)).mean_luma > 235
    glare = measure_light(spoil.glaring(photo.image, rng))
    assert glare.clipped > 0.25 * glare.pixels


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trap_far_away_is_small_and_one_near_enough_is_not(photo, seed):
    rng = np.random.default_rng(seed)
    assert 0 < pale_share(spoil.far_away(photo.image, SCENE, rng)) < 0.1
    assert pale_share(spoil.near_enough(photo.image, SCENE, rng)) > 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trap_that_is_cut_off_reaches_the_border(photo, seed):
    image = spoil.cut_off(photo.image, SCENE, np.random.default_rng(seed))
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (border.mean(axis=1) > 150).mean() > 0.05
    assert pale_share(image) < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_saturated_liner_shows_hardly_any_paper(photo, seed):
    full = spoil.saturated(photo.image, patches([photo]), 24.0, np.random.default_rng(seed))
    assert pale_share(photo.image) > 0.9
    assert pale_share(full) < 0.45


def test_the_same_seed_spoils_in_the_same_way(photo):
    once, again = (spoil.blurred(photo.image, 24.0, np.random.default_rng(1)) for _ in range(2))
    assert (once == again).all()
