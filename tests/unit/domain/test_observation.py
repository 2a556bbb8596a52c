"""A reading gives a rate only when photo and exposure allow it."""

from datetime import UTC, datetime, timedelta

import pytest

from pestwatch.domain.observation import Reading

NOW = datetime(2026, 8, 14, 3, tzinfo=UTC)


@pytest.mark.parametrize(("gate", "rate"), [(None, 4), ("good", 4), ("doubtful", 4), ("rejected", None)])
def test_a_rejected_photo_has_no_rate(gate, rate) -> None:
    assert Reading(NOW, 12, 3, gate).rate == rate


def test_a_reading_of_unknown_exposure_has_no_rate_and_no_beginning() -> None:
    unknown = Reading(NOW, 12, None)
    assert unknown.rate is None
    assert unknown.since == NOW


def test_a_reading_reaches_back_to_the_emptying() -> None:
    assert Reading(NOW, 12, 2.5).since == NOW - timedelta(days=2.5)
