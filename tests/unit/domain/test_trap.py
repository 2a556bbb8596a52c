"""A silent trap is believed only while its lure draws."""

import pytest

from pestwatch.domain.trap import is_lure_doubtful


@pytest.mark.parametrize(
    ("pest", "lure_age_days", "doubtful"),
    [("HELIAR", 14, False), ("HELIAR", 15, True), ("HELIAR", None, True), ("PECTGO", 16, True)],
)
def test_a_lure_is_trusted_for_its_life_only(pest: str, lure_age_days: int | None, doubtful: bool) -> None:
    assert is_lure_doubtful(pest, lure_age_days) is doubtful


def test_a_sticky_card_or_light_needs_no_lure() -> None:
    assert not is_lure_doubtful("BEMITA", None)
    assert not is_lure_doubtful("NILALU", None)
