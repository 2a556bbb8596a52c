"""A labelled photo before it is decoded: its file, its boxes or its count, and what is known about trap and time.

Refuses half-truths: a photo with one label that cannot be read is skipped whole and named, because the moth
behind that label would otherwise teach the counter that moths are background.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.vision.dataset import Example, Point
from pestwatch.vision.preprocess import DAMAGE, Sizes, decode_photo

UInt8Image = npt.NDArray[np.uint8]


class Box(NamedTuple):
    """One insect in pixels of the photo; a point that somebody marked is a square of the usual length around it."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str


class Skipped(NamedTuple):
    """A file that was left out, and why; for a person who knows the folder."""

    name: str
    why: str


class Unreadable(ValueError):
    """What is wrong with one photo or its label file: it is skipped and named."""


@dataclass(frozen=True)
class Labelled:
    """One photo of a folder.

    Args:
      name: the photo's path below the folder.
      picture: its file, or its pixels (h, w, 3) uint8 RGB.
      boxes: one per insect, labels as keys of the species map's values.
      counts: insects per species when not every one has a box; None when `boxes` is complete.
      speaks_of: species that the labels would show; about all others the photo says nothing.
      turned: whether the boxes lie on the photo as EXIF turns it.
      trap: the physical trap, the unit of every split; empty when not stated.
      taken_at: as written by the source; empty when not stated.
      split: the source's own.
    """

    name: str
    picture: Path | UInt8Image
    boxes: tuple[Box, ...] = ()
    counts: Mapping[str, int] | None = None
    speaks_of: frozenset[str] = frozenset()
    turned: bool = True
    trap: str = ""
    taken_at: str = ""
    split: str = ""

    @property
    def insects(self) -> Mapping[str, int]:
        """Insects per species that the photo speaks of."""
        if self.counts is not None:
            return self.counts
        return {species: sum(box.label == species for box in self.boxes) for species in sorted(self.speaks_of)}

    def example(self, labels: Sequence[str] = PHOTO_COUNTED) -> Example:
        """Decodes the photo; its long side becomes 4096 px when it is more, as on a phone.

        Args:
          labels: species that the model in question counts, in its order.

        Raises:
          Problem 422.32: it shows a species that this model cannot count.
          Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
        """
        for species, insects in self.insects.items():
            if insects and species not in labels:
                raise Problem("422.32", species=species)
        image = self._pixels()
        sizes = Sizes(image)
        kept = sizes.at(sizes.long_px)
        down, across = (after / before for after, before in zip(kept.shape[:2], image.shape[:2], strict=True))
        points = tuple(
            Point(
                (box.x1 + box.x2) / 2 * across,
                (box.y1 + box.y2) / 2 * down,
                labels.index(box.label),
                max((box.x2 - box.x1) * across, (box.y2 - box.y1) * down),
            )
            for box in self.boxes
        )
        return Example(
            kept,
            points,
            counts=None if self.counts is None else tuple(self.counts.get(species, 0) for species in labels),
            silent=frozenset(index for index, species in enumerate(labels) if species not in self.speaks_of),
            trap=self.trap,
            taken_at=self.taken_at,
            source=self.name,
            labels=tuple(labels),
        )

    def _pixels(self) -> UInt8Image:
        if not isinstance(self.picture, Path):
            return self.picture
        if self.turned:
            return decode_photo(self.picture, self.name)
        try:
            with Image.open(self.picture) as picture:
                return np.asarray(picture.convert("RGB"))
        except DAMAGE as error:
            raise Problem("422.1", name=self.name) from error


def boxed(x1: float, y1: float, x2: float, y2: float, label: str, size: tuple[int, int]) -> Box:
    """A box cut at the photo's border.

    Args:
      x1: left, in pixels.
      y1: top.
      x2: right.
      y2: bottom.
      label: species.
      size: width and height of the photo, px.

    Raises:
      Unreadable: nothing of it is inside the photo, or it is no box.
    """
    width, height = size
    cut = Box(max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2), label)
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or cut.x1 >= cut.x2 or cut.y1 >= cut.y2:
        raise Unreadable(f"the box {x1:g}, {y1:g}, {x2:g}, {y2:g} is empty or outside the photo")
    return cut
