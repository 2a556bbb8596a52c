"""Catch per trap-night by pest, place and standard meteorological week.

Promises: a rate is insects over trap-nights, never a mean of rates, so that a trap emptied daily weighs no more than one
emptied weekly. Refuses what the rules refuse: rejected photos and counts of unknown exposure add nothing, and the
number of traps behind a figure goes with it.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta, timezone

from pestwatch.domain.observation import Reading

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")
"""A count belongs to the day on which it was made in India, wherever the server stands."""
WEEKS = 52


@dataclass(frozen=True, order=True)
class MeteorologicalWeek:
    """A standard week of the India Meteorological Department: 52 a year, the first from 1 January.

    Week 9 has eight days in a leap year, week 52 always has eight; so a week starts on the same day each year, and
    years can be laid over one another. It is not the ISO week, which starts on Mondays.
    Source: IMD Agrimet standard weeks, as used in crop weather calendars and by CROPSAP.
    """

    year: int
    number: int


def meteorological_week(day: date) -> MeteorologicalWeek:
    """The standard week that a day lies in."""
    day_of_year = day.timetuple().tm_yday
    is_after_leap_day = day_of_year > 59 and date(day.year, 12, 31).timetuple().tm_yday == 366
    ordinal = day_of_year - is_after_leap_day
    return MeteorologicalWeek(day.year, min((ordinal - 1) // 7 + 1, WEEKS))


def first_day(week: MeteorologicalWeek) -> date:
    """The day on which a standard week starts."""
    start = date(week.year, 1, 1) + timedelta(days=7 * (week.number - 1))
    is_leap = date(week.year, 12, 31).timetuple().tm_yday == 366
    return start + timedelta(days=1) if is_leap and week.number > 9 else start


@dataclass(frozen=True)
class TrapReading:
    """A reading with where it belongs.

    Args:
      trap: whatever tells traps apart.
      pest: the trap's own species.
      place: district or sub-district, by its code.
      reading: the count.
    """

    trap: Hashable
    pest: str
    place: str
    reading: Reading


@dataclass(frozen=True)
class WeekCatch:
    """What the traps of a place caught of a pest in a week."""

    pest: str
    place: str
    week: MeteorologicalWeek
    insects: int
    nights: float
    traps: int

    @property
    def rate(self) -> float:
        """Catch per trap-night."""
        return self.insects / self.nights


def weekly_catches(readings: Iterable[TrapReading]) -> list[WeekCatch]:
    """Sums readings by pest, place and the week in which they were counted.

    Args:
      readings: in any order. Each must count insects caught since the trap was last emptied, once: of a trap that
        was counted and not emptied, give only the later reading.

    Returns:
      Sorted by pest, place and week; a week without usable readings is missing, never zero.
    """
    groups: dict[tuple[str, str, MeteorologicalWeek], list[TrapReading]] = defaultdict(list)
    for one in readings:
        if one.reading.rate is not None:
            week = meteorological_week(one.reading.taken_at.astimezone(INDIA).date())
            groups[one.pest, one.place, week].append(one)
    return [
        WeekCatch(
            pest,
            place,
            week,
            insects=sum(one.reading.count for one in group),
            nights=sum(one.reading.nights or 0.0 for one in group),
            traps=len({one.trap for one in group}),
        )
        for (pest, place, week), group in sorted(groups.items(), key=lambda item: item[0])
    ]
