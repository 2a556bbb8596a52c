"""Pictures that show no trap: real ones from a folder, and drawn ones of what lies about in a field or on a phone.

The folder holds one sub-folder per source, such as unpacked packages with wallpapers or test pictures (docs/photo-gate.md names
those that the gate was taught and measured with). None of them is part of the project.
"""

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from pestwatch.vision.dataset import UInt8Image

FloatImage = npt.NDArray[np.float32]
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
LEAST_SIDE_PX = 200
KEPT_SIDE_PX = 512
MOST_SHAPE = 3
LEAST_CONTRAST = 12
# So many of one source: a package of a thousand alike textures would drown the others.
MOST_MEASURED, MOST_TAUGHT = 150, 300


def junk_pictures(folder: Path, sources: Collection[str], seed: int, *, most: int = MOST_MEASURED) -> list[UInt8Image]:
    """Reads the pictures of some sources, shrunk to 512 px.

    Args:
      folder: one sub-folder per source.
      sources: names of those to read; one that is missing is passed over.
      seed: of the choice where a source has too many, and of what clear pictures get for a ground.
      most: of one source.
    """
    pictures = []
    for source in sorted(sources):
        rng = np.random.default_rng(seed)
        paths = sorted(
            path for path in (folder / source).rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        kept = 0
        for number in rng.permutation(len(paths)):
            picture = _read(paths[number], rng)
            if picture is not None:
                pictures.append(picture)
                kept += 1
            if kept == most:
                break
    return pictures


def _read(path: Path, rng: np.random.Generator) -> UInt8Image | None:
    """None for what is no photo: an icon, a strip, a plain area, a damaged file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # huge wallpapers, odd profiles
        try:
            with Image.open(path) as picture:
                short, long = sorted(picture.size)
                if short < LEAST_SIDE_PX or long > MOST_SHAPE * short:
                    return None
                picture.draft("RGB", (2 * KEPT_SIDE_PX, 2 * KEPT_SIDE_PX))
                clear = picture.convert("RGBA")
        except (OSError, ValueError, SyntaxError):
            return None
    clear.thumbnail((KEPT_SIDE_PX, KEPT_SIDE_PX), Image.Resampling.BILINEAR)
    ground = Image.new("RGBA", clear.size, (*(int(level) for level in rng.integers(40, 230, 3)), 255))
    ground.alpha_composite(clear)
    pixels = np.asarray(ground.convert("RGB"))
    return None if pixels.std(axis=(0, 1)).max() < LEAST_CONTRAST else pixels


def drawn_junk(rng: np.random.Generator) -> UInt8Image:
    """One drawn picture without a trap: cloth, soil, leaves, a printed page, a screen or a hand."""
    painters = list(PAINTERS.values())
    return _lit(painters[int(rng.integers(len(painters)))](rng), rng)


def window(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """A part of a picture in a phone's format, turned and mirrored at random."""
    height, width, _ = image.shape
    shape = float(rng.choice([1.0, 3 / 4, 4 / 3, 9 / 16, 16 / 9]))
    tall = min(height, width / shape) * float(rng.uniform(0.55, 1.0))
    rows, columns = max(16, int(tall)), max(16, int(tall * shape))
    top, left = int(rng.integers(0, max(1, height - rows + 1))), int(rng.integers(0, max(1, width - columns + 1)))
    part = image[top : top + rows, left : left + columns]
    return np.ascontiguousarray(np.rot90(part[:, :: 1 if rng.random() < 0.5 else -1], int(rng.integers(4))))


def _lit(canvas: FloatImage, rng: np.random.Generator) -> UInt8Image:
    """In the light of some lamp, with a shadow across and noise."""
    height, width, _ = canvas.shape
    down, right = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    fall = 1 + rng.uniform(0, 0.35) * (np.cos(turn) * right + np.sin(turn) * down)
    light = canvas * fall[:, :, None] * rng.uniform(0.6, 1.05) + rng.normal(0, rng.uniform(1, 6), canvas.shape)
    taken: UInt8Image = np.clip(light, 0, 255).astype(np.uint8)
    return taken


def _ground(rng: np.random.Generator, low: float, high: float) -> FloatImage:
    size = (384, 512) if rng.random() < 0.7 else (512, 384)
    return np.ones((*size, 3), np.float32) * rng.uniform(low, high, 3).astype(np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int, cell_px: float) -> FloatImage:
    """Smooth random values around 0, (h, w, 1)."""
    cells = (max(2, round(width / cell_px)), max(2, round(height / cell_px)))
    coarse = Image.fromarray(rng.standard_normal((cells[1], cells[0]), np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)[:, :, None]


def _cloth(rng: np.random.Generator) -> FloatImage:
    """Woven, striped or checked, in folds."""
    canvas = _ground(rng, 30, 220)
    height, width, _ = canvas.shape
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    thread = rng.uniform(3, 7)
    canvas += (8 * np.sign(np.sin(2 * np.pi * right / thread) * np.sin(2 * np.pi * down / thread)))[:, :, None]
    if rng.random() < 0.7:
        stripe = rng.uniform(20, 90)
        is_dark = np.sin(2 * np.pi * right / stripe) > rng.uniform(-0.5, 0.8)
        if rng.random() < 0.5:
            is_dark ^= np.sin(2 * np.pi * down / stripe) > 0.3
        canvas[is_dark] *= rng.uniform(0.3, 0.9, 3).astype(np.float32)
    return canvas * (1 + 0.25 * _clouds(rng, height, width, rng.uniform(60, 200)))


def _soil(rng: np.random.Generator) -> FloatImage:
    """Crumbs of every size, brown to red to grey."""
    canvas = (
        np.ones((384, 512, 3), np.float32)
        * np.array([120, 90, 65], np.float32)
        * rng.uniform(0.6, 1.4, 3).astype(np.float32)
    )
    for cell_px in (3, 8, 24, 70):
        canvas *= 1 + rng.uniform(0.08, 0.25) * _clouds(rng, 384, 512, cell_px)
    return canvas


def _leaves(rng: np.random.Generator) -> FloatImage:
    """Green ovals over one another, with a rib each."""
    picture = Image.new("RGB", (512, 384), (30, 45, 20))
    for _ in range(int(rng.integers(30, 160))):
        long, turn = rng.uniform(40, 180), float(rng.uniform(0, 360))
        wide = long * rng.uniform(0.25, 0.6)
        green = (int(rng.integers(30, 120)), int(rng.integers(90, 180)), int(rng.integers(20, 90)))
        leaf = Image.new("RGBA", (int(long), int(long)))
        pen = ImageDraw.Draw(leaf)
        pen.ellipse((0, (long - wide) / 2, long, (long + wide) / 2), (*green, 255))
        pen.line((0, long / 2, long, long / 2), tuple(int(part * 1.3) for part in green), 2)
        leaf = leaf.rotate(turn, Image.Resampling.BILINEAR)
        picture.paste(leaf, (int(rng.integers(-90, 480)), int(rng.integers(-90, 350))), leaf)
    return np.asarray(picture, np.float32)


def _page(rng: np.random.Generator) -> FloatImage:
    """Lines of words on paper: a newspaper, a form, a receipt."""
    canvas = Image.new("RGB", (512, 384), tuple(int(level) for level in rng.integers(190, 250, 3)))
    pen = ImageDraw.Draw(canvas)
    line_px, left = rng.uniform(6, 26), rng.uniform(0, 60)
    ink = tuple(int(level) for level in rng.integers(0, 90, 3))
    for top in np.arange(rng.uniform(0, 40), 384, line_px * rng.uniform(1.3, 2.2)):
        x = left
        while x < 512 - left:
            word = line_px * rng.uniform(0.6, 4)
            for letter in np.arange(x, x + word, line_px * 0.5):
                tall = line_px * rng.uniform(0.4, 0.9)
                pen.line(
                    (letter, top + line_px - tall, letter + rng.uniform(-1, 2), top + line_px),
                    ink,
                    max(1, int(line_px / 7)),
                )
            x += word + line_px * 0.6
        if rng.random() < 0.08:
            x = 512
    return np.asarray(
        canvas.rotate(float(rng.normal(0, 6)), Image.Resampling.BILINEAR, fillcolor=(90, 80, 70)), np.float32
    )


def _screen(rng: np.random.Generator) -> FloatImage:
    """What a phone shows: bars, cards, buttons, lines of text."""
    base = int(rng.choice([18, 245]))
    picture = Image.new("RGB", (288, 512), (base,) * 3)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 288, int(rng.integers(30, 70))), tuple(int(level) for level in rng.integers(0, 255, 3)))
    top = 80.0
    while top < 500:
        tall = rng.uniform(20, 110)
        colour = tuple(int(level) for level in rng.integers(0, 255, 3)) if rng.random() < 0.4 else (abs(base - 22),) * 3
        pen.rounded_rectangle((10, top, 278, top + tall), 8, colour)
        for line in np.arange(top + 8, top + tall - 6, 14):
            pen.rectangle((20, line, rng.uniform(60, 270), line + 5), (abs(base - int(rng.integers(90, 200))),) * 3)
        top += tall + 10
    return np.asarray(picture, np.float32)


