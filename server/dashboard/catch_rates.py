"""Catches -> catch per trap-night by day or by meteorological week, ready to be drawn; pure.

A rate is insects over trap-nights, summed over traps, never a mean of rates. A trap that was not emptied carries its
insects into the next count, so of such counts only the last is taken. By week, a count belongs to the week in which it
was made (pestwatch/surveillance/rollup.py); by day, it is spread evenly over the nights that it covers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from pestwatch.surveillance.rollup import (
    INDIA,
    TrapReading,
    WeekCatch,
    first_day,
    meteorological_week,
    weekly_catches,
)
from server.db.catches import Catch
from server.standing import reading, whole_exposures

DAYS = 14
WEEKS = 10
DAY = timedelta(days=1)

Grain = Literal["day", "week"]


@dataclass(frozen=True)
class Period:
    """A day or a week of one pest, all traps together.

    Args:
      start: its first day, in India.
      week: the meteorological week's number; None for a day.
      insects: caught in the trap-nights below; by day a share of a count, so not whole.
      nights: trap-nights; 0 when nobody counted.
      traps: how many traps took part.
    """

    start: date
    week: int | None
    insects: float
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
    counted = list(whole_exposures(row for row in rows if row.pest == pest))
    today = now.astimezone(INDIA).date()
    return _by_week(counted, today) if grain == "week" else _by_day(counted, today)


def _by_week(counted: Sequence[Catch], today: date) -> list[Period]:
    starts = [first_day(meteorological_week(today))]
    while len(starts) < WEEKS:
        starts.append(first_day(meteorological_week(starts[-1] - DAY)))
    readings = [
        TrapReading(row.trap, row.pest, row.region, one) for row in counted if (one := reading(row)) is not None
    ]
    found = {first_day(week.week): week for week in weekly_catches(readings)}
    return [_week(start, found.get(start)) for start in reversed(starts)]


def _week(start: date, found: WeekCatch | None) -> Period:
    number = meteorological_week(start).number
    if found is None:
        return Period(start, number, 0, 0, 0)
    return Period(start, number, found.insects, found.nights, found.traps)


def _by_day(counted: Sequence[Catch], today: date) -> list[Period]:
    periods = []
    for back in reversed(range(DAYS)):
        day = today - DAY * back
        shares = [(row, share) for row in counted if (share := _nights_on(row, day)) > 0]
        insects = sum((row.count or 0) * share / (row.nights or 1) for row, share in shares)
        traps = len({row.trap for row, _ in shares})
        periods.append(Period(day, None, insects, sum(share for _, share in shares), traps))
    return periods


def _nights_on(row: Catch, day: date) -> float:
    """How much of a day, 0..1, lies in the nights that a count covers."""
    start = datetime.combine(day, time(), INDIA)
    since = row.taken_at - DAY * (row.nights or 0)
    return max(timedelta(), min(row.taken_at, start + DAY) - max(since, start)) / DAY
