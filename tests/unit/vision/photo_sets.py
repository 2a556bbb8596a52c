"""The three photo sets of the base recipe in miniature, drawn, in the sources' own formats."""

import csv
import json
from pathlib import Path

from PIL import Image

from .pictures import liner


def write_photo_sets(folder: Path) -> Path:
    _tuta_delta(folder / "tuta_delta")
    _helicoverpa_funnel(folder / "helicoverpa_funnel")
    _medfly_delta(folder / "medfly_delta")
    return folder


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
        for point in photo.points:
            half = point.length_px / 2
            corners = (point.x_px - half, point.y_px - half, point.x_px + half, point.y_px + half)
            boxes.append((name, label, *corners))
        images.append((name, 256, 256, "made", f"T{number}", "2020-10-01", "a phone", 6, 0, split, duplicate_of))
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
        some = photo.points[: count // 2 + 1]
        hints[name] = [[p.x_px - 22, p.y_px - 22, p.x_px + 22, p.y_px + 22] for p in some]
    _write(folder / "counts.csv", "file,species,true_count,date,timestamp,split", rows)
    (folder / "weak_boxes.json").write_text(json.dumps(hints), encoding="utf-8")


def _medfly_delta(folder: Path) -> None:
    images = []
    for number, group in enumerate(["photo1", "photo2", "photo3"]):
        _save(folder / "images" / f"{number}.jpg", liner(40 + number, 0).image)
        images.append((f"images/{number}.jpg", 256, 256, group, 1))
    _write(folder / "images.csv", "file,width,height,group,n", images)
    flies = [("images/0.jpg", "ceratitis_capitata", 40, 40, 90, 80)]
    _write(folder / "annotations.csv", "file,label,x1,y1,x2,y2", flies)


def _save(path: Path, image: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=95)


def _write(path: Path, columns: str, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
