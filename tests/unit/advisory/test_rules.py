"""The ladder of advice: what the levels may and may never say."""

import json

import pytest

from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.domain.species import TRAPPED
from pestwatch.domain.threshold import threshold_for, thresholds
from tests.golden import advice_cases

CASES = advice_cases.cases()
BY_NAME = {case["name"]: case["advice"] for case in CASES}


def said(name: str) -> list[str]:
    return [message["id"] for message in BY_NAME[name]["messages"]]


def test_the_golden_cases_are_fresh() -> None:
    assert json.loads(advice_cases.GOLDEN.read_text(encoding="utf-8")) == CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_sentence_and_level_has_words(case: dict) -> None:
    assert case["advice"]["level"] in LEVEL_NAMES
    for message in case["advice"]["messages"]:
        MESSAGES[message["id"]] % message["params"]


def test_zero_with_an_old_lure_is_never_green() -> None:
    for name in ("zero with an old lure is no data", "zero with a lure of unknown age is no data"):
        assert BY_NAME[name]["level"] == "no-data"
        assert said(name) == ["change_lure"]


def test_a_trap_threshold_leads_to_an_inspection_and_not_to_a_spray() -> None:
    assert BY_NAME["a trap alone is never red"]["level"] == "orange"
    assert said("the threshold starts an inspection")[:2] == ["inspect_today", "look_cotton_plants"]
    assert "ask_officer" in said("the threshold starts an inspection")


def test_red_needs_plants_and_the_whole_window() -> None:
    assert BY_NAME["threshold and plants together are red"]["level"] == "red"
    assert BY_NAME["pink bollworm one night over, plants confirmed"]["level"] == "orange"
    assert BY_NAME["pink bollworm three nights over, plants confirmed"]["level"] == "red"
    assert BY_NAME["a night below breaks the run"]["level"] == "orange"


def test_a_pest_without_a_trap_threshold_is_watched_and_never_coloured() -> None:
    for case in CASES:
        if threshold_for("trap", case["pest"], case["crop"], case["state"]) is None:
            assert case["advice"]["level"] in {"watch", "no-data"}


def test_the_trend_of_tuta_leads_to_the_plants() -> None:
    assert said("tuta rising")[:3] == ["trend_up", "no_trap_number", "look_tomato_mines"]


def test_a_state_has_its_own_number_before_india() -> None:
    assert BY_NAME["Rajasthan looks from five"]["threshold"]["id"] == "PECTGO-3"
    assert BY_NAME["Maharashtra uses India's eight"]["level"] == "yellow"


def test_fall_armyworm_leads_to_release_of_parasitoids() -> None:
    assert said("fall armyworm per visit")[:2] == ["inspect_today", "parasitoids"]
    assert BY_NAME["fall armyworm is for release, never red"]["level"] == "orange"


def test_every_plant_rule_that_can_be_used_has_its_sentence() -> None:
    for row in thresholds():
        chosen = {
            threshold_for("plant", row.species, crop, state) for crop in row.crops for state in (*row.states, None)
        }
        for rule in chosen - {None}:
            assert rule is not None
            assert f"plant_{rule.id}" in MESSAGES


def test_every_trapped_pest_gets_advice() -> None:
    assert {case["pest"] for case in CASES} <= set(TRAPPED)
