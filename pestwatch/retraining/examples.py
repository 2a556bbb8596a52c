"""Recounted photos as examples: fractions of the photo become pixels of the shrunk one, which is what phones count on."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.retraining.job import Photo
from pestwatch.vision.dataset import Example, Point
from pestwatch.vision.preprocess import decode_photo, shrink


def is_readable(folder: Path, photo: Photo) -> bool:
    """False for a file that is gone or damaged: one bad photo must not stop a region's learning for good."""
    try:
        decode_photo(folder / photo.file, photo.sha256[:12])
    except (OSError, Problem):
        return False
    return True


def teaching_example(folder: Path, photo: Photo, moth_px: Mapping[str, float], taught: Collection[str]) -> Example:
    """A photo with the place of every insect; about species that are not taught it says nothing.

    Args:
      folder: of the job.
      photo: one whose marks are complete.
      moth_px: length to give a mark, per species, in pixels of the shrunk photo.
      taught: species that the region shows often enough.

    Raises:
      Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
    """
    seen = judging_example(folder, photo)
    height, width, _ = seen.image.shape
    points = tuple(
        Point(mark.x * width, mark.y * height, PHOTO_COUNTED.index(mark.species), moth_px[mark.species])
        for mark in photo.recount.marks or ()
        if mark.species in PHOTO_COUNTED
    )
    untaught = frozenset(index for index, species in enumerate(PHOTO_COUNTED) if species not in taught)
    return replace(seen, points=points, counts=None, silent=seen.silent | untaught)


def judging_example(folder: Path, photo: Photo) -> Example:
    """A photo with its true counts; species that the officer did not speak of are silent.

    Raises:
      Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
    """
    counts = photo.recount.counts
    return Example(
        shrink(decode_photo(folder / photo.file, photo.sha256[:12])),
        counts=tuple(counts.get(species, 0) for species in PHOTO_COUNTED),
        silent=frozenset(index for index, species in enumerate(PHOTO_COUNTED) if species not in counts),
        trap=photo.trap,
        taken_at=photo.taken_at.isoformat(),
    )


def miscounted(example: Example, counted: tuple[int, ...]) -> int:
    """Insects too many and too few on one photo, over the species that it speaks of."""
    pairs = enumerate(zip(counted, example.true_counts, strict=True))
    return sum(abs(found - true) for species, (found, true) in pairs if species not in example.silent)


def without_picture(example: Example) -> Example:
    """What is known about a photo, without its pixels: thousands of them fit into memory."""
    return replace(example, image=np.empty((0, 0, 3), np.uint8))
