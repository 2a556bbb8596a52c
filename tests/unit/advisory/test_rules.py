"""The ladder of advice: what the levels may and may never say."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.advisory.messages import LEVEL_NAMES, MESSAGES
from pestwatch.advisory.rules import CONFIRMED, Inspection, Reading, advise
from pestwatch.domain.species import SPECIES, TRAPPED
from pestwatch.domain.threshold import threshold_for, thresholds
from tests.golden import advice_cases

NOW = datetime(2026, 8, 14, tzinfo=UTC)
SERIOUS = Inspection(NOW, "HELIAR-4", "plant", 20, 25)
SOUND = Inspection(NOW, "HELIAR-4", "plant", 20, 3)
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
            is_confirmed = any(message["id"] in CONFIRMED for message in case["advice"]["messages"])
            assert case["advice"]["level"] in ({"orange"} if is_confirmed else {"watch", "no-data"})


def test_the_trend_of_tuta_leads_to_the_plants() -> None:
    assert said("tuta rising")[:3] == ["trend_up", "no_trap_number", "look_tomato_mines"]


def test_a_state_has_its_own_number_before_india() -> None:
    assert BY_NAME["Rajasthan looks from five"]["threshold"]["id"] == "PECTGO-3"
    assert BY_NAME["Maharashtra uses India's eight"]["level"] == "yellow"


def test_fall_armyworm_leads_to_release_of_parasitoids() -> None:
    assert said("fall armyworm per visit")[:2] == ["inspect_today", "parasitoids"]
    confirmed = "fall armyworm with plants confirmed is red, and still asks for wasps"
    assert (BY_NAME[confirmed]["level"], said(confirmed)) == (
        "red",
        ["confirmed", "found_damage", "kvk", "parasitoids", "count_tomorrow"],
    )


def test_a_run_of_nights_has_no_unseen_night_in_it() -> None:
    levels = {name: BY_NAME[name]["level"] for name in BY_NAME}
    assert levels["three single nights with unseen nights between are no run"] == "orange"
    assert levels["an unknown night breaks the run"] == "orange"
    assert levels["counts of a trap that was not emptied overlap"] == "orange"
    assert levels["two visits, an hour early, last three nights"] == "red"


def test_what_was_found_on_the_plants_is_never_talked_down_by_a_low_catch() -> None:
    for name in ("plants confirmed without any count", "plants confirmed and a zero: the plants are heard"):
        assert said(name)[0] == "sample_confirmed"
        assert BY_NAME[name]["level"] == "orange"


def test_nobody_is_sent_to_the_plants_whose_sample_is_in() -> None:
    for case in CASES:
        looks = [message["id"] for message in case["advice"]["messages"] if message["id"].startswith("look_")]
        told = {message["id"] for message in case["advice"]["messages"]}
        assert not (looks and told & {"found_damage", "found_insects"})
    assert said("two nights over, plants sound") == ["sample_low", "found_damage", "ask_officer", "count_tomorrow"]


def test_half_a_look_is_no_answer_unless_enough_was_found() -> None:
    assert "sample_more" in said("half a look says nothing")
    assert said("enough was found before the end")[0] == "sample_confirmed"


def test_sound_plants_speak_for_one_count_and_damage_for_a_week() -> None:
    assert "look_bolls_flowers" in said("sound plants do not speak for a later count")
    assert BY_NAME["damage is heard for a week, over a calm trap"]["level"] == "orange"
    assert BY_NAME["after a week it is not"]["level"] == "green"


def test_a_count_written_down_late_shortens_the_nights_of_the_next_in_whatever_order_they_come() -> None:
    late = BY_NAME["a late count moves the nights of the next"]
    assert (late["level"], late["catch_rate"]) == ("orange", 9.0)
    assert BY_NAME["a late count that comes last in the list"] == late
    assert BY_NAME["a trap that was not emptied keeps its nights"]["catch_rate"] == 3.9


def test_a_trend_is_said_as_surely_as_the_counts_allow() -> None:
    assert said("tuta may be rising")[0] == "trend_maybe_up"
    assert said("tuta may be falling")[0] == "trend_same"
    assert said("tuta surely falling")[0] == "trend_down"
    assert said("seems to rise three times") == ["rising_maybe"]


def test_advice_always_says_what_comes_next() -> None:
    again = {"first_count", "count_now", "photo_again", "empty_first", "change_lure", "maybe_reached", "count_tomorrow"}
    for case in CASES:
        said_ = case["advice"]["messages"]
        assert any(one["id"] in again or "days" in one["params"] for one in said_), case["name"]


def test_no_sentence_gives_a_dose() -> None:
    for sentence in MESSAGES.values():
        assert not re.search(r"\b(ml|g|kg|litres?|EC|SC|WG|per acre|per hectare)\b", sentence)


def test_every_plant_rule_that_can_be_used_has_its_sentence() -> None:
    for row in thresholds():
        chosen = {
            threshold_for("plant", row.species, crop, state) for crop in row.crops for state in (*row.states, None)
        }
        for rule in chosen - {None}:
            assert rule is not None
            assert f"plant_{rule.id}" in MESSAGES


@pytest.mark.parametrize(("pest", "crop"), [(pest, crop) for pest in TRAPPED for crop in SPECIES[pest].crops])
def test_every_trapped_pest_gets_advice_from_a_hand_count(pest: str, crop: str) -> None:
    counted = Reading(advice_cases.NOW, 40, 2, None, 5)
    advice = advise(pest, crop, [counted], advice_cases.NOW)
    assert advice.level != "no-data"
    assert advice.messages
    assert advise(pest, crop, [], advice_cases.NOW).level == "no-data"


def test_every_pest_with_a_threshold_can_be_hung_for() -> None:
    named = {row.species for row in thresholds() if row.species}
    assert len(named) == 8
    assert named <= set(TRAPPED)
    assert {case["pest"] for case in CASES} <= set(TRAPPED)


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from([(), (SERIOUS,), (SOUND,), (SOUND, SERIOUS)]),
)
def test_an_interval_never_calms_and_one_that_reaches_the_threshold_is_never_green(
    count: int, below: int, above: int, looks: tuple[Inspection, ...]
) -> None:
    now = NOW
    sure = Reading(now, count, 3, "good", 5)
    unsure = replace(sure, interval=(max(0, count - below), count + above))
    levels = [advise("HELIAR", "cotton", [one], now, inspections=looks).level for one in (sure, unsure)]
    order = ["green", "yellow", "orange", "red"]
    assert order.index(levels[1]) >= order.index(levels[0])
    assert levels[1] != "green" or count + above < 30  # ten a night


looks = st.builds(
    Inspection,
    st.integers(0, 10).map(lambda days: NOW - timedelta(days=days)),
    st.sampled_from(["PECTGO-7", "PECTGO-8", "HELIAR-4", "PECTGO-99", None]),
    st.sampled_from(["flower", "boll", "plant"]),
    st.integers(1, 120),
    st.integers(0, 130),
)
counts = st.builds(
    Reading,
    st.integers(0, 12).map(lambda days: NOW - timedelta(days=days)),
    st.integers(0, 60),
    st.none() | st.integers(1, 7),
    lure_age_days=st.none() | st.integers(0, 30),
    emptied=st.booleans(),
)


@given(st.lists(counts, max_size=5, unique_by=lambda one: one.taken_at), st.lists(looks, max_size=4), st.data())
def test_the_order_of_arrival_changes_no_advice(
    readings: list[Reading], inspections: list[Inspection], data: st.DataObject
) -> None:
    inspections = list({one.inspected_at: one for one in inspections}.values())
    again = advise(
        "PECTGO",
        "cotton",
        data.draw(st.permutations(readings)),
        NOW,
        inspections=data.draw(st.permutations(inspections)),
    )
    assert again == advise("PECTGO", "cotton", readings, NOW, inspections=inspections)


@given(st.lists(counts, max_size=5), st.lists(looks, max_size=4))
def test_a_serious_look_of_this_week_is_heard_whatever_the_trap_says(
    readings: list[Reading], inspections: list[Inspection]
) -> None:
    last = Inspection(NOW + timedelta(seconds=1), "PECTGO-8", "boll", 20, 2)
    advice = advise("PECTGO", "cotton", readings, NOW, inspections=[*inspections, last])
    assert advice.is_confirmed
    assert advice.level in {"orange", "red"}


@given(st.lists(counts, max_size=5), st.lists(looks, max_size=4))
def test_a_look_at_the_plants_never_turns_advice_greener(
    readings: list[Reading], inspections: list[Inspection]
) -> None:
    order = ["no-data", "green", "yellow", "orange", "red"]
    alone = advise("PECTGO", "cotton", readings, NOW).level
    heard = advise("PECTGO", "cotton", readings, NOW, inspections=inspections).level
    assert order.index(heard) >= order.index(alone)
