"""A look at the plants is held against the number that its source gives, and against no other."""

import math

import pytest

from pestwatch.domain.tally import PARTS, plant_rules
from pestwatch.domain.threshold import Threshold, thresholds

PLANT_ROWS = [row for row in thresholds() if row.kind == "plant"]


@pytest.mark.parametrize("row", PLANT_ROWS, ids=lambda row: row.id)
def test_every_plant_threshold_says_how_to_look_and_the_sample_says_what_its_source_says(row: Threshold) -> None:
    assert row.part in PARTS
    assert row.sample_source
    limit = row.value_min * row.sample if row.each else row.value_min * row.sample / 100
    # "More than ten percent" begins at eleven of a hundred.
    above = 1 if "above" in row.note else 0
    assert row.serious == math.ceil(limit) + above


@pytest.mark.parametrize(
    ("pest", "crop", "state", "rules"),
    [
        ("PECTGO", "cotton", None, ["PECTGO-7", "PECTGO-8"]),
        ("PECTGO", "cotton", "IN-PB", ["PECTGO-4", "PECTGO-8"]),
        ("NILALU", "rice", "IN-TN", ["NILALU-3", "NILALU-2"]),
        ("BEMITA", "cotton", "IN-MH", []),
        ("GNORAB", "tomato", None, []),
    ],
)
def test_each_part_is_looked_at_by_the_states_rule_before_indias(
    pest: str, crop: str, state: str | None, rules: list[str]
) -> None:
    assert [row.id for row in plant_rules(pest, crop, state)] == rules
