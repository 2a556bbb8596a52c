"""COCO: one JSON file for many photos, boxes as x, y, width, height in pixels."""

import json
from pathlib import Path
from typing import Any

from pestwatch.errors import Problem
from pestwatch.vision.labels.labelled import Box, Unreadable
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Raw, Source
from pestwatch.vision.labels.yolo import SPLITS


def label_files(folder: Path) -> list[Path]:
    """The JSON files below a folder that hold COCO's three lists."""
    return [path for path in sorted(folder.rglob("*.json")) if _has_lists(path)]


def _has_lists(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return all(f'"{part}"' in text for part in ("images", "annotations", "categories"))


def read(folder: Path, pictures: Pictures) -> Source:  # noqa: ARG001 - every reader is called alike
    """Reads every label file. A photo that is listed without a box shows no insect.

    Raises:
      Problem 422.33: a file is damaged.
    """
    source = Source()
    for path in label_files(folder):
        try:
            _add(source, json.loads(path.read_text(encoding="utf-8")), path.relative_to(folder))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Problem("422.33", name=path.name, detail=f"{type(error).__name__}: {error}") from error
    return source


def _add(source: Source, table: Any, path: Path) -> None:
    classes = {row["id"]: str(row["name"]) for row in table["categories"]}
    used = {row["category_id"] for row in table["annotations"]}
    # Roboflow lists the project's name as a category without boxes; only what is used must be explained.
    source.labels |= {classes[number] for number in used} or set(classes.values())
    of_photo: dict[Any, list[Any]] = {}
    for row in table["annotations"]:
        of_photo.setdefault(row["image_id"], []).append(row)
    words = path.as_posix().replace(".", "/").replace("_", "/").split("/")
    split = next((SPLITS[word] for word in words if word in SPLITS), "")
    for image in table["images"]:
        beside = path.parent.as_posix()
        try:
            boxes = tuple(_box(row, classes) for row in of_photo.get(image["id"], ()))
        except (Unreadable, ValueError) as error:
            source.photos.append(Raw(image["file_name"], beside, split=split, why_not=str(error)))
            continue
        size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
        source.photos.append(Raw(image["file_name"], beside, boxes, size=size, split=split))


def _box(row: Any, classes: dict[Any, str]) -> Box:
    if row.get("iscrowd"):
        raise Unreadable("one of its boxes stands for a crowd")
    x, y, width, height = (float(side) for side in row["bbox"])
    return Box(x, y, x + width, y + height, classes[row["category_id"]])
