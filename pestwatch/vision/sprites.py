"""Insects drawn from lines and areas, seeded: what the drawn trap photos are peopled with.

Shapes stand in lengths of the insect: head at (0.5, 0), tail at (-0.5, 0), y across. Each is drawn at four
times its size and shrunk, so that antennae and fringes come out as finer than a pixel, as in a photo.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

FINER = 4
# Side of the square around an insect, in lengths: spread wings and antennae reach beyond the body.
ROOM = 1.7

Colour = tuple[int, int, int]
Place = tuple[float, float]


class Sprite(NamedTuple):
    """An insect on clear ground: (n, n, 3) float32 in 0-255, and how much it covers, (n, n, 1) in [0, 1]."""

    pixels: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]


class _Pen:
    """Draws in lengths of the insect, heading where the insect heads."""

    def __init__(self, rng: np.random.Generator, length_px: float) -> None:
        self.rng = rng
        self.side_px = int(np.ceil(ROOM * length_px))
        self.scale = length_px * FINER
        heading = rng.uniform(0, 2 * np.pi)
        self.cos, self.sin = float(np.cos(heading)), float(np.sin(heading))
        self.picture = Image.new("RGBA", (self.side_px * FINER, self.side_px * FINER))
        self.draw = ImageDraw.Draw(self.picture)

    def place(self, x: float, y: float) -> Place:
        middle = self.side_px * FINER / 2
        turned = (x * self.cos - y * self.sin, x * self.sin + y * self.cos)
        return middle + turned[0] * self.scale, middle + turned[1] * self.scale

    def area(self, outline: Sequence[Place], colour: Colour, cover: float = 1.0) -> None:
        layer = Image.new("RGBA", self.picture.size)
        ImageDraw.Draw(layer).polygon([self.place(*corner) for corner in outline], (*colour, round(255 * cover)))
        self.picture.alpha_composite(layer)

    def line(self, stops: Sequence[Place], colour: Colour, width: float, cover: float = 1.0) -> None:
        thick = max(1, round(width * self.scale))
        self.draw.line([self.place(*stop) for stop in stops], (*colour, round(255 * cover)), thick)

    def oval(self, x: float, y: float, long: float, wide: float, colour: Colour, cover: float = 1.0) -> None:
        turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        self.area([(x + long / 2 * np.cos(t), y + wide / 2 * np.sin(t)) for t in turns], colour, cover)

    def shade(self, colour: Colour, spread: float = 14.0) -> Colour:
        shift = self.rng.normal(0, spread)
        red, green, blue = (int(np.clip(part + shift + self.rng.normal(0, 4), 0, 255)) for part in colour)
        return red, green, blue

    def sprite(self) -> Sprite:
        small = self.picture.resize((self.side_px, self.side_px), Image.Resampling.BOX)
        values = np.asarray(small, np.float32)
        mottled = self.rng.normal(1.0, 0.16, (self.side_px, self.side_px, 1)).astype(np.float32)
        return Sprite(np.clip(values[:, :, :3] * mottled, 0, 255), values[:, :, 3:] / 255)


def small_moth(rng: np.random.Generator, length_px: float) -> Sprite:
    """A gelechiid such as Tuta absoluta: slender, brown, wings folded along the body or torn open by the glue."""
    pen = _Pen(rng, length_px)
    brown = pen.shade((104, 78, 50))
    _appendages(pen, (78, 58, 40), antenna=0.55)
    if rng.random() < 0.65:
        widest = rng.uniform(0.13, 0.19)
        outline = [(0.5, 0.03), (0.34, 0.09), (0.0, widest), (-0.34, widest), (-0.5, 0.09)]
        pen.area([*outline, *((x, -y) for x, y in reversed(outline))], brown)
        pen.line([(0.3, 0), (-0.48, 0)], pen.shade((62, 46, 32), 6), 0.035)
        for side in (-1, 1):
            pen.line([(0.25, side * 0.06), (-0.4, side * widest * 0.8)], pen.shade((146, 116, 78), 8), 0.04)
    else:
        _wings(pen, pen.shade((150, 120, 80)), reach=rng.uniform(0.25, 0.45), cover=0.85)
        pen.oval(0.05, 0, 0.8, 0.16, brown)
    pen.oval(0.42, 0, 0.16, 0.14, pen.shade((70, 50, 34), 6))
    return pen.sprite()


def large_moth(rng: np.random.Generator, length_px: float) -> Sprite:
    """A noctuid on a liner: stout, straw to brown, wings with veins."""
    pen = _Pen(rng, length_px)
    straw = pen.shade((176, 152, 116), 10)
    _appendages(pen, (110, 88, 66), antenna=0.4)
    if rng.random() < 0.5:
        _wings(pen, straw, reach=rng.uniform(0.42, 0.6), cover=0.8)
    else:
        _roof(pen, pen.shade((150, 118, 86), 10), tail=rng.uniform(0.17, 0.24))
    pen.oval(0.1, 0, 0.62, 0.2, pen.shade((118, 88, 64)))
    pen.oval(0.4, 0, 0.2, 0.2, pen.shade((92, 70, 54), 6))
    return pen.sprite()


def funnel_moth(rng: np.random.Generator, length_px: float) -> Sprite:
    """A Helicoverpa armigera lying in a funnel trap: a compact golden-brown wedge."""
    pen = _Pen(rng, length_px)
    _roof(pen, pen.shade((128, 96, 48), 12), tail=rng.uniform(0.18, 0.27))
    pen.oval(0.2, 0, 0.5, 0.24, pen.shade((96, 68, 34)))
    pen.oval(0.42, 0, 0.18, 0.18, pen.shade((62, 44, 26), 6))
    return pen.sprite()


def fly(rng: np.random.Generator, length_px: float) -> Sprite:
    """A fruit fly: by-catch, never counted."""
    pen = _Pen(rng, length_px)
    for side in (-1, 1):
        for joint in (0.25, 0.12, 0.0):
            pen.line([(joint, 0), (joint + rng.uniform(-0.1, 0.1), side * 0.33)], pen.shade((150, 92, 40)), 0.02)
        wing = [(0.15, side * 0.08), (-0.15, side * 0.42), (-0.5, side * 0.46), (-0.45, side * 0.2)]
        pen.area(wing, pen.shade((176, 166, 152), 6), 0.55)
        pen.line([wing[0], wing[2]], (96, 78, 60), 0.03, 0.8)
    pen.oval(-0.15, 0, 0.45, 0.26, pen.shade((148, 92, 46)))
    pen.oval(0.18, 0, 0.34, 0.28, pen.shade((64, 50, 44)))
    pen.oval(0.4, 0, 0.18, 0.26, pen.shade((52, 34, 30), 6))
    return pen.sprite()


def debris(rng: np.random.Generator, length_px: float) -> Sprite:
    """Dirt, a seed or a piece of straw."""
    pen = _Pen(rng, length_px)
    colour = pen.shade((72, 62, 52), 24)
    if rng.random() < 0.4:
        pen.line([(-0.5, 0), (0, rng.uniform(-0.15, 0.15)), (0.5, 0)], colour, 0.07)
    else:
        pen.oval(0, 0, rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.5), colour)
    return pen.sprite()


def stain(sprite: Sprite, spread_px: float) -> npt.NDArray[np.float32]:
    """What the insect left in the glue around it: its own cover, blurred, (n, n, 1) in [0, 1]."""
    mask = Image.fromarray(np.round(sprite.cover[:, :, 0] * 255).astype(np.uint8))
    soft: npt.NDArray[np.float32] = np.asarray(mask.filter(ImageFilter.GaussianBlur(spread_px)), np.float32)
    return soft[:, :, None] / 255


def _appendages(pen: _Pen, colour: Colour, antenna: float) -> None:
    for side in (-1, 1):
        tip = (0.45 - antenna * pen.rng.uniform(0.5, 1), side * pen.rng.uniform(0.15, 0.35))
        pen.line([(0.46, side * 0.03), (0.4, side * 0.14), tip], pen.shade(colour), 0.02, 0.8)
        for joint in (0.25, 0.05, -0.1):
            foot = (joint + pen.rng.uniform(-0.18, 0.1), side * pen.rng.uniform(0.2, 0.32))
            if pen.rng.random() < 0.6:
                pen.line([(joint, side * 0.06), foot], pen.shade(colour), 0.022, 0.8)


def _wings(pen: _Pen, colour: Colour, reach: float, cover: float) -> None:
    """Two pairs, spread, with veins and a fringe."""
    for side in (-1, 1):
        out = reach * pen.rng.uniform(0.75, 1.1) * side
        pen.area([(0.1, 0.02 * side), (-0.3, 0.6 * out), (-0.46, 0.12 * side), (-0.2, 0)], colour, cover * 0.9)
        fore = [(0.32, 0.04 * side), (0.08, 0.9 * out), (-0.24, out), (-0.32, 0.6 * out), (0.0, 0.03 * side)]
        pen.area(fore, pen.shade(colour, 8), cover)
        for part in np.linspace(0.15, 0.95, 5):
            end = (0.08 - 0.36 * part, out * (0.92 - 0.25 * part))
            pen.line([(0.28, 0.04 * side), end], pen.shade((112, 88, 62), 10), 0.015, 0.7)


def _roof(pen: _Pen, colour: Colour, tail: float) -> None:
    """Wings laid together like a roof, widest at the tail."""
    outline = [(0.5, 0.05), (0.3, 0.12), (-0.1, tail * 0.8), (-0.44, tail), (-0.5, tail * 0.5)]
    pen.area([*outline, *((x, -y) for x, y in reversed(outline))], colour)
    pen.line([(0.3, 0), (-0.5, 0)], pen.shade((92, 70, 46), 8), 0.025)
    for side in (-1, 1):
        for part in (0.35, 0.7):
            pen.line([(0.3, side * 0.05), (-0.46, side * tail * part)], pen.shade((112, 86, 58), 12), 0.018, 0.8)


PAINTERS: dict[str, Callable[[np.random.Generator, float], Sprite]] = {
    "GNORAB": small_moth,
    "HELIAR": funnel_moth,
    "NOCTUID_LARGE": large_moth,
    "fly": fly,
    "debris": debris,
}
