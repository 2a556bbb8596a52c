from dataclasses import replace

import numpy as np

from pestwatch.vision.augment import CROP_PX, relit, training_crop
from pestwatch.vision.dataset import Example, Point


def dotted() -> Example:
    """Grey, with one white spot of 9 x 9 px per point."""
    image = np.full((300, 340, 3), 60, np.uint8)
    points = [Point(40.5 + 60 * column, 50.5 + 70 * row, 0, 9.0) for row in range(4) for column in range(5)]
    for point in points:
        x, y = int(point.x_px), int(point.y_px)
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    return Example(image, tuple(points))


def test_points_stay_on_their_moths(monkeypatch):
    monkeypatch.setattr("pestwatch.vision.augment.relit", lambda image, rng: image)
    monkeypatch.setattr("pestwatch.vision.augment._scarred", lambda image, rng: image)
    seen = 0
    for seed in range(30):
        crop = training_crop(dotted(), np.random.default_rng(seed), (0.6, 1.5))
        assert crop.image.shape == (CROP_PX, CROP_PX, 3)
        for point in crop.points:
            assert crop.image[int(point.y_px), int(point.x_px)].min() > 200
            seen += 1
    assert seen > 200


def test_lengths_grow_with_the_crop():
    example = replace(dotted(), points=(Point(170.0, 150.0, 0, 10.0),))
    crop = training_crop(example, np.random.default_rng(0), (0.5, 0.5))
    assert [point.length_px for point in crop.points] == [5.0]


def test_the_same_seed_gives_the_same_crop():
    first, second = (training_crop(dotted(), np.random.default_rng(7), (0.6, 1.5)) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.points == second.points


def test_relighting_keeps_shape_and_type():
    for seed in range(20):
        changed = relit(dotted().image, np.random.default_rng(seed))
        assert changed.shape == (300, 340, 3)
        assert changed.dtype == np.uint8
