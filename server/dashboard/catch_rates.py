"""Catches -> catch per trap-night by day or week, ready to be drawn; pure.

A rate is insects over trap-nights, summed over the traps of the period, never the mean of counts. A trap that was not
emptied carries its insects into the next count, so of such counts in one period only the last one is taken.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from server.db.catches import Catch
from server.standing import by_trap, reading

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")
"""One time zone, no summer time; a count at six in the morning belongs to that day, not to the day before in UTC."""
PERIODS = {"day": 21, "week": 10}
"""How many bars are drawn: three weeks, or ten."""

Grain = Literal["day", "week"]


@dataclass(frozen=True)
class Period:
    """A day or a week (from Monday) of one pest.

    Args:
      start: its first day, in India.
      insects: caught by all traps with known nights.
      nights: trap-nights; 0 when nobody counted.
      traps: how many traps took part.
    """

    start: date
    insects: int
    nights: float
    traps: int

    @property
    def rate(self) -> float | None:
        """Catch per trap-night; None without data, which is not zero."""
        return self.insects / self.nights if self.nights else None


def catch_rates(rows: Iterable[Catch], pest: str, now: datetime, grain: Grain) -> list[Period]:
    """The latest periods of one pest, oldest first, with the empty ones.

    Args:
      rows: a region's catches, oldest first.
      pest: species key.
      now: aware instant; its period is the last.
      grain: day or week.
    """
    last = first_day(now, grain)
    length = timedelta(days=7 if grain == "week" else 1)
    starts = [last - length * back for back in reversed(range(PERIODS[grain]))]
    sums: dict[date, list[Catch]] = {start: [] for start in starts}
    for of_trap in by_trap(row for row in rows if row.pest == pest).values():
        for row in _whole_exposures(of_trap, grain):
            if (start := first_day(row.taken_at, grain)) in sums:
                sums[start].append(row)
    return [
        Period(
            start,
            insects=sum(row.count or 0 for row in found),
            nights=sum(row.nights or 0.0 for row in found),
            traps=len({row.trap for row in found}),
        )
        for start, found in sums.items()
    ]


def first_day(at: datetime, grain: Grain) -> date:
    """The day, or the Monday, to which an instant belongs in India."""
    day = at.astimezone(INDIA).date()
    return day - timedelta(days=day.weekday()) if grain == "week" else day


def _whole_exposures(rows: Sequence[Catch], grain: Grain) -> Iterator[Catch]:
    """Usable counts of one trap; of counts that include each other and lie in one period, the last."""
    usable = [row for row in rows if (found := reading(row)) is not None and found.rate is not None]
    for row, after in zip(usable, [*usable[1:], None], strict=True):
        if after is not None and first_day(row.taken_at, grain) == first_day(after.taken_at, grain):
            is_included = not row.emptied and (after.nights or 0) > (row.nights or 0)
            if is_included:
                continue
        yield row
