"""Series -> SVG; pure. The same picture serves phone, desk, print and screen readers.

Promises: a period without data is hatched and never looks like a zero; every bar says its number as a title; colours and
type come from the stylesheet, so a strict content security policy holds. Sizes are in units of the view box, which is as
wide as the smallest phone: text stays readable there, and grows on a desk.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 12, 14, 24
GRID_LINES = 4
LEAST_BAR = 1.5
"""Height of a zero: it must be seen that somebody counted."""


Scale = Callable[[float], float]
"""Value -> y."""


@dataclass(frozen=True)
class Bar:
    """One period.

    Args:
      label: below the axis; empty where it would not fit.
      value: >= 0; None when there is no data.
      title: the whole sentence, for pointer and screen reader.
    """

    label: str
    value: float | None
    title: str


@dataclass(frozen=True)
class Line:
    """A horizontal line at a value, with its name."""

    value: float
    label: str


def bar_chart(bars: Sequence[Bar], *, name: str, title: str, description: str, line: Line | None = None) -> str:
    """Draws bars over time.

    Args:
      bars: oldest first.
      name: unique on the page, [a-z0-9-]; ids are made from it.
      title: what is shown, and its unit.
      description: what a person would say who saw it.
      line: the threshold, if there is one.

    Returns:
      An <svg> element.
    """
    known = [bar.value for bar in bars if bar.value is not None]
    step = nice_step(max([*known, line.value * 1.15 if line else 0.0, 0.4]))
    top_value = step * GRID_LINES

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top_value)

    return "".join(
        [
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d">',
            f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>',
            f'<defs><pattern id="{name}-h" width="5" height="5" patternUnits="userSpaceOnUse" ',
            'patternTransform="rotate(45)"><path class="hatch" d="M0 0V5"/></pattern></defs>',
            *(_grid_line(number * step, y) for number in range(GRID_LINES + 1)),
            *_columns(bars, y, f"{name}-h", line),
            _threshold(line, y) if line else "",
            "</svg>",
        ]
    )


def _grid_line(value: float, y: Scale) -> str:
    at = _n(y(value))
    line = f'<path class="grid" d="M{LEFT} {at}H{WIDTH - RIGHT}"/>'
    return f'{line}<text class="tick" x="{LEFT - 4}" y="{at}" dy="3.5">{_n(value)}</text>'


def _columns(bars: Sequence[Bar], y: Scale, hatch: str, line: Line | None) -> Iterator[str]:
    pitch = (WIDTH - LEFT - RIGHT) / max(1, len(bars))
    for place, bar in enumerate(bars):
        is_reached = line is not None and bar.value is not None and bar.value >= line.value
        yield _bar(bar, LEFT + pitch * (place + 0.11), _n(pitch * 0.78), y, hatch, is_reached)
        if bar.label:
            middle = _n(LEFT + pitch * (place + 0.5))
            yield f'<text class="label" x="{middle}" y="{HEIGHT - 8}">{escape(bar.label)}</text>'


def _threshold(line: Line, y: Scale) -> str:
    path = f'<path class="threshold" d="M{LEFT} {_n(y(line.value))}H{WIDTH - RIGHT}"/>'
    place = f'x="{LEFT + 3}" y="{_n(y(line.value) - 4)}"'
    return f'{path}<text class="threshold-name" {place}>{escape(line.label)}</text>'


def nice_step(largest: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that reaches `largest` in four steps."""
    power = 0.001
    while True:
        for step in (1, 2, 2.5, 5):
            if step * power * GRID_LINES >= largest:
                return step * power
        power *= 10


def _bar(bar: Bar, left: float, width: str, y: Scale, hatch: str, is_reached: bool) -> str:
    title = f"<title>{escape(bar.title)}</title>"
    floor = HEIGHT - BOTTOM
    if bar.value is None:
        return (
            f'<rect class="no-data" x="{_n(left)}" y="{TOP}" width="{width}" height="{floor - TOP}" '
            f'fill="url(#{hatch})">{title}</rect>'
        )
    top = min(y(bar.value), floor - LEAST_BAR)
    kind = "bar reached" if is_reached else "bar"
    return (
        f'<rect class="{kind}" x="{_n(left)}" y="{_n(top)}" width="{width}" height="{_n(floor - top)}">{title}</rect>'
    )


def _n(value: float) -> str:
    """A number without a tail of digits: every byte travels over 2G."""
    return f"{value:.1f}".removesuffix(".0") if value >= 1 or value == 0 else f"{value:.3g}"
