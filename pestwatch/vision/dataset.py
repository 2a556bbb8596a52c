"""Annotated photos: what trains the counter and what measures it. Splits go by trap, never by photo.

Reads the three photo sets of the base recipe; photos with other labels come through pestwatch/vision/labels. The files
themselves are never part of the project; their folder is given by --photos or PESTWATCH_PHOTOS.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.preprocess import MOTH_PX, Sizes

UInt8Image = npt.NDArray[np.uint8]

GNORAB, HELIAR, NOCTUID_LARGE = (PHOTO_COUNTED.index(key) for key in ("GNORAB", "HELIAR", "NOCTUID_LARGE"))
# The long side of a Helicoverpa armigera in the funnel pictures; measured on the weak boxes' median.
FUNNEL_MOTH_PX = 50.0
# Of a Plodia in the same funnel, and of a tomato pinworm on a liner like the two blank ones; by eye.
PLODIA_PX = 30.0
FLY_PX = 64.0
# Photos without a moth are seen as if their insects were this long.
BY_CATCH_PX = 28.0
BLANK_LINER_PX = 23.0
# Photos of the by-catch set kept for measuring; the set has no split of its own.
BYCATCH_HELD_OUT = frozenset({"photo3", "photo10", "photo14", "photo18", "photo20", "photo28"})


class Point(NamedTuple):
    """One moth: the centre of its box and the box's long side, in pixels of the image."""

    x_px: float
    y_px: float
    species: int
    length_px: float


@dataclass(frozen=True)
class Example:
    """One photo with what is known about it.

    Args:
      image: (h, w, 3) uint8 RGB, upright.
      points: the moths whose place is known.
      counts: exact counts per species where places are not (all) known; None when `points` is complete.
      silent: species indices about which this photo says nothing; they are neither trained nor measured.
      trap: the physical trap, the unit of every split.
      phone: its model, where the source tells.
      by_catch: other insects whose place is known, species -1.
      usual_px: length of the insect that the photo's scale follows, in pixels of the image; the median of `points` when
        None.
      is_gappy: True when moths may lie there without a point: what the network finds beside them is not called wrong.
      taken_at: when, as written by the source; groups photos of one moment.
      source: the photo's name where it came from.
      labels: the species that indices stand for.
    """

    image: UInt8Image
    points: tuple[Point, ...] = ()
    counts: tuple[int, ...] | None = None
    silent: frozenset[int] = frozenset()
    by_catch: tuple[Point, ...] = ()
    usual_px: float | None = None
    is_gappy: bool = False
    trap: str = ""
    phone: str = ""
    taken_at: str = ""
    source: str = ""
    labels: tuple[str, ...] = PHOTO_COUNTED

    @property
    def scale_px(self) -> float | None:
        """The length that the photo's scale follows; None when nothing tells."""
        if self.usual_px is None and self.points:
            return float(np.median([point.length_px for point in self.points]))
        return self.usual_px

    @property
    def count_only(self) -> bool:
        """True when someone counted but did not mark every moth."""
        return self.counts is not None

    @property
    def true_counts(self) -> tuple[int, ...]:
        """Insects per species, in label order."""
        if self.counts is not None:
            return self.counts
        return tuple(sum(point.species == species for point in self.points) for species in range(len(self.labels)))


def counting_ratio(example: Example) -> float:
    """How much larger a photo is when its insects are as long as they are counted at; 1 when nothing tells their length."""
    if example.scale_px is None:
        return 1.0
    present = [count * (1 if species in example.silent else 2) for species, count in enumerate(example.true_counts)]
    wanted = MOTH_PX[int(np.argmax(present))] if any(present) else BY_CATCH_PX
    return wanted / example.scale_px


def at_ratio(example: Example, ratio: float) -> UInt8Image:
    """The photo, so many times as large."""
    sizes = Sizes(example.image)
    return sizes.at(max(16, round(sizes.long_px * ratio)))


def at_counting_size(example: Example) -> UInt8Image:
    """The photo with its insects as long as they are counted at, by its labels."""
    return at_ratio(example, counting_ratio(example))


