"""Pascal VOC: one XML file per photo, boxes in pixels."""

from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

from pestwatch.vision.labels.labelled import Box, Unreadable
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Raw, Source

SIDES = ("xmin", "ymin", "xmax", "ymax")


def label_files(folder: Path) -> list[Path]:
    """The XML files below a folder that hold an annotation."""
    return [path for path in sorted(folder.rglob("*.xml")) if b"<annotation" in path.read_bytes()[:2000]]


def read(folder: Path, pictures: Pictures) -> Source:
    """Reads every annotation; a picture without one is skipped, for nobody looked at it."""
    source, seen = Source(), set()
    for path in label_files(folder):
        beside = path.parent.relative_to(folder).as_posix()
        try:
            raw = _photo(path, beside)
        except (Unreadable, ET.ParseError, ValueError) as error:
            raw = Raw(path.relative_to(folder).as_posix(), beside, why_not=f"its annotation cannot be read: {error}")
        else:
            with suppress(Unreadable):  # settle() says so
                seen.add(pictures.find(raw.picture, beside))
        source.labels |= {box.label for box in raw.boxes}
        source.photos.append(raw)
    source.photos += [Raw(name, why_not="it has no annotation") for name in pictures.names if name not in seen]
    return source


def _photo(path: Path, beside: str) -> Raw:
    content = path.read_bytes()
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise Unreadable("it defines entities")
    tree = ET.fromstring(content)  # noqa: S314 - nothing is left that could expand
    size = tuple(int(float(tree.findtext(f"size/{side}") or 0)) for side in ("width", "height"))
    boxes = []
    for insect in tree.iter("object"):
        corners = [insect.findtext(f"bndbox/{side}") for side in SIDES]
        label = (insect.findtext("name") or "").strip()
        if None in corners or not label:
            raise Unreadable("an object lacks its name or a corner")
        x1, y1, x2, y2 = (float(corner or 0) for corner in corners)
        boxes.append(Box(x1, y1, x2, y2, label))
    told = (tree.findtext("filename") or "").strip() or f"{path.stem}.jpg"
    return Raw(told, beside, tuple(boxes), size=(size[0], size[1]) if all(size) else None)
