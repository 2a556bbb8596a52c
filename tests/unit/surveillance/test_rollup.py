"""Weeks are the meteorologists', and a rate never comes out of thin air."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pestwatch.domain.observation import Reading
from pestwatch.surveillance.rollup import (
    MeteorologicalWeek,
    TrapReading,
    first_day,
    meteorological_week,
    weekly_catches,
)

NOON = datetime(2026, 8, 14, 6, 30, tzinfo=UTC)


def caught(
    count: int, nights: float | None, *, trap: str = "a", place: str = "IN-MH-484", at: datetime = NOON, gate=None
):
    return TrapReading(trap, "PECTGO", place, Reading(at, count, nights, gate))


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(2026, 1, 1), 1),
        (date(2026, 1, 7), 1),
        (date(2026, 1, 8), 2),
        (date(2026, 3, 4), 9),
        (date(2026, 3, 5), 10),
        (date(2028, 2, 29), 9),
        (date(2028, 3, 4), 9),
        (date(2028, 3, 5), 10),
        (date(2026, 12, 24), 52),
        (date(2026, 12, 31), 52),
        (date(2028, 12, 31), 52),
    ],
)
def test_weeks_are_counted_from_the_first_of_january(day: date, number: int) -> None:
    assert meteorological_week(day) == MeteorologicalWeek(day.year, number)


@pytest.mark.parametrize("year", [2026, 2028])
def test_every_week_starts_on_its_first_day(year: int) -> None:
    for number in range(1, 53):
        start = first_day(MeteorologicalWeek(year, number))
        assert meteorological_week(start).number == number
        assert meteorological_week(start - timedelta(days=1)).number in {number - 1, 52}


def test_a_rate_is_insects_over_trap_nights_and_names_its_traps() -> None:
    (week,) = weekly_catches([caught(2, 1), caught(40, 7, trap="b")])
    assert (week.insects, week.nights, week.traps, week.rate) == (42, 8, 2, 5.25)


def test_unknown_nights_and_rejected_photos_add_nothing() -> None:
    assert weekly_catches([caught(90, None), caught(90, 1, gate="rejected")]) == []


def test_a_zero_counts_as_a_zero() -> None:
    (week,) = weekly_catches([caught(0, 3)])
    assert week.rate == 0


def test_a_late_evening_in_utc_is_the_next_day_in_india() -> None:
    new_year = datetime(2026, 12, 31, 19, tzinfo=UTC)
    (week,) = weekly_catches([caught(1, 1, at=new_year)])
    assert week.week == MeteorologicalWeek(2027, 1)


def test_places_and_weeks_are_kept_apart_and_sorted() -> None:
    found = weekly_catches([caught(1, 1, place="IN-MH-500"), caught(2, 1, at=NOON + timedelta(days=7)), caught(3, 1)])
    assert [(w.place, w.insects) for w in found] == [("IN-MH-484", 3), ("IN-MH-484", 2), ("IN-MH-500", 1)]
