"""A count alone says nothing: catches need nights."""

from datetime import UTC, datetime, timedelta

from pestwatch.domain.catch import catch_rate, nights_between

EMPTIED = datetime(2026, 8, 1, 2, tzinfo=UTC)


def test_catch_needs_exposure() -> None:
    assert catch_rate(12, 3) == 4
    assert catch_rate(12, None) is None
    assert catch_rate(12, 0.2) is None


def test_nights_run_from_emptying_to_counting() -> None:
    assert nights_between(EMPTIED, EMPTIED + timedelta(days=3)) == 3
    assert nights_between(EMPTIED, EMPTIED + timedelta(hours=3)) is None
    assert nights_between(EMPTIED, EMPTIED - timedelta(days=1)) is None
