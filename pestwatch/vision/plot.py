"""Plots with axes and units, drawn with Pillow alone: points, lines, bars; readable at 600 pixels, a few kilobytes small."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageColor, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 20, 88, 56
INK, QUIET, GRID, PAPER = "#1d2a24", "#5c6a63", "#dfe5e1", "#ffffff"
COLOURS = ("#2f6f9f", "#c05a1e", "#6a8f2d", "#8a4f9e")
"""Of the series, in order; their marks differ too, for those who see no colours."""
# Drawn three times as large and shrunk by half: that makes edges smooth.
DRAWN, SHRUNK = 3, 2
PALETTE = 128

Scale = Callable[[float], float]
"""Value -> place on the plot."""
Ticks = Sequence[tuple[float, str]]
"""Values of an axis and what is written beside them."""


class Plot:
    """One picture in the making; marks lie on one another in the order of the calls.

    Places are in units of WIDTH by HEIGHT.

    Args:
      title: what is shown.
      subtitle: how it was measured.
      width: of the plot.
      height: of the plot.
    """

    def __init__(self, title: str, subtitle: str, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.width, self.height = width, height
        self._sheet = Image.new("RGB", (width * DRAWN, height * DRAWN), PAPER)
        self._pen = ImageDraw.Draw(self._sheet)
        self.text(16, 26, title, size=17)
        self.text(16, 47, subtitle, QUIET, size=13)

    def text(self, x: float, y: float, words: str, colour: str = INK, *, anchor: str = "l", size: float = 14) -> None:
        """Writes words whose baseline begins (l), has its middle (m) or ends (r) at a place."""
        self._pen.text((x * DRAWN, y * DRAWN), words, colour, _font(size), anchor=f"{anchor}s")

    def upright(self, x: float, y: float, words: str) -> None:
        """Writes words that run upwards, their middle at a place."""
        font = _font(14)
        left, top, right, bottom = font.getbbox(words)
        label = Image.new("RGB", (math.ceil(right - left), math.ceil(bottom - top)), PAPER)
        ImageDraw.Draw(label).text((-left, -top), words, INK, font)
        label = label.transpose(Image.Transpose.ROTATE_90)
        self._sheet.paste(label, (round(x * DRAWN - label.width / 2), round(y * DRAWN - label.height / 2)))

    def line(
        self, places: Sequence[tuple[float, float]], colour: str = GRID, width: float = 1, dash: float = 0
    ) -> None:
        """Joins places; dash is the length of a stroke and of a gap, 0 for none."""
        for start, end in pairwise(places):
            pieces = max(1, round(math.dist(start, end) / dash)) if dash else 1
            for piece in range(0, pieces, 2):
                ends = (_between(start, end, part / pieces) for part in (piece, piece + 1))
                self._pen.line([(x * DRAWN, y * DRAWN) for x, y in ends], colour, round(width * DRAWN))

    def area(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fills a rectangle."""
        self._pen.rectangle([edge * DRAWN for edge in (x, y, x + width, y + height)], colour)

    def disc(self, x: float, y: float, size: float, colour: str) -> None:
        """Fills a circle with a thin pale rim, so that neighbours stay apart."""
        self._pen.ellipse(_box(x, y, size), _paler(colour), PAPER, DRAWN // 2)

    def ring(self, x: float, y: float, size: float, colour: str) -> None:
        """Draws a circle."""
        self._pen.ellipse(_box(x, y, size), outline=colour, width=2 * DRAWN)

    def cross(self, x: float, y: float, size: float, colour: str) -> None:
        """Draws two crossing strokes."""
        self.line([(x - size, y - size), (x + size, y + size)], colour, 2.4)
        self.line([(x - size, y + size), (x + size, y - size)], colour, 2.4)

    def mark(self, x: float, y: float, series: int, size: float = 4.5) -> None:
        """Puts a series' own mark: disc, square, triangle, diamond."""
        if series == 0:
            self.disc(x, y, size, COLOURS[0])
            return
        corners = {1: (45, 135, 225, 315), 2: (90, 210, 330), 3: (0, 90, 180, 270)}[series]
        reach = size * 1.3 * DRAWN
        outline = [
            (x * DRAWN + reach * math.cos(math.radians(turn)), y * DRAWN - reach * math.sin(math.radians(turn)))
            for turn in corners
        ]
        self._pen.polygon(outline, _paler(COLOURS[series]), PAPER, DRAWN // 2)

    def legend(self, names: Sequence[str]) -> None:
        """Names the series under the title, side by side."""
        x = float(LEFT)
        for series, name in enumerate(names):
            self.mark(x + 5, TOP - 17, series, 5.5)
            self.text(x + 16, TOP - 12, name)
            x += 40 + _font(14).getlength(name) / DRAWN

    def finished(self) -> Image.Image:
        """The picture, in few colours: they keep the file small."""
        size = (self._sheet.width // SHRUNK, self._sheet.height // SHRUNK)
        smooth = self._sheet.resize(size, Image.Resampling.LANCZOS)
        # The usual way of choosing colours would sacrifice those of few pixels: a single cross matters.
        return smooth.quantize(PALETTE, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def axes(plot: Plot, x: Scale, y: Scale, x_ticks: Ticks, y_ticks: Ticks, x_name: str, y_name: str) -> None:
    """Draws a grid with its labels, and what the axes measure."""
    right, bottom = plot.width - RIGHT, plot.height - BOTTOM
    for value, label in y_ticks:
        plot.line([(LEFT, y(value)), (right, y(value))])
        plot.text(LEFT - 8, y(value) + 5, label, QUIET, anchor="r")
    for value, label in x_ticks:
        plot.line([(x(value), bottom), (x(value), bottom + 5)], QUIET)
        plot.text(x(value), bottom + 21, label, QUIET, anchor="m")
    plot.line([(LEFT, bottom), (right, bottom)], QUIET)
    plot.text((LEFT + right) / 2, plot.height - 12, x_name, anchor="m")
    plot.upright(16, (TOP + bottom) / 2, y_name)


def across(low: float, high: float, *, logarithmic: bool = False) -> Scale:
    """Values to the width between the margins."""
    return _scale(low, high, LEFT, WIDTH - RIGHT, logarithmic=logarithmic)


def upwards(low: float, high: float, height: int = HEIGHT) -> Scale:
    """Values to the height between the margins, the least at the bottom."""
    return _scale(low, high, height - BOTTOM, TOP, logarithmic=False)


def _scale(low: float, high: float, start: float, end: float, *, logarithmic: bool) -> Scale:
    bend: Callable[[float], float] = math.log if logarithmic else float

    def place(value: float) -> float:
        return start + (end - start) * (bend(value) - bend(low)) / (bend(high) - bend(low))

    return place


def round_ticks(high: float, most: int = 6) -> list[float]:
    """0 and round steps up to the first that reaches `high`."""
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(times * power for times in (1, 2, 2.5, 5, 10) if times * power * most >= high)
    return [step * place for place in range(math.ceil(high / step - 1e-9) + 1)]


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font: the picture is the same on every machine."""
    font = ImageFont.load_default(size * DRAWN)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType")
    return font


def _box(x: float, y: float, size: float) -> tuple[float, float, float, float]:
    return (x - size) * DRAWN, (y - size) * DRAWN, (x + size) * DRAWN, (y + size) * DRAWN


def _between(start: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _paler(colour: str, by: float = 0.2) -> tuple[int, ...]:
    return tuple(round(part + (255 - part) * by) for part in ImageColor.getrgb(colour))
