"""Tables: BOLLWM's rows of polygons, and bare counts per photo.

BOLLWM: `url, split, label, geometry`, one row per box, plain or gzipped; an empty label is a photo without pests, except in
`test`, whose labels were never published. Source: doi 10.48550/arXiv.2304.00763.

Bare counts: `counts.csv` with `file`, a column per label, and `trap`, `taken_at`, `split` where known. An empty
cell says nothing about that label.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path

from pestwatch.errors import Problem
from pestwatch.vision.labels.labelled import Box, Unreadable
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Raw, Source

BOLLWM_COLUMNS = frozenset({"url", "split", "label", "geometry"})
COUNTS_NAME = "counts.csv"
DESCRIPTION = ("file", "trap", "taken_at", "split")
NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
POLYGON = re.compile(rf"\s*POLYGON\s*\(\(\s*({NUMBER}\s+{NUMBER}(?:\s*,\s*{NUMBER}\s+{NUMBER})*)\s*\)", re.IGNORECASE)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, gzipped or not.

    Raises:
      Problem 422.33: it is neither.
    """
    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        # A short row's missing cells are empty; what a long row has too much is dropped.
        for row in csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""), restval=""):
            yield {column: cell for column, cell in row.items() if column}
    except (OSError, EOFError, ValueError, csv.Error) as error:
        raise Problem("422.33", name=path.name, detail=str(error)) from error


def bollwm_files(folder: Path) -> list[Path]:
    """The tables below a folder that have BOLLWM's columns."""
    found = sorted([*folder.rglob("*.csv"), *folder.rglob("*.csv.gz")])
    return [path for path in found if _has_columns(path)]


def _has_columns(path: Path) -> bool:
    """False for a table that cannot be read: it may be anything."""
    try:
        return next(rows(path), {}).keys() >= BOLLWM_COLUMNS
    except Problem:
        return False


def read_bollwm(folder: Path, pictures: Pictures) -> Source:  # noqa: ARG001 - every reader is called alike
    """Reads the tables; rows of one address make one photo.

    Raises:
      Problem 422.33: a table is damaged.
    """
    boxes: dict[tuple[str, str], list[Box]] = {}
    bad: dict[tuple[str, str], str] = {}
    source = Source()
    for row in (row for path in bollwm_files(folder) for row in rows(path)):
        photo = (row["url"], row["split"])
        insects, label = boxes.setdefault(photo, []), row["label"].strip()
        if label:
            source.labels.add(label)
            try:
                insects.append(_polygon(row["geometry"], label))
            except Unreadable as error:
                bad[photo] = str(error)
        elif row["split"] == "test":
            bad[photo] = "its labels were never published"
    source.photos = [
        Raw(url, boxes=tuple(insects), split=split, why_not=bad.get((url, split), ""))
        for (url, split), insects in boxes.items()
    ]
    return source


def _polygon(text: str, label: str) -> Box:
    """The upright box around a WKT polygon's outer ring."""
    found = POLYGON.match(text)
    if not found:
        raise Unreadable(f"{text[:40]!r} is no polygon")
    corners = [[float(value) for value in corner.split()] for corner in found[1].split(",")]
    across, down = zip(*corners, strict=True)
    return Box(min(across), min(down), max(across), max(down), label)


def read_counts(folder: Path, pictures: Pictures) -> Source:  # noqa: ARG001 - every reader is called alike
    """Reads counts.csv.

    Raises:
      Problem 422.33: it is damaged or has no column `file`.
    """
    source = Source()
    for row in rows(folder / COUNTS_NAME):
        if "file" not in row:
            raise Problem("422.33", name=COUNTS_NAME, detail="it has no column file")
        labels = [column for column in row if column not in DESCRIPTION]
        source.labels |= set(labels)
        told = {label: row[label].strip() for label in labels}
        wrong = sorted(label for label, value in told.items() if value and not value.isdecimal())
        counts = {label: int(value) for label, value in told.items() if value and label not in wrong}
        trap, taken_at, split = (row.get(column) or "" for column in DESCRIPTION[1:])
        why_not = f"{told[wrong[0]]!r} is no count of {wrong[0]}" if wrong else "" if counts else "it has no count"
        source.photos.append(
            Raw(
                row["file"],
                counts=counts,
                spoken=frozenset(counts),
                why_not=why_not,
                trap=trap,
                taken_at=taken_at,
                split=split,
            )
        )
    return source
