"""YOLO: one text file per photo, `class x y width height` in fractions of the upright photo, or a polygon's corners."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pestwatch.errors import Problem
from pestwatch.vision.labels.labelled import Box, Unreadable
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Raw, Source

SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
NAMES_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")


def names_file(folder: Path) -> Path | None:
    """The file that names the classes, when there is one."""
    return next((found for name in NAMES_FILES for found in sorted(folder.rglob(name))), None)


def read(folder: Path, pictures: Pictures) -> Source:
    """Reads every picture's text file; an empty one means no insects, a missing one that nobody looked.

    Raises:
      Problem 422.33: the classes have no names.
    """
    named = names_file(folder)
    classes = class_names(named) if named else []
    if not classes:
        raise Problem("422.33", name=named.name if named else NAMES_FILES[0], detail="it names no classes")
    photos = []
    for name in pictures.names:
        text = _text_file(folder, name)
        split = next((SPLITS[part] for part in PurePosixPath(name).parts[:-1] if part in SPLITS), "")
        if text is None:
            photos.append(Raw(name, split=split, why_not="it has no label file"))
            continue
        try:
            boxes = _boxes(text.read_text(encoding="utf-8"), classes)
        except ValueError as error:
            photos.append(Raw(name, split=split, why_not=f"its label file cannot be read: {error}"))
        else:
            photos.append(Raw(name, boxes=boxes, is_fraction=True, split=split))
    return Source(set(classes), photos)


def _text_file(folder: Path, name: str) -> Path | None:
    """Beside the picture, or in `labels` where the picture lies in `images`."""
    path = PurePosixPath(name).with_suffix(".txt")
    parts = list(path.parts)
    places = [parts]
    for at, part in enumerate(parts[:-1]):
        if part == "images":
            places.append([*parts[:at], "labels", *parts[at + 1 :]])
    return next((folder.joinpath(*place) for place in places if folder.joinpath(*place).is_file()), None)


def _boxes(text: str, classes: Sequence[str]) -> tuple[Box, ...]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        first, *rest = line.split()
        values = [float(value) for value in rest]
        if not first.isdigit() or int(first) >= len(classes):
            raise Unreadable(f"line {number} has the unknown class {first}")
        label = classes[int(first)]
        if len(values) == 4:
            x, y, width, height = values
            found.append(Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, label))
        elif len(values) >= 6 and len(values) % 2 == 0:
            across, down = values[::2], values[1::2]
            found.append(Box(min(across), min(down), max(across), max(down), label))
        else:
            raise Unreadable(f"line {number} has {len(values)} numbers")
    return tuple(found)


def class_names(path: Path) -> list[str]:
    """The classes in their order: one per line, or the `names` of a data.yaml in any of its three spellings."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix not in {".yaml", ".yml"}:
        return [line.strip() for line in text.splitlines() if line.strip()]
    inline = re.search(r"^names:\s*[\[{](.*?)[\]}]", text, flags=re.MULTILINE | re.DOTALL)
    if inline:
        return [_bare(re.sub(r"^\s*\d+\s*:", "", part)) for part in inline[1].split(",") if part.strip()]
    block = re.search(r"^names:[ \t]*(?:#.*)?\n((?:[ \t]+.*\n?|-.*\n?|[ \t]*\n)*)", text, flags=re.MULTILINE)
    return [
        _bare(re.sub(r"^\s*(?:-|\d+\s*:)", "", line))
        for line in (block[1] if block else "").splitlines()
        if line.strip()
    ]


def _bare(word: str) -> str:
    return word.strip().strip("'\"")
