"""Small pictures made for these tests: dark ovals on a pale liner."""

import numpy as np

from pestwatch.vision.dataset import GNORAB, Example, Point


def liner(seed: int, moths: int, side_px: int = 256, length_px: float = 24.0) -> Example:
    """A pale square with dark ovals that do not touch, at least 16 px from the border."""
    rng = np.random.default_rng(seed)
    image = np.full((side_px, side_px, 3), 205, np.float32) + rng.normal(0, 4, (side_px, side_px, 3))
    down, right = np.mgrid[0:side_px, 0:side_px]
    points: list[Point] = []
    while len(points) < moths:
        x, y = rng.uniform(16, side_px - 16, 2)
        if any((x - p.x_px) ** 2 + (y - p.y_px) ** 2 < (1.5 * length_px) ** 2 for p in points):
            continue
        angle = rng.uniform(0, np.pi)
        along = (right - x) * np.cos(angle) + (down - y) * np.sin(angle)
        across = -(right - x) * np.sin(angle) + (down - y) * np.cos(angle)
        image[(along / (length_px / 2)) ** 2 + (across / (length_px / 5)) ** 2 < 1] = (96, 72, 50)
        points.append(Point(float(x), float(y), GNORAB, length_px))
    return Example(np.clip(image, 0, 255).astype(np.uint8), tuple(points), trap=f"drawn/{seed}")
