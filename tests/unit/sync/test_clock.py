"""A phone's clock is corrected, flagged and never a reason to refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.sync.clock import BELIEVED, NETWORK_DELAY, PhoneClock

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
any_instant = st.datetimes(timezones=st.just(UTC))


def test_a_clock_that_is_right_changes_nothing() -> None:
    clock = PhoneClock.read(NOW - timedelta(seconds=40), NOW)
    taken = NOW - timedelta(hours=3)
    assert (clock.corrected(taken).at, clock.corrected(taken).is_doubtful, clock.is_wrong) == (taken, False, False)
    assert clock.offset_ms == 40_000


def test_a_clock_that_is_an_hour_slow_is_corrected_without_a_word() -> None:
    clock = PhoneClock.read(NOW - timedelta(hours=1), NOW)
    corrected = clock.corrected(NOW - timedelta(hours=4))
    assert (corrected.at, corrected.is_doubtful, clock.is_wrong) == (NOW - timedelta(hours=3), False, False)


@pytest.mark.parametrize("year", [1970, 1980, 2016, 2031, 2099])
def test_a_clock_years_off_is_corrected_and_flagged(year: int) -> None:
    clock = PhoneClock.read(NOW.replace(year=year), NOW)
    corrected = clock.corrected(NOW.replace(year=year) - timedelta(days=2))
    assert (corrected.at, corrected.is_doubtful, clock.is_wrong) == (NOW - timedelta(days=2), True, True)


def test_a_count_from_before_the_clock_was_set_is_flagged() -> None:
    corrected = PhoneClock.read(NOW, NOW).corrected(datetime(1980, 1, 6, tzinfo=UTC))
    assert corrected.is_doubtful


@given(sent_at=any_instant, at_phone=any_instant)
def test_no_clock_whatever_makes_it_fail_or_lie_in_the_future(sent_at: datetime, at_phone: datetime) -> None:
    clock = PhoneClock.read(sent_at, NOW)
    corrected = clock.corrected(at_phone)
    assert corrected.at <= NOW
    assert corrected.is_doubtful or abs(clock.offset) <= BELIEVED


@given(
    offset=st.timedeltas(min_value=timedelta(days=-9000), max_value=timedelta(days=9000)),
    age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=300)),
)
def test_whatever_the_offset_the_age_of_a_count_survives(offset: timedelta, age: timedelta) -> None:
    corrected = PhoneClock.read(NOW + offset, NOW).corrected(NOW + offset - age)
    assert abs((NOW - corrected.at) - age) <= NETWORK_DELAY
