"""The pictures of a model card: count against truth, error by scale and by density; what was found, missed and made up.

No pixel of anybody's photo is in them: where a real photo is shown, only its points are; pictures with pixels are of drawn
traps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFont

from pestwatch.vision.plot import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    INK,
    LEFT,
    QUIET,
    RIGHT,
    TOP,
    WIDTH,
    Plot,
    across,
    axes,
    round_ticks,
    upwards,
)
from pestwatch.vision.resample import Figure

UInt8Image = npt.NDArray[np.uint8]
Place = tuple[float, float]
"""x and y in pixels of the photo."""
HIT, MISSED, FALSE = "#16803c", "#1f5fbf", "#c2187f"
# Bins of the density picture hold about as many photos each.
DENSITY_BINS = 4
# A mark means a moth when it lies within half a moth of it.
WITHIN = 0.5


class Pair(NamedTuple):
    """True and counted insects of one photo."""

    true: int
    counted: int


@dataclass(frozen=True)
class Overlay:
    """One photo with what is there and what was marked.

    Args:
      name: of the photo.
      truth: where its insects are.
      marks: where the counter put its marks.
      size_px: width and height of the photo.
      moth_px: length of its usual insect.
      image: (h, w, 3) uint8, of drawn traps only; without noise, else the file grows.
    """

    name: str
    truth: Sequence[Place]
    marks: Sequence[Place]
    size_px: tuple[int, int]
    moth_px: float
    image: UInt8Image | None = None


@dataclass(frozen=True)
class Measured:
    """What the pictures are drawn from; what is empty is not drawn.

    Args:
      model: size of the family that counted, for the subtitles; the card that shows them names the version.
      counted: per photo set, one pair per photo.
      by_scale: per photo set, (factor by which the photos were resized, error / count with its interval).
      aim: error / count that is aimed at.
      good: real photos on which the counter does well.
      bad: real photos on which it does badly.
      drawn: drawn traps, with pixels.
    """

    model: str
    counted: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    by_scale: Mapping[str, Sequence[tuple[float, Figure]]] = field(default_factory=dict)
    aim: float | None = None
    good: Sequence[Overlay] = ()
    bad: Sequence[Overlay] = ()
    drawn: Sequence[Overlay] = ()


class Sorted(NamedTuple):
    """Marks and insects of one photo, told apart."""

    hits: list[Place]
    missed: list[Place]
    false: list[Place]


def write_pictures(folder: Path, measured: Measured) -> list[Path]:
    """Writes card-*.png beside a model card.

    Args:
      folder: of the release.
      measured: the figures.

    Returns:
      The files, in the order in which a card shows them.
    """
    drawn: list[tuple[str, Image.Image]] = []
    if measured.counted:
        drawn += [("card-counted", counted_picture(measured)), ("card-density", density_picture(measured))]
    if measured.by_scale:
        drawn.append(("card-scale", scale_picture(measured)))
    if measured.good:
        drawn.append(("card-good", points_picture("Where it counts well", measured.good)))
    if measured.bad:
        drawn.append(("card-bad", points_picture("Where it counts badly", measured.bad)))
    if measured.drawn:
        drawn.append(("card-drawn", drawn_picture(measured.drawn)))
    for name, picture in drawn:
        picture.save(folder / f"{name}.png", optimize=True)
    return [folder / f"{name}.png" for name, _ in drawn]


def counted_picture(measured: Measured) -> Image.Image:
    """One mark per photo; on the diagonal the count is right, between the dashed lines it is off by a fifth at most."""
    most = max(max(pair) for pairs in measured.counted.values() for pair in pairs)
    ticks = round_ticks(max(most, 5))
    plot = Plot(
        "Count against truth",
        f"one mark per photo; dashed: a fifth too many, a fifth too few · {measured.model}",
        height=520,
    )
    x, y = across(0, ticks[-1]), upwards(0, ticks[-1], plot.height)
    labels = [(value, f"{value:g}") for value in ticks]
    axes(plot, x, y, labels, labels, "insects in the photo", "insects counted")
    high = ticks[-1]
    plot.line([(x(0), y(0)), (x(high), y(high))], QUIET, 1.5)
    plot.line([(x(0), y(0)), (x(high / 1.2), y(high))], QUIET, dash=5)
    plot.line([(x(0), y(0)), (x(high), y(0.8 * high))], QUIET, dash=5)
    for series, pairs in enumerate(measured.counted.values()):
        for pair in pairs:
            plot.mark(x(pair.true), y(pair.counted), series)
    plot.legend([f"{name} ({len(pairs)})" for name, pairs in measured.counted.items()])
    return plot.finished()


def scale_picture(measured: Measured) -> Image.Image:
    """Error by the factor of resizing, with 95 % intervals."""
    factors = sorted({factor for rows in measured.by_scale.values() for factor, _ in rows})
    highest = max(figure.high for rows in measured.by_scale.values() for _, figure in rows)
    ticks = round_ticks(100 * max(highest, measured.aim or 0), 5)
    plot = Plot("Error by scale", f"the counter is not told the scale; bars: 95 % by shot · {measured.model}")
    x = across(factors[0] / 1.15, factors[-1] * 1.15, logarithmic=True)
    y = upwards(0, ticks[-1])
    x_ticks = [(factor, f"{factor:g} x") for factor in factors]
    axes(plot, x, y, x_ticks, [(v, f"{v:g} %") for v in ticks], "times the size of the photo", "error / count")
    if measured.aim is not None:
        at = y(100 * measured.aim)
        plot.line([(LEFT, at), (plot.width - RIGHT, at)], HIT, 1.5, dash=5)
        plot.text(LEFT + 4, at - 5, "aim", QUIET)
    for series, rows in enumerate(measured.by_scale.values()):
        aside = 5 * (series - (len(measured.by_scale) - 1) / 2)  # intervals of two sets must not hide one another
        places = [(x(factor) + aside, y(100 * figure.value)) for factor, figure in rows]
        plot.line(places, COLOURS[series], 2)
        for (place, at), (_, figure) in zip(places, rows, strict=True):
            plot.line([(place, y(100 * figure.low)), (place, y(100 * figure.high))], COLOURS[series], 1.5)
            plot.mark(place, at, series, 5)
    plot.legend(list(measured.by_scale))
    return plot.finished()


def density_picture(measured: Measured) -> Image.Image:
    """Error by how many insects a photo holds: what was counted too few and too many, over the insects there."""
    pairs = [pair for of_set in measured.counted.values() for pair in of_set if pair.true]
    bins = density_bins(pairs)
    shares = [(_share(part, -1), _share(part, 1)) for part in bins]
    ticks = round_ticks(100 * max([few + many for few, many in shares] + [measured.aim or 0.01]), 5)
    plot = Plot(
        "Error by density", f"{', '.join(measured.counted)}; photos by their number of insects · {measured.model}"
    )
    y, floor = upwards(0, ticks[-1]), HEIGHT - BOTTOM
    x = across(0, len(bins))
    labels = [(place + 0.5, f"{part[0].true} to {part[-1].true} ({len(part)})") for place, part in enumerate(bins)]
    axes(plot, x, y, labels, [(v, f"{v:g} %") for v in ticks], "insects in the photo (photos)", "error / count")
    for place, (few, many) in enumerate(shares):
        left, wide = x(place + 0.25), x(0.5) - x(0)
        middle = y(100 * few)
        plot.area(left, middle, wide, floor - middle, MISSED)
        plot.area(left, y(100 * (few + many)), wide, middle - y(100 * (few + many)), FALSE)
        plot.text(left + wide / 2, y(100 * (few + many)) - 6, f"{100 * (few + many):.0f} %", anchor="m")
    for place, (name, colour) in enumerate((("counted too few", MISSED), ("counted too many", FALSE))):
        plot.area(LEFT + 160 * place, TOP - 23, 12, 12, colour)
        plot.text(LEFT + 160 * place + 18, TOP - 12, name)
    return plot.finished()


def density_bins(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Photos by number of insects, cut into about equal parts; photos of the same number stay together."""
    ordered = sorted(pairs)
    bins: list[list[Pair]] = [[]]
    for place, pair in enumerate(ordered):
        is_full = len(bins[-1]) and place >= len(bins) * len(ordered) / DENSITY_BINS
        if is_full and pair.true != bins[-1][-1].true:
            bins.append([])
        bins[-1].append(pair)
    return bins


