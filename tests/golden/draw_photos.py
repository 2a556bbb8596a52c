"""Draws the golden photos, and photos.json with what is truly on each.

    python tests/golden/draw_photos.py

PNG photos have few colours, to be small; they hold Python and TypeScript together, for every decoder reads the same
bytes from them. JPEG photos are for what PNG cannot show: EXIF rotation, and a photo of a megapixel.
"""

import io
import json
from pathlib import Path

from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.dataset import Example
from pestwatch.vision.drawn import Scene, draw

PHOTOS = Path(__file__).resolve().parent / "photos"
TURNED_RIGHT = 6  # EXIF orientation: shown after a quarter turn clockwise
SCENES = {
    "liner-few.png": Scene(300, 300, insects={"GNORAB": 6}, noise=0),
    "liner-many.png": Scene(300, 300, insects={"GNORAB": 26}, noise=0),
    "liner-empty.png": Scene(300, 300, insects={}, debris=30, noise=0),
    "liner-noctuids.png": Scene(300, 300, insects={"NOCTUID_LARGE": 6}, noise=0),
    "liner-flies.png": Scene(300, 300, insects={"GNORAB": 5, "fly": 4}, noise=0),
    "two-tiles.png": Scene(600, 150, insects={"GNORAB": 16}, debris=10, noise=0),
    "funnel.png": Scene(320, 320, "funnel", {"HELIAR": 7}, debris=2, blur_px=0.8, noise=0),
    "funnel-empty.png": Scene(320, 320, "funnel", {}, debris=3, blur_px=0.8, noise=0),
    "dark.png": Scene(300, 300, insects={"GNORAB": 8}, light=0.1, noise=0),
    "bright.png": Scene(300, 300, insects={"GNORAB": 8}, light=2.2, noise=0),
    "blurred.png": Scene(240, 240, insects={"GNORAB": 8}, blur_px=8, noise=0),
    "small.png": Scene(90, 60, insects={"GNORAB": 2}, debris=2, noise=0),
    "large.jpg": Scene(1100, 820, insects={"GNORAB": 30}, debris=30, blur_px=0.8, noise=0, scale=1.3),
    "turned.jpg": Scene(400, 300, insects={"GNORAB": 8}, noise=0),
}


def photo_bytes(name: str, example: Example) -> bytes:
    """The file as it is stored."""
    picture, stream = Image.fromarray(example.image), io.BytesIO()
    if name.endswith(".png"):
        # Out of focus there are no edges, so that more colours fit; few would make edges of their own.
        colours = 256 if name == "blurred.png" else 64
        palette = picture.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(stream, "PNG", optimize=True)
    else:
        exif = Image.Exif()
        if name == "turned.jpg":
            # Stored lying on its side, as phones do.
            picture = picture.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = TURNED_RIGHT
        picture.save(stream, "JPEG", quality=25, exif=exif)
    return stream.getvalue()


def golden_photos() -> dict[str, Example]:
    """Every photo by its file name, drawn anew."""
    return {name: draw(scene, seed) for seed, (name, scene) in enumerate(SCENES.items(), start=100)}


def truth_of(example: Example) -> dict[str, object]:
    """What photos.json says of one photo: its true counts."""
    return {"counts": dict(zip(PHOTO_COUNTED, example.true_counts, strict=True))}


if __name__ == "__main__":
    PHOTOS.mkdir(exist_ok=True)
    photos = golden_photos()
    for name, example in photos.items():
        (PHOTOS / name).write_bytes(photo_bytes(name, example))
        print(f"{name:20} {(PHOTOS / name).stat().st_size:6} bytes {example.true_counts}")
    truth = {name: truth_of(example) for name, example in photos.items()}
    (PHOTOS / "photos.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
