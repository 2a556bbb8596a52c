"""The vocabulary is closed, and what a photo counts is what was measured."""

import pytest

from pestwatch.domain.species import CROPS, PHOTO_COUNTED, SPECIES, TRAP_TYPES, TRAPPED


def test_photo_counted_species_are_the_measured_ones_in_label_order() -> None:
    assert PHOTO_COUNTED == ("GNORAB", "HELIAR", "NOCTUID_LARGE")
    assert [key for key, species in SPECIES.items() if species.photo_counted] == ["HELIAR", "GNORAB", "NOCTUID_LARGE"]
    assert not SPECIES[TRAPPED[0]].photo_counted, "pink bollworm has no measured photos"


@pytest.mark.parametrize("species", SPECIES.values(), ids=lambda species: species.key)
def test_species_use_the_house_s_words(species) -> None:
    assert set(species.crops) <= set(CROPS)
    assert set(species.trap_types) <= set(TRAP_TYPES)
    assert (species.lure_life_days is None) == (not species.lure_source)
