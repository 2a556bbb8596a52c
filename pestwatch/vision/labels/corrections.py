"""pestwatch's own corrections: a job's folder, as pestwatch/retraining/job.py defines it and the server exports it."""

import json
from pathlib import Path
from typing import Any

from pestwatch.errors import Problem
from pestwatch.vision.labels.labelled import Box
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Raw, Source

JOB_NAME = "job.json"
# Officers mark points, and nothing tells how long the moths are. A guess: a liner photographed whole is forty of its moths
# long; smaller pictures are crops of one, and no reason to think of shorter moths.
MARK_PX = 24.0
MOTHS_PER_SIDE = 40


def read(folder: Path, pictures: Pictures) -> Source:
    """Reads the recounts: complete marks become boxes, a count with fewer marks stays a count.

    Raises:
      Problem 422.33: the job cannot be read.
    """
    source = Source()
    try:
        for photo in json.loads((folder / JOB_NAME).read_text(encoding="utf-8"))["photos"]:
            raw = _photo(photo, pictures)
            source.labels |= set(raw.counts or {}) | {box.label for box in raw.boxes} | (raw.spoken or set())
            source.photos.append(raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem("422.33", name=JOB_NAME, detail=f"{type(error).__name__}: {error}") from error
    return source


def _photo(photo: Any, pictures: Pictures) -> Raw:
    counts = {str(species): int(insects) for species, insects in photo["recount"]["counts"].items()}
    name = str(photo["file"])
    across, down = _mark_size(name, pictures)
    marks = tuple(
        Box(
            mark["x"] - across / 2,
            mark["y"] - down / 2,
            mark["x"] + across / 2,
            mark["y"] + down / 2,
            str(mark["species"]),
        )
        for mark in photo["recount"].get("marks") or ()
        if mark["species"] in counts
    )
    is_complete = all(sum(mark.label == species for mark in marks) == insects for species, insects in counts.items())
    return Raw(
        name,
        boxes=marks,
        is_fraction=True,
        counts=None if is_complete else counts,
        spoken=frozenset(counts),
        trap=str(photo["trap"]),
        taken_at=str(photo["taken_at"]),
    )


def _mark_size(name: str, pictures: Pictures) -> tuple[float, float]:
    """A mark's sides in fractions of the photo; a picture that cannot be read is skipped later, and named."""
    try:
        width, height = pictures.header(pictures.find(name)).upright
    except ValueError:
        return 0.0, 0.0
    length_px = max(MARK_PX, max(width, height) / MOTHS_PER_SIDE)
    return length_px / width, length_px / height
