"""The three photo sets of the base recipe in miniature, drawn, in the sources' own formats."""

import csv
import json
from pathlib import Path

from PIL import Image

from pestwatch.vision.recount import READERS

from .pictures import liner

SECOND_PHONE = "another phone"
FLIES_PX = 36.0


def write_photo_sets(folder: Path) -> Path:
    _tuta_delta(folder / "tuta_delta")
    _helicoverpa_funnel(folder / "helicoverpa_funnel")
    _medfly_delta(folder / "medfly_delta")
    return folder


def write_recount(models: Path) -> Path:
    """A recount of `val` and `test_trap` above: both readers saw one moth more on each, at a corner."""
    path = models / "recounts" / "tuta_delta.csv"
    path.parent.mkdir(parents=True)
    rows = [(f"images/{number}.jpg", reader, 8, 8, "whole") for number in (3, 4) for reader in READERS]
    _write(path, "file,reader,x_px,y_px,kind", rows)
    return path


def _tuta_delta(folder: Path) -> None:
    splits = [
        ("train", ""),
        ("train", ""),
        ("train", "images/0.jpg"),
        ("val", ""),
        ("test_trap", ""),
        ("test_noctuid", ""),
    ]
    images, boxes = [], []
    for number, (split, duplicate_of) in enumerate(splits):
        name = f"images/{number}.jpg"
        photo = liner(number, 6, length_px=24)
        _save(folder / name, photo.image)
        label = "noctuid_moth" if split == "test_noctuid" or number == 1 else "tuta_absoluta"
        boxes += [(name, label, *_corners(point, point.length_px)) for point in photo.points]
        phone = SECOND_PHONE if number == 1 else "a phone"
        images.append((name, 256, 256, "made", f"T{number}", "2020-10-01", phone, 6, 0, split, duplicate_of))
    _write(folder / "annotations.csv", "file,label,x1,y1,x2,y2", boxes)
    columns = "file,width,height,session,trap,captured,phone,n_tuta,n_noctuid,split,near_duplicate_of"
    _write(folder / "images.csv", columns, images)


def _helicoverpa_funnel(folder: Path) -> None:
    rows, hints = [], {}
    for species, split, count in [
        ("helicoverpa_armigera", "train", 5),
        ("helicoverpa_armigera", "train", 0),
        ("helicoverpa_armigera", "val", 4),
        ("helicoverpa_armigera_overlap", "train", 2),
        ("plodia_interpunctella", "train_plodia", 7),
    ]:
        name = f"{species}_{len(rows)}.jpg"
        photo = liner(20 + len(rows), count, length_px=44)
        _save(folder / "images" / name, photo.image)
        rows.append((name, species, count, "20220604", f"2022060419{len(rows):04}", split))
        hints[name] = [list(_corners(point, 44)) for point in photo.points[: count // 2 + 1]]
    _write(folder / "counts.csv", "file,species,true_count,date,timestamp,split", rows)
    (folder / "weak_boxes.json").write_text(json.dumps(hints), encoding="utf-8")


def _medfly_delta(folder: Path) -> None:
    images, boxes = [], []
    for number, (group, flies) in enumerate([("photo1", 2), ("photo2", 0), ("photo3", 1)]):
        name = f"images/{number}.jpg"
        photo = liner(40 + number, flies, length_px=FLIES_PX)
        _save(folder / name, photo.image)
        boxes += [(name, "fly", *_corners(point, FLIES_PX)) for point in photo.points]
        images.append((name, 256, 256, group, flies))
    _write(folder / "annotations.csv", "file,label,x1,y1,x2,y2", boxes)
    _write(folder / "images.csv", "file,width,height,group,n", images)


def _corners(point, length_px: float) -> tuple[float, float, float, float]:
    half = length_px / 2
    return point.x_px - half, point.y_px - half, point.x_px + half, point.y_px + half


def _save(path: Path, image: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=95)


def _write(path: Path, columns: str, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