def read_image(path: Path) -> UInt8Image:
    """Decodes a training picture: the sets hold upright RGB pictures without EXIF."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def tuta_delta(photos: Path, split: str) -> list[Example]:
    """Sticky liners of tomato delta traps, boxed.

    Args:
      photos: folder of the photo sets.
      split: train, val (one trap), test_trap (another trap) or test_noctuid.
    """
    folder = photos / "tuta_delta"
    species = {"tuta_absoluta": GNORAB, "noctuid_moth": NOCTUID_LARGE}
    points: dict[str, list[Point]] = {}
    for row in _rows(folder / "annotations.csv"):
        points.setdefault(row["file"], []).append(_boxed(row, species[row["label"]]))
    return [
        Example(
            read_image(folder / row["file"]),
            tuple(points.get(row["file"], ())),
            # Where nothing lies, the printed grid tells the distance: it is the same as on the other liners.
            usual_px=None if row["file"] in points else BLANK_LINER_PX,
            is_gappy=True,
            trap=f"tuta/{row['trap'] or row['session']}",
            phone=row["phone"],
            taken_at=row["captured"],
            source=f"tuta_delta/{row['file']}",
        )
        for row in _rows(folder / "images.csv")
        if row["split"] == split and not row["near_duplicate_of"]
    ]


def helicoverpa_funnel(photos: Path, split: str) -> list[Example]:
    """A camera inside a funnel trap: exact counts, and another detector's boxes as hints.

    Args:
      photos: folder of the photo sets.
      split: train, val (Helicoverpa armigera) or train_plodia (another moth: by-catch for us).
    """
    folder = photos / "helicoverpa_funnel"
    weak_boxes = json.loads((folder / "weak_boxes.json").read_text(encoding="utf-8"))
    examples = []
    for row in _rows(folder / "counts.csv"):
        if row["split"] != split:
            continue
        is_target = row["species"].startswith("helicoverpa_armigera")
        count = int(row["true_count"]) if is_target else 0
        hints = [_hint(box) for box in weak_boxes.get(row["file"], ())] if is_target else []
        counts = [0] * len(PHOTO_COUNTED)
        counts[HELIAR] = count
        examples.append(
            Example(
                read_image(folder / "images" / row["file"]),
                tuple(hints[:count]),
                counts=tuple(counts),
                usual_px=FUNNEL_MOTH_PX if is_target else PLODIA_PX,
                # Plodia is a small moth like ours: calling it background would teach the wrong thing.
                silent=frozenset() if is_target else frozenset({GNORAB}),
                trap=f"funnel/{row['date']}",
                taken_at=row["timestamp"],
                source=f"helicoverpa_funnel/images/{row['file']}",
            )
        )
    return examples


def medfly_delta(photos: Path, *, held_out: bool) -> list[Example]:
    """Liners with fruit flies: by-catch. The set names no moth, though a few tiles show one (docs/counting.md)."""
    folder = photos / "medfly_delta"
    flies: dict[str, list[Point]] = {}
    for row in _rows(folder / "annotations.csv"):
        flies.setdefault(row["file"], []).append(_boxed(row, -1))
    return [
        Example(
            read_image(folder / row["file"]),
            by_catch=tuple(flies.get(row["file"], ())),
            usual_px=float(np.median([fly.length_px for fly in flies[row["file"]]]))
            if row["file"] in flies
            else FLY_PX,
            trap=f"medfly/{row['group']}",
            source=f"medfly_delta/{row['file']}",
        )
        for row in _rows(folder / "images.csv")
        if (row["group"] in BYCATCH_HELD_OUT) == held_out
    ]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _boxed(row: dict[str, str], species: int) -> Point:
    x1, y1, x2, y2 = (float(row[side]) for side in ("x1", "y1", "x2", "y2"))
    return Point((x1 + x2) / 2, (y1 + y2) / 2, species, max(x2 - x1, y2 - y1))


def _hint(box: Any) -> Point:
    x1, y1, x2, y2 = (float(side) for side in box[:4])
    return Point((x1 + x2) / 2, (y1 + y2) / 2, HELIAR, max(x2 - x1, y2 - y1))
