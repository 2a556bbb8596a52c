"""The moths that the published boxes left out: two readings of each measuring photo, and what both saw.

Source: mobile_models/recounts/README.md has the rule, the readers and how far they agree.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pestwatch.vision.dataset import GNORAB, Example, Point

# Half a moth: two readers who point this near to each other mean the same one.
SAME_PX = 11.0
READERS = ("A", "B")
NO_MOTH = "no_moth"
# Length given to a moth that has a point but no box: the median of the boxes.
LENGTH_PX = 23.0


class Reading(NamedTuple):
    """What one reader pointed at on one photo: pixels of the photo as published."""

    x_px: float
    y_px: float
    kind: str


Readings = dict[str, dict[str, list[Reading]]]
"""File -> reader -> points; a photo that was read without finding any has an empty list."""


def read_recount(path: Path) -> Readings:
    """Reads both readings of every photo."""
    found: Readings = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            readings = found.setdefault(row["file"], {reader: [] for reader in READERS})[row["reader"]]
            if row["kind"] != "none":
                readings.append(Reading(float(row["x_px"]), float(row["y_px"]), row["kind"]))
    return found


def agreed(first: Sequence[Reading], second: Sequence[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Points that both readers made, nearest pairs first, and those that one alone made."""
    pairs = sorted(
        (math.hypot(a.x_px - b.x_px, a.y_px - b.y_px), i, j) for i, a in enumerate(first) for j, b in enumerate(second)
    )
    taken: tuple[set[int], set[int]] = set(), set()
    both = []
    for distance, i, j in pairs:
        if distance <= SAME_PX and i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            both.append(first[i])
    alone = [
        point
        for readings, seen in zip((first, second), taken, strict=True)
        for place, point in enumerate(readings)
        if place not in seen
    ]
    return both, alone


def recounted(examples: Sequence[Example], readings: Readings, *, upper: bool = False) -> list[Example]:
    """Photos with the boxes as published plus what the readers added, less what they took away.

    Args:
      examples: of tuta_delta.
      readings: as of read_recount.
      upper: also what one reader alone saw.

    Returns:
      The examples that were read, in order; their marks have no gaps any more.
    """
    return [
        _recounted(example, readings[name], upper=upper)
        for example in examples
        if (name := example.source.removeprefix("tuta_delta/")) in readings
    ]


def _recounted(example: Example, read: dict[str, list[Reading]], *, upper: bool) -> Example:
    added = [[point for point in read[reader] if point.kind != NO_MOTH] for reader in READERS]
    both, alone = agreed(*added)
    wrong, _ = agreed(*([point for point in read[reader] if point.kind == NO_MOTH] for reader in READERS))
    boxes = list(example.points)
    for no_moth in wrong:
        nearest = min(boxes, key=lambda box: math.hypot(box.x_px - no_moth.x_px, box.y_px - no_moth.y_px))
        boxes.remove(nearest)
    new = [Point(point.x_px, point.y_px, GNORAB, LENGTH_PX) for point in (both + alone if upper else both)]
    return replace(example, points=(*boxes, *new), is_gappy=False)
