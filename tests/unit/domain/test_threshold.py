"""Thresholds say what their sources say, and nobody else's number is used."""

import pytest

from pestwatch.domain import places
from pestwatch.domain.species import SPECIES
from pestwatch.domain.threshold import threshold_for, thresholds


@pytest.mark.parametrize("row", thresholds(), ids=lambda row: row.id)
def test_every_threshold_names_its_source_region_tier_and_role(row) -> None:
    assert row.source
    assert row.region
    assert row.tier in set("ABCDE")
    assert row.role in {"inspect_plants", "release_parasitoids", "confirm_before_chemicals", "do_not_use"}
    assert row.species in SPECIES or not row.is_usable
    assert row.value_min <= row.value_max


def test_a_trap_threshold_never_means_spray() -> None:
    assert {row.role for row in thresholds() if row.kind == "trap" and row.is_usable} == {
        "inspect_plants",
        "release_parasitoids",
    }


def test_vendors_figures_are_kept_and_never_used() -> None:
    assert any(not row.is_usable for row in thresholds())
    assert threshold_for("trap", "EARIVI", "cotton") is None


def test_states_in_thresholds_are_states_of_the_directory() -> None:
    assert {state for row in thresholds() for state in row.states} <= set(places.states())


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (None, "PECTGO-1"),
        ("IN-MH", "PECTGO-1"),
        ("IN-GJ", "PECTGO-2"),
        ("IN-RJ", "PECTGO-3"),
        ("IN-TS", "PECTGO-5"),
    ],
)
def test_a_states_own_row_goes_before_indias(state: str | None, rule: str) -> None:
    row = threshold_for("trap", "PECTGO", "cotton", state)
    assert row is not None
    assert row.id == rule


def test_a_weekly_figure_becomes_a_nightly_one() -> None:
    row = threshold_for("trap", "SCIRIN", "rice")
    assert row is not None
    assert row.value_per_night == pytest.approx(25 / 7)
