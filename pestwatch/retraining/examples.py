"""Recounted photos as examples: seen at the size at which the base counts them, so that moths are as long as it wants them."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.retraining.job import Mark, Photo
from pestwatch.vision.dataset import Example, Point
from pestwatch.vision.infer import Counter
from pestwatch.vision.look import STEP_CODE, Looked
from pestwatch.vision.preprocess import MOTH_PX, Sizes, decode_photo


def is_readable(folder: Path, photo: Photo) -> bool:
    """False for a file that is gone or damaged: one bad photo must not stop a region's learning for good."""
    try:
        decode_photo(folder / photo.file, photo.sha256[:12])
    except (OSError, Problem):
        return False
    return True


def teaching_example(folder: Path, photo: Photo, base: Counter, taught: Collection[str]) -> Example:
    """A photo with the place of every insect; about species that are not taught it says nothing.

    Args:
      folder: of the job.
      photo: one whose marks are complete.
      base: the model that the region starts from; it finds the size of the photo, and how long its moths are.
      taught: species that the region shows often enough.

    Raises:
      Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
    """
    seen = judging_example(folder, photo)
    sizes = Sizes(seen.image)
    looked = base.look(sizes)
    image = sizes.at(looked.side_px)
    height, width, _ = image.shape
    points = tuple(
        _point(mark, looked, base.moth_codes, width, height)
        for mark in photo.recount.marks or ()
        if mark.species in PHOTO_COUNTED
    )
    untaught = frozenset(index for index, species in enumerate(PHOTO_COUNTED) if species not in taught)
    return replace(seen, image=image, points=points, counts=None, silent=seen.silent | untaught)


def _point(mark: Mark, looked: Looked, moth_codes: Sequence[int], width: int, height: int) -> Point:
    """Officers mark points: a moth is as long as the base says where it sees one there, else as long as it is counted at.

    So retraining teaches places and species, and leaves alone by what the counter finds its scale.
    """
    species = PHOTO_COUNTED.index(mark.species)
    distance = {math.hypot((seen.x - mark.x) * width, (seen.y - mark.y) * height): seen.code for seen in looked.seen}
    nearest = min(distance, default=math.inf)
    longer = distance[nearest] - moth_codes[species] if nearest < MOTH_PX[species] / 2 else 0
    return Point(mark.x * width, mark.y * height, species, MOTH_PX[species] * 2 ** (longer / (4 * STEP_CODE)))


def judging_example(folder: Path, photo: Photo) -> Example:
    """A photo as it came, with its true counts; species that the officer did not speak of are silent.

    Raises:
      Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
    """
    counts = photo.recount.counts
    return Example(
        decode_photo(folder / photo.file, photo.sha256[:12]),
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
