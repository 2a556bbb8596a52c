# ruff: noqa: INP001 -- a script beside what it draws, not a package
"""Draws the app's icons: a delta trap with a moth in it, white and yellow on the app's green.

    python field/draw_icons.py

Writes public/icons/*.png: 192 and 512 px, and one whose picture keeps clear of the edge that launchers cut off.
"""

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).resolve().parent / "public" / "icons"
GREEN, WHITE, YELLOW = (27, 94, 58, 255), (255, 255, 255, 255), (255, 214, 90, 255)
TIMES = 4  # drawn larger and shrunk, for smooth edges
COLOURS = 64

TRAP = [(0.50, 0.22), (0.88, 0.74), (0.12, 0.74)]
INSIDE = [(0.50, 0.33), (0.76, 0.69), (0.24, 0.69)]
WINGS = [(0.50, 0.50), (0.66, 0.60), (0.60, 0.67), (0.50, 0.60), (0.40, 0.67), (0.34, 0.60)]
BODY = [(0.482, 0.45), (0.518, 0.68)]
LINER = [(0.10, 0.755), (0.90, 0.80)]
STRING = [(0.50, 0.14), (0.50, 0.24)]


def draw(size_px: int, maskable: bool) -> Image.Image:
    """One icon; coordinates are fractions of its side."""
    side = size_px * TIMES
    scale = 0.8 if maskable else 1.0

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(side * (0.5 + (x - 0.5) * scale), side * (0.5 + (y - 0.5) * scale)) for x, y in points]

    icon = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(icon)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), 0 if maskable else side * 0.2, fill=GREEN)
    pen.line(at(STRING), fill=WHITE, width=int(side * 0.03 * scale))
    pen.polygon(at(TRAP), fill=WHITE)
    pen.polygon(at(INSIDE), fill=GREEN)
    pen.polygon(at(WINGS), fill=YELLOW)
    pen.ellipse(at(BODY), fill=YELLOW)
    pen.rounded_rectangle(at(LINER), side * 0.02, fill=WHITE)
    small = icon.resize((size_px, size_px), Image.Resampling.LANCZOS)
    return small.quantize(COLOURS, method=Image.Quantize.FASTOCTREE)


if __name__ == "__main__":
    for name, size_px, maskable in (
        ("icon-192", 192, False),
        ("icon-512", 512, False),
        ("icon-maskable-512", 512, True),
    ):
        draw(size_px, maskable).save(ICONS / f"{name}.png", optimize=True)
