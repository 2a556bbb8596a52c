"""What every reader hands over: labels as the source writes them, one record per photo."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pestwatch.vision.labels.labelled import Box, Labelled, Skipped, Unreadable, boxed
from pestwatch.vision.labels.pictures import Pictures, turned
from pestwatch.vision.labels.species_map import BY_CATCH


@dataclass(frozen=True)
class Raw:
    """One photo, in the words of its source.

    Args:
      picture: as the label file names it.
      beside: folder of the label file, below the folder that was opened.
      boxes: x1, y1, x2, y2 and label; in pixels, or in fractions of the upright photo when `is_fraction`.
      is_fraction: as said.
      size: width and height that the boxes were drawn on; None when not stated.
      counts: insects per label when there are no boxes, or not all.
      spoken: labels that this photo speaks of when they are fewer than the source's.
      why_not: why the photo cannot be used; it is skipped and named.
      trap: where the source states it.
      taken_at: likewise.
      split: likewise.
    """

    picture: str
    beside: str = ""
    boxes: tuple[Box, ...] = ()
    is_fraction: bool = False
    size: tuple[int, int] | None = None
    counts: Mapping[str, int] | None = None
    spoken: frozenset[str] | None = None
    why_not: str = ""
    trap: str = ""
    taken_at: str = ""
    split: str = ""


@dataclass
class Source:
    """What one reader found.

    Args:
      labels: every label that the source can show.
      photos: one record per photo.
    """

    labels: set[str] = field(default_factory=set)
    photos: list[Raw] = field(default_factory=list)


def settle(raw: Raw, keys: Mapping[str, str], pictures: Pictures) -> Labelled | Skipped:
    """Finds a record's picture and brings its boxes to pixels and our species."""
    if raw.why_not:
        return Skipped(raw.picture, raw.why_not)
    name = raw.picture
    try:
        name = pictures.find(raw.picture, raw.beside)
        header = pictures.header(name)
        is_turned = turned(header, raw.size) if raw.size else True
        width, height = size = header.upright if is_turned else header.stored
        across, down = (width, height) if raw.is_fraction else (1, 1)
        boxes = tuple(
            boxed(box.x1 * across, box.y1 * down, box.x2 * across, box.y2 * down, keys[box.label], size)
            for box in raw.boxes
            if keys[box.label] != BY_CATCH
        )
    except Unreadable as error:
        return Skipped(name, str(error))
    spoken = keys.values() if raw.spoken is None else (keys[label] for label in raw.spoken)
    counts: dict[str, int] | None = None
    if raw.counts is not None:
        counts = {}
        for label, insects in raw.counts.items():
            if keys[label] != BY_CATCH:
                counts[keys[label]] = counts.get(keys[label], 0) + insects
    return Labelled(
        name,
        pictures.names[name],
        boxes,
        counts,
        frozenset(spoken) - {BY_CATCH},
        is_turned,
        raw.trap,
        raw.taken_at or header.taken_at,
        raw.split,
    )