def _share(pairs: Sequence[Pair], sign: int) -> float:
    """Insects counted too few (-1) or too many (1) / insects."""
    return sum(max(0, sign * (pair.counted - pair.true)) for pair in pairs) / sum(pair.true for pair in pairs)


def told_apart(overlay: Overlay) -> Sorted:
    """Pairs marks and insects, the nearest first; what is left was missed or made up."""
    reach = WITHIN * overlay.moth_px
    pairs = sorted(
        (math.hypot(a[0] - b[0], a[1] - b[1]), i, j)
        for i, a in enumerate(overlay.truth)
        for j, b in enumerate(overlay.marks)
    )
    found: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance <= reach and i not in found and j not in found.values():
            found[i] = j
    return Sorted(
        [overlay.truth[i] for i in found],
        [place for i, place in enumerate(overlay.truth) if i not in found],
        [place for j, place in enumerate(overlay.marks) if j not in found.values()],
    )


def _caption(overlay: Overlay, parts: Sorted) -> str:
    there, counted = len(overlay.truth), len(overlay.marks)
    return f"{there} there, {counted} counted: {len(parts.missed)} missed, {len(parts.false)} made up"


PANEL_PX, GAP_PX = 300, 20
ROOM_PX = 50
"""Under a panel, for its caption."""
PALETTE, MARK_PX = 24, 8