def _hand(rng: np.random.Generator) -> FloatImage:
    """A palm and fingers before some ground."""
    canvas = _ground(rng, 30, 220)
    height, width, _ = canvas.shape
    canvas *= 1 + 0.2 * _clouds(rng, height, width, rng.uniform(10, 120))
    shape = Image.new("L", (width, height))
    pen = ImageDraw.Draw(shape)
    x, y, palm = rng.uniform(0.3, 0.7) * width, rng.uniform(0.5, 0.8) * height, rng.uniform(0.15, 0.3) * width
    pen.ellipse((x - palm, y - palm, x + palm, y + palm * 1.3), 255)
    for turn in np.linspace(-1.2, 0.7, 5) + rng.normal(0, 0.06, 5):
        reach = palm * rng.uniform(1.6, 2.4)
        pen.line((x, y, x + reach * np.sin(turn), y - reach * np.cos(turn)), 255, int(palm * 0.42))
    soft = np.asarray(shape.filter(ImageFilter.GaussianBlur(3)), np.float32)[:, :, None] / 255
    skin = np.array([205, 150, 120], np.float32) * np.float32(rng.uniform(0.35, 1.1))
    shade = np.asarray(shape.filter(ImageFilter.GaussianBlur(palm * 0.2)), np.float32)[:, :, None] / 255
    lines = 1 + 0.05 * _clouds(rng, height, width, 9)
    shown: FloatImage = canvas * (1 - soft) + skin * (0.6 + 0.4 * shade) * lines * soft
    return shown


PAINTERS: Mapping[str, Callable[[np.random.Generator], FloatImage]] = {
    "cloth": _cloth,
    "soil": _soil,
    "leaves": _leaves,
    "page": _page,
    "screen": _screen,
    "hand": _hand,
}
