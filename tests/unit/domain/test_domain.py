"""Species, places, catches and thresholds say what their sources say."""

from datetime import UTC, datetime, timedelta

import pytest

from pestwatch.domain import places
from pestwatch.domain.catch import catch_rate, nights_between
from pestwatch.domain.species import CROPS, PHOTO_COUNTED, SPECIES, TRAP_TYPES, TRAPPED
from pestwatch.domain.threshold import threshold_for, thresholds

EMPTIED = datetime(2026, 8, 1, 2, tzinfo=UTC)


def test_photo_counted_species_are_the_measured_ones_in_label_order() -> None:
    assert PHOTO_COUNTED == ("GNORAB", "HELIAR", "NOCTUID_LARGE")
    assert [key for key, species in SPECIES.items() if species.photo_counted] == ["HELIAR", "GNORAB", "NOCTUID_LARGE"]
    assert not SPECIES[TRAPPED[0]].photo_counted, "pink bollworm has no measured photos"


@pytest.mark.parametrize("species", SPECIES.values(), ids=lambda species: species.key)
def test_species_use_the_house_s_words(species) -> None:
    assert set(species.crops) <= set(CROPS)
    assert set(species.trap_types) <= set(TRAP_TYPES)
    assert (species.lure_life_days is None) == (not species.lure_source)


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


def test_catch_needs_exposure() -> None:
    assert catch_rate(12, 3) == 4
    assert catch_rate(12, None) is None
    assert catch_rate(12, 0.2) is None


def test_nights_run_from_emptying_to_counting() -> None:
    assert nights_between(EMPTIED, EMPTIED + timedelta(days=3)) == 3
    assert nights_between(EMPTIED, EMPTIED + timedelta(hours=3)) is None
    assert nights_between(EMPTIED, EMPTIED - timedelta(days=1)) is None


def test_places_have_codes_names_and_neighbours() -> None:
    nagpur = places.districts()["IN-MH-484"]
    assert (nagpur.name, nagpur.state) == ("Nagpur", "IN-MH")
    assert places.state_of("IN-MH-484") == "IN-MH"
    assert places.state_of("IN-XX-1") is None
    assert all(n in places.districts() for d in places.districts().values() for n in d.neighbours)
    assert {d.state for d in places.districts().values()} <= set(places.states())
    assert [s.name for s in places.subdistricts()["IN-MH-484"]] == sorted(
        s.name for s in places.subdistricts()["IN-MH-484"]
    )
