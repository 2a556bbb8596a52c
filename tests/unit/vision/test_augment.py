from dataclasses import replace

import numpy as np

from pestwatch.vision.augment import CROP_PX, Distances, geometric_crop, photographed_anew, relit
from pestwatch.vision.dataset import Example, Point


def dotted() -> Example:
    """Grey, with one white spot of 9 x 9 px per point; every second spot is by-catch."""
    image = np.full((300, 340, 3), 60, np.uint8)
    points = [Point(40.5 + 60 * column, 50.5 + 70 * row, 0, 9.0) for row in range(4) for column in range(5)]
    for point in points:
        x, y = int(point.x_px), int(point.y_px)
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    return Example(image, tuple(points[::2]), by_catch=tuple(points[1::2]))


def test_points_and_by_catch_stay_on_their_insects():
    seen = {"points": 0, "by_catch": 0}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        crop = geometric_crop(dotted(), rng, float(rng.uniform(0.6, 1.5)))
        assert crop.image.shape == (CROP_PX, CROP_PX, 3)
        for kind, points in (("points", crop.points), ("by_catch", crop.by_catch)):
            for point in points:
                assert crop.image[int(point.y_px), int(point.x_px)].min() > 200
                seen[kind] += 1
    assert min(seen.values()) > 100


def test_lengths_grow_with_the_crop():
    middle = Point(170.0, 150.0, 0, 10.0)
    crop = geometric_crop(replace(dotted(), points=(middle,), by_catch=(middle,)), np.random.default_rng(0), 0.5)
    assert [point.length_px for point in (*crop.points, *crop.by_catch)] == [5.0, 5.0]


def test_most_far_crops_are_filled_with_copies_whose_points_lie_on_their_insects():
    filled = 0
    for seed in range(40):
        crop = geometric_crop(dotted(), np.random.default_rng(seed), 0.4)
        filled += len(crop.points) > len(dotted().points)
        assert min(crop.image[int(p.y_px), int(p.x_px)].max() for p in (*crop.points, *crop.by_catch)) > 150
    assert 20 < filled < 40


def test_the_same_seed_gives_the_same_crop():
    first, second = (geometric_crop(dotted(), np.random.default_rng(7), 0.9) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.points == second.points
    one, other = (photographed_anew(first.image, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, other)


def test_relighting_keeps_shape_and_type():
    for seed in range(20):
        changed = relit(dotted().image, np.random.default_rng(seed))
        assert changed.shape == (300, 340, 3)
        assert changed.dtype == np.uint8


def test_most_crops_are_near_the_counting_length_and_some_are_not():
    distances = Distances(usual=(0.8, 1.2), far_and_near=(0.3, 3.0), far_share=0.25)
    rng = np.random.default_rng(0)
    factors = np.array([distances.draw(rng, is_by_catch=False) for _ in range(2000)])
    assert factors.min() >= 0.3
    assert factors.max() <= 3.0
    # A far or near crop may by chance be about as far as the usual ones: log(1.5) of log(10).
    usual = ((factors >= 0.8) & (factors <= 1.2)).mean()
    assert abs(usual - (0.75 + 0.25 * np.log(1.5) / np.log(10))) < 0.03


def test_other_insects_are_always_seen_from_their_own_distances():
    distances = Distances(by_catch=(0.3, 0.5))
    rng = np.random.default_rng(0)
    factors = [distances.draw(rng, is_by_catch=True) for _ in range(200)]
    assert 0.3 <= min(factors) < 0.35
    assert 0.45 < max(factors) <= 0.5
