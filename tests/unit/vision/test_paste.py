from dataclasses import replace

import numpy as np
import pytest

from pestwatch.vision.dataset import GNORAB, NOCTUID_LARGE, Example, Point
from pestwatch.vision.paste import Patch, paste, patches

from .pictures import liner

PAPER = Example(np.full((200, 200, 3), (220, 200, 150), np.uint8))


def dark_moth(*, species: int | None = GNORAB, length_px: float = 24.0, grow: float = 1.0) -> Patch:
    """A square that lets half the light through."""
    side = round(length_px)
    return Patch(np.full((side, side, 3), 0.5, np.float32), species, length_px, grow)


def test_a_pasted_insect_darkens_where_it_lies_and_nowhere_else():
    pasted = paste(PAPER, [dark_moth()], np.random.default_rng(3), 24.0)
    (point,) = pasted.points
    assert point.species == GNORAB
    assert pasted.image[int(point.y_px), int(point.x_px)].tolist() == [110, 100, 75]
    changed = np.argwhere((pasted.image != PAPER.image).any(axis=2))
    reach = point.length_px / 2 + 1
    assert np.abs(changed + 0.5 - [point.y_px, point.x_px]).max() <= reach
    assert len(changed) > (point.length_px - 2) ** 2
    assert (PAPER.image == (220, 200, 150)).all()


def test_a_fly_becomes_by_catch_and_no_moth():
    pasted = paste(PAPER, [dark_moth(species=None)], np.random.default_rng(3), 24.0)
    assert pasted.points == ()
    assert [insect.species for insect in pasted.by_catch] == [-1]


@pytest.mark.parametrize("seed", range(12))
def test_insects_touch_but_never_lie_on_top_of_one_another(seed):
    crop = replace(liner(seed, 5), by_catch=(Point(128.0, 128.0, -1, 40.0),))
    pasted = paste(crop, [dark_moth()] * 8, np.random.default_rng(seed), 24.0)
    everything = [*pasted.points, *pasted.by_catch]
    assert pasted.points[:5] == crop.points
    assert len(pasted.points) > 5
    for point in pasted.points[5:]:
        for other in everything:
            if other is not point:
                distance = np.hypot(point.x_px - other.x_px, point.y_px - other.y_px)
                assert distance > 0.36 * (point.length_px + other.length_px)


def test_an_insect_that_finds_no_free_place_is_left_out():
    full = replace(PAPER, points=tuple(Point(x, y, GNORAB, 60.0) for x in (50.0, 150.0) for y in (50.0, 150.0)))
    assert paste(full, [dark_moth()] * 3, np.random.default_rng(0), 80.0).points == full.points
    assert paste(PAPER, [dark_moth(grow=20.0)], np.random.default_rng(0), 24.0).points == ()


def test_a_patch_is_the_insect_without_its_paper():
    alone = Example(np.full((80, 80, 3), (220, 200, 150), np.uint8), (Point(40.0, 40.0, GNORAB, 24.0),))
    image = np.array(alone.image)
    image[34:46, 30:50] = image[34:46, 30:50] // 4
    (patch,) = patches([replace(alone, image=image)])
    middle = patch.cover.shape[0] // 2
    assert patch.cover[middle, middle] == pytest.approx(0.25, abs=0.02)
    assert patch.cover[[0, -1]] == pytest.approx(1)
    assert patch.cover[:, [0, -1]] == pytest.approx(1)


def test_a_patch_of_bare_paper_is_invisible_on_any_ground():
    bare = Example(np.full((80, 80, 3), (90, 120, 200), np.uint8), (Point(40.0, 40.0, GNORAB, 24.0),))
    pasted = paste(liner(1, 0), patches([bare]), np.random.default_rng(0), 24.0)
    assert len(pasted.points) == 1
    assert np.array_equal(pasted.image, liner(1, 0).image)


def test_insects_that_touch_another_or_the_border_give_no_patch():
    image = PAPER.image
    lone, border = Point(100.0, 100.0, GNORAB, 24.0), Point(10.0, 100.0, GNORAB, 24.0)
    pair = (Point(40.0, 160.0, GNORAB, 24.0), Point(56.0, 160.0, -1, 24.0))
    found = patches([Example(image, (lone, border, pair[0]), by_catch=(pair[1],))])
    assert len(found) == 1


def test_large_moths_and_flies_are_put_about_twice_as_long_as_small_moths():
    image, large = PAPER.image, frozenset({NOCTUID_LARGE})
    of = [Example(image, (Point(100.0, 100.0, species, 30.0),)) for species in (GNORAB, NOCTUID_LARGE)]
    of.append(Example(image, by_catch=(Point(100.0, 100.0, -1, 30.0),)))
    small, noctuid, fly = patches(of, large=large)
    assert (small.species, noctuid.species, fly.species) == (GNORAB, NOCTUID_LARGE, None)
    assert (small.grow, noctuid.grow, fly.grow) == (1.0, 1.9, 1.9)
    sizes = [paste(PAPER, [noctuid], np.random.default_rng(seed), 20.0).points[0].length_px for seed in range(9)]
    assert 30 < np.median(sizes) < 46