def points_picture(title: str, overlays: Sequence[Overlay]) -> Image.Image:
    """Real photos without their pixels: a disc for what was found, a ring for what was missed, a cross where nothing is."""
    highest = max(_panel_size(overlay)[1] for overlay in overlays)
    width = max(WIDTH, len(overlays) * (PANEL_PX + GAP_PX) + GAP_PX)
    plot = Plot(title, "places only: no pixel of the photos is shown", width, TOP + highest + ROOM_PX)
    for place, (name, kind) in enumerate((("found", HIT), ("missed", MISSED), ("made up", FALSE))):
        _put(plot, GAP_PX + 6 + 110 * place, TOP - 17, kind, 5)
        plot.text(GAP_PX + 18 + 110 * place, TOP - 12, name)
    for number, overlay in enumerate(overlays):
        left = GAP_PX + number * (PANEL_PX + GAP_PX)
        ratio = PANEL_PX / max(overlay.size_px)
        plot.area(left, TOP, *_panel_size(overlay), "#f3f1ea")
        parts = told_apart(overlay)
        for kind, places in ((HIT, parts.hits), (MISSED, parts.missed), (FALSE, parts.false)):
            for x, y in places:
                _put(plot, left + x * ratio, TOP + y * ratio, kind, 4.5)
        plot.text(left, TOP + highest + 19, _caption(overlay, parts), size=13)
        plot.text(left, TOP + highest + 37, overlay.name, QUIET, size=13)
    return plot.finished()


def _panel_size(overlay: Overlay) -> tuple[int, int]:
    """Width and height of a photo's panel: its long side is PANEL_PX."""
    width, height = (round(side * PANEL_PX / max(overlay.size_px)) for side in overlay.size_px)
    return width, height


def _put(plot: Plot, x: float, y: float, kind: str, size: float) -> None:
    {HIT: plot.disc, MISSED: plot.ring, FALSE: plot.cross}[kind](x, y, size, kind)


def drawn_picture(overlays: Sequence[Overlay]) -> Image.Image:
    """Drawn traps side by side, with rings and crosses on them."""
    highest = max(_panel_size(overlay)[1] for overlay in overlays)
    sheet = Image.new("RGB", (len(overlays) * (PANEL_PX + GAP_PX) + GAP_PX, GAP_PX + highest + ROOM_PX), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    lefts = [GAP_PX + number * (PANEL_PX + GAP_PX) for number in range(len(overlays))]
    for left, overlay in zip(lefts, overlays, strict=True):
        if overlay.image is None:
            raise ValueError(f"{overlay.name} has no picture")
        sheet.paste(
            Image.fromarray(overlay.image).resize(_panel_size(overlay), Image.Resampling.LANCZOS), (left, GAP_PX)
        )
        pen.text((left, GAP_PX + highest + 6), _caption(overlay, told_apart(overlay)), INK, font)
        pen.text((left, GAP_PX + highest + 23), overlay.name, QUIET, font)
    # Few colours keep the file small; the marks come afterwards, so that they keep theirs.
    few = sheet.quantize(PALETTE, dither=Image.Dither.NONE)
    pen = ImageDraw.Draw(few)
    for left, overlay in zip(lefts, overlays, strict=True):
        ratio, parts = PANEL_PX / max(overlay.size_px), told_apart(overlay)
        for kind, places in ((HIT, parts.hits), (MISSED, parts.missed), (FALSE, parts.false)):
            for x, y in places:
                _pen_mark(pen, left + x * ratio, GAP_PX + y * ratio, ImageColor.getrgb(kind), is_cross=kind == FALSE)
    return few


def _pen_mark(pen: ImageDraw.ImageDraw, x: float, y: float, colour: tuple[int, ...], *, is_cross: bool) -> None:
    box = (x - MARK_PX, y - MARK_PX, x + MARK_PX, y + MARK_PX)
    if is_cross:
        pen.line(box, colour, 3)
        pen.line((box[0], box[3], box[2], box[1]), colour, 3)
    else:
        pen.ellipse(box, outline=colour, width=2)
