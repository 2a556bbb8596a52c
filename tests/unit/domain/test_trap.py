"""A silent trap is believed only while its lure draws."""

import pytest

from pestwatch.domain.trap import is_lure_doubtful, lure_life_days


@pytest.mark.parametrize(
    ("pest", "lure_age_days", "doubtful"),
    [("HELIAR", 14, False), ("HELIAR", 15, True), ("HELIAR", None, True), ("PECTGO", 16, True)],
)
def test_a_lure_is_trusted_for_its_life_only(pest: str, lure_age_days: int | None, doubtful: bool) -> None:
    assert is_lure_doubtful(pest, lure_age_days) is doubtful


@pytest.mark.parametrize(
    ("pest", "told_days", "days"),
    [
        ("HELIAR", None, 14),
        ("HELIAR", 60, 14),  # a source stands behind 14
        ("HELIAR", 8, 8),
        ("GNORAB", 60, 60),  # 30 is our guess
        ("GNORAB", 20, 20),
        ("BEMITA", 20, None),
    ],
)
def test_a_packet_is_believed_before_a_guess_and_never_stretches_a_sourced_life(
    pest: str, told_days: int | None, days: int | None
) -> None:
    assert lure_life_days(pest, told_days) == days


def test_a_sticky_card_or_light_needs_no_lure() -> None:
    assert not is_lure_doubtful("BEMITA", None)
    assert not is_lure_doubtful("NILALU", None)
