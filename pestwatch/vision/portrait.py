"""Measures what the pictures of a model card show (pictures.py): counts, sizes, the best and the worst photos."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from pestwatch.vision.dataset import GNORAB, Example, UInt8Image
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.infer import Counter
from pestwatch.vision.pictures import Measured, Overlay, Pair
from pestwatch.vision.resample import wape

# The set whose photos are resized and shown: a trap that took no part in training or choosing.
SHOWN = "test_trap"
FACTORS = (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
AIM = 0.06
EACH = 3
SCENES = (
    Scene(insects={"GNORAB": 18, "fly": 2}, noise=0.0),
    Scene(ground="funnel", insects={"HELIAR": 9}, debris=4, noise=0.0),
)


def portrait(counter: Counter, sets: Mapping[str, Sequence[Example]]) -> Measured:
    """Counts what a card shows.

    Args:
      counter: the exported model, thresholds and all.
      sets: as of measuring_sets.
    """
    label = counter.labels[GNORAB]
    examples = sets[SHOWN]
    overlays = [_overlay(counter, example) for example in examples]
    true = [example.true_counts[GNORAB] for example in examples]
    by_error = sorted(
        zip(overlays, true, strict=True), key=lambda pair: abs(len(pair[0].marks) - pair[1]) / max(1, pair[1])
    )
    shots = [example.taken_at for example in examples]
    return Measured(
        model=counter.size,
        counted={
            "a trap that it never saw": [Pair(t, len(o.marks)) for t, o in zip(true, overlays, strict=True)],
            "the trap that set the threshold": [
                Pair(example.true_counts[GNORAB], counter.count_image(example.image).counts[label])
                for example in sets["val"]
            ],
        },
        by_scale={
            "a trap that it never saw": [
                (
                    factor,
                    wape(true, [counter.count_image(resized(e.image, factor)).counts[label] for e in examples], shots),
                )
                for factor in FACTORS
            ]
        },
        aim=AIM,
        good=[overlay for overlay, _ in by_error[:EACH]],
        bad=[overlay for overlay, _ in by_error[-EACH:]],
        drawn=[_overlay(counter, draw(scene, seed), with_pixels=True) for seed, scene in enumerate(SCENES)],
    )


def _overlay(counter: Counter, example: Example, *, with_pixels: bool = False) -> Overlay:
    height, width, _ = example.image.shape
    species = {counter.labels[point.species] for point in example.points} or {counter.labels[GNORAB]}
    marks = counter.count_image(example.image).marks
    return Overlay(
        name=example.source.removeprefix("tuta_delta/images/"),
        truth=[(point.x_px, point.y_px) for point in example.points],
        marks=[(mark.x * width, mark.y * height) for mark in marks if mark.species in species],
        size_px=(width, height),
        moth_px=float(example.scale_px or 1),
        image=example.image if with_pixels else None,
    )


def resized(image: UInt8Image, factor: float) -> UInt8Image:
    """A picture as if it had been taken so many times larger; only for measuring, phones resize by Sizes."""
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
