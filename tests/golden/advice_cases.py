"""Cases that hold the two twins of the advice rules together: `python -m tests.golden.advice_cases` writes advice.json."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pestwatch.advisory.rules import Advice, Inspection, Reading, advise
from pestwatch.domain.tally import plant_rules

GOLDEN = Path(__file__).with_name("advice.json")
NOW = datetime(2026, 8, 14, 3, 30, tzinfo=UTC)


def reading(
    count: int,
    nights: float | None,
    days_ago: float = 0,
    gate: str | None = None,
    lure: int | None = 5,
    interval: tuple[int, int] | None = None,
) -> dict[str, Any]:
    taken_at = (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {"taken_at": taken_at, "count": count, "nights": nights, "gate": gate, "lure_age_days": lure}
    return found | {"interval": interval and list(interval)}


def look(rule: str | None, part: str, looked: int, found: int, days_ago: float = 0) -> dict[str, Any]:
    at = (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"inspected_at": at, "rule": rule, "part": part, "looked": looked, "found": found}


def case(
    name: str,
    pest: str,
    crop: str,
    *readings: dict[str, Any],
    state: str | None = None,
    sample: str | None = None,
    looks: tuple[dict[str, Any], ...] = (),
    lure_life: int | None = None,
) -> dict[str, Any]:
    """One case; `sample` is short for a look at the plants by their first rule, serious or without any damage."""
    if sample:
        rule = plant_rules(pest, crop, state)[0]
        looks = (look(rule.id, rule.part, rule.sample, rule.serious if sample == "confirmed" else 0),)
    return {
        "name": name,
        "pest": pest,
        "crop": crop,
        "state": state,
        "inspections": list(looks),
        "lure_life_days": lure_life,
        "now": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readings": list(readings),
    }


def cases() -> list[dict[str, Any]]:
    r = reading
    found = [
        case("no count yet", "HELIAR", "cotton"),
        case("zero with a fresh lure is low", "HELIAR", "cotton", r(0, 3)),
        case("zero with an old lure is no data", "HELIAR", "cotton", r(0, 3, lure=15)),
        case("zero with a lure of unknown age is no data", "HELIAR", "cotton", r(0, 3, lure=None)),
        case("zero on the lure's last day is low", "HELIAR", "cotton", r(0, 3, lure=14)),
        case("some moths with an old lure count, and the lure is asked for", "HELIAR", "cotton", r(6, 3, lure=15)),
        case("unknown nights are no data", "HELIAR", "cotton", r(90, None)),
        case("a few hours are no night", "HELIAR", "cotton", r(90, 0.25)),
        case("half a day is enough", "HELIAR", "cotton", r(3, 0.5)),
        case("a rejected photo is no data", "HELIAR", "cotton", r(90, 1, gate="rejected")),
        case("a doubtful photo counts and says so", "HELIAR", "cotton", r(12, 1, gate="doubtful")),
        case("a doubtful photo with nothing in it is not green", "HELIAR", "cotton", r(0, 1, gate="doubtful")),
        case("nor is one with few in it", "HELIAR", "cotton", r(2, 1, gate="doubtful")),
        case(
            "an empty doubtful photo is no zero without a trap number either",
            "GNORAB",
            "tomato",
            r(0, 1, gate="doubtful"),
        ),
        case("a stale count is no data", "HELIAR", "cotton", r(90, 1, days_ago=15)),
        case("fourteen days is not stale", "HELIAR", "cotton", r(90, 1, days_ago=14)),
        case("just below half is low", "HELIAR", "cotton", r(49, 10)),
        case("half is near", "HELIAR", "cotton", r(5, 1)),
        case("just below the threshold is near", "HELIAR", "cotton", r(99, 10)),
        case("the threshold starts an inspection", "HELIAR", "cotton", r(10, 1)),
        case("44 moths in three nights start an inspection", "HELIAR", "cotton", r(44, 3)),
        case("a trap alone is never red", "HELIAR", "cotton", r(400, 1)),
        case(
            "a plant sample that found nothing keeps it at inspection",
            "HELIAR",
            "cotton",
            r(40, 2),
            sample="not_confirmed",
        ),
        case("threshold and plants together are red", "HELIAR", "cotton", r(40, 2), sample="confirmed"),
        case(
            "plants confirmed but the catch below: the officer is called",
            "HELIAR",
            "cotton",
            r(7, 1),
            sample="confirmed",
        ),
        case("rising three times below half is near", "HELIAR", "cotton", r(1, 1, 4), r(2, 1, 2), r(3, 1)),
        case("rising twice is low", "HELIAR", "cotton", r(2, 1, 2), r(3, 1)),
        case("a gap in the exposure breaks the rise", "HELIAR", "cotton", r(1, 1, 4), r(2, None, 2), r(3, 1)),
        case("an interval below the threshold changes nothing", "HELIAR", "cotton", r(4, 1, interval=(2, 9))),
        case(
            "an interval that ends below the threshold and a count near it",
            "HELIAR",
            "cotton",
            r(7, 1, interval=(5, 9)),
        ),
        case("an interval that reaches the threshold is never low", "HELIAR", "cotton", r(4, 1, interval=(1, 10))),
        case("none counted, but ten possible", "HELIAR", "cotton", r(0, 1, interval=(0, 10))),
        case(
            "an interval on both sides of the threshold, the count below", "HELIAR", "cotton", r(8, 1, interval=(5, 11))
        ),
        case(
            "an interval on both sides of the threshold, the count above",
            "HELIAR",
            "cotton",
            r(12, 1, interval=(9, 15)),
        ),
        case("an interval above the threshold leaves no doubt", "HELIAR", "cotton", r(16, 1, interval=(10, 22))),
        case("an interval over three nights", "HELIAR", "cotton", r(25, 3, interval=(19, 31))),
        case(
            "an interval that reaches the threshold, plants sound",
            "HELIAR",
            "cotton",
            r(4, 1, interval=(1, 10)),
            sample="not_confirmed",
        ),
        case(
            "an interval that reaches the threshold, plants confirmed",
            "HELIAR",
            "cotton",
            r(4, 1, interval=(1, 10)),
            sample="confirmed",
        ),
        case(
            "an interval above and below, plants confirmed, is red all the same",
            "HELIAR",
            "cotton",
            r(12, 1, interval=(9, 15)),
            sample="confirmed",
        ),
        case(
            "an interval above and below, plants sound",
            "HELIAR",
            "cotton",
            r(12, 1, interval=(9, 15)),
            sample="not_confirmed",
        ),
        case("an interval of an earlier count says nothing", "HELIAR", "cotton", r(4, 1, 3, interval=(1, 10)), r(4, 1)),
        case("an interval and a threshold per visit", "LAPHFR", "maize", r(2, 2, interval=(1, 3))),
        case("an interval colours no pest without a threshold", "GNORAB", "tomato", r(30, 3, interval=(20, 40))),
        case("pigeonpea has its own row", "HELIAR", "pigeonpea", r(11, 1)),
        case("tomato has no institutional number", "HELIAR", "tomato", r(11, 1)),
        case("one reading of tuta has no trend", "GNORAB", "tomato", r(30, 3)),
        case("tuta rising", "GNORAB", "tomato", r(10, 2, 3), r(60, 3)),
        case("tuta falling", "GNORAB", "tomato", r(60, 3, 3), r(5, 3)),
        case("tuta the same", "GNORAB", "tomato", r(30, 3, 3), r(33, 3)),
        case("tuta zero with a good lure is watched, never green", "GNORAB", "tomato", r(0, 3)),
        case("tuta zero with an old lure", "GNORAB", "tomato", r(0, 3, lure=31)),
        case("tuta is never red", "GNORAB", "tomato", r(500, 1), looks=(look(None, "plant", 20, 20),)),
        case("pink bollworm one night over", "PECTGO", "cotton", r(9, 1)),
        case("pink bollworm one night over, plants confirmed", "PECTGO", "cotton", r(9, 1), sample="confirmed"),
        case(
            "pink bollworm three nights over, plants confirmed",
            "PECTGO",
            "cotton",
            r(9, 1, 2),
            r(8, 1, 1),
            r(12, 1),
            sample="confirmed",
        ),
        case("an average over three nights lasts three nights", "PECTGO", "cotton", r(27, 3), sample="confirmed"),
        case(
            "pink bollworm three nights in a row, plants not looked at",
            "PECTGO",
            "cotton",
            r(9, 1, 2),
            r(8, 1, 1),
            r(12, 1),
        ),
        case(
            "three single nights with unseen nights between are no run",
            "PECTGO",
            "cotton",
            r(9, 1, 8),
            r(8, 1, 4),
            r(12, 1),
            sample="confirmed",
        ),
        case(
            "two visits, an hour early, last three nights",
            "PECTGO",
            "cotton",
            r(9, 1, 2),
            r(18, 1.95),
            sample="confirmed",
        ),
        case(
            "counts of a trap that was not emptied overlap",
            "PECTGO",
            "cotton",
            r(9, 1, 1),
            r(18, 2),
            sample="confirmed",
        ),
        case(
            "an unknown night breaks the run",
            "PECTGO",
            "cotton",
            r(9, 1, 2),
            r(8, None, 1),
            r(12, 1),
            sample="confirmed",
        ),
        case("two nights over, plants sound", "PECTGO", "cotton", r(20, 2), sample="not_confirmed"),
        case("plants confirmed without any count", "PECTGO", "cotton", sample="confirmed"),
        case("plants confirmed and a zero: the plants are heard", "HELIAR", "cotton", r(0, 3), sample="confirmed"),
        case(
            "tuta rising, plants looked at",
            "GNORAB",
            "tomato",
            r(10, 2, 3),
            r(60, 3),
            looks=(look(None, "plant", 20, 3),),
        ),
        case("a night below breaks the run", "PECTGO", "cotton", r(9, 1, 2), r(2, 1, 1), r(12, 1), sample="confirmed"),
        case("Rajasthan looks from five", "PECTGO", "cotton", r(6, 1), state="IN-RJ"),
        case("Maharashtra uses India's eight", "PECTGO", "cotton", r(6, 1), state="IN-MH"),
        case("Punjab's plants have their own rule", "PECTGO", "cotton", r(9, 1), state="IN-PB"),
        case("fall armyworm per visit", "LAPHFR", "maize", r(3, 2)),
        case("fall armyworm below", "LAPHFR", "maize", r(1, 2)),
        case(
            "fall armyworm with plants confirmed is red, and still asks for wasps",
            "LAPHFR",
            "maize",
            r(9, 2),
            sample="confirmed",
        ),
        case("stem borer per week", "SCIRIN", "rice", r(25, 7)),
        case("stem borer in two nights", "SCIRIN", "rice", r(3, 2)),
        case("a vendor's number is not used", "EARIVI", "cotton", r(20, 1)),
        case("whitefly on a sticky card has no trap number and no lure", "BEMITA", "cotton", r(0, 3, lure=None)),
        case("two of twenty bolls", "PECTGO", "cotton", r(9, 1), looks=(look("PECTGO-8", "boll", 20, 2),)),
        case("one of twenty bolls", "PECTGO", "cotton", r(9, 1), looks=(look("PECTGO-8", "boll", 20, 1),)),
        case("half a look says nothing", "PECTGO", "cotton", r(9, 1), looks=(look("PECTGO-8", "boll", 8, 1),)),
        case("enough was found before the end", "PECTGO", "cotton", r(9, 1), looks=(look("PECTGO-8", "boll", 8, 2),)),
        case("more than twenty bolls", "PECTGO", "cotton", r(9, 1), looks=(look("PECTGO-8", "boll", 30, 2),)),
        case(
            "sound flowers do not talk down damaged bolls",
            "PECTGO",
            "cotton",
            r(9, 1),
            looks=(look("PECTGO-8", "boll", 20, 4, 1), look("PECTGO-7", "flower", 100, 0)),
        ),
        case(
            "a later look at the same part takes the place of the first, in whatever order they come",
            "PECTGO",
            "cotton",
            r(9, 1),
            looks=(look("PECTGO-8", "boll", 20, 0), look("PECTGO-8", "boll", 20, 4, 1)),
        ),
        case(
            "damage is heard for a week, over a calm trap",
            "PECTGO",
            "cotton",
            r(0, 3),
            looks=(look("PECTGO-8", "boll", 20, 4, 6.9),),
        ),
        case("after a week it is not", "PECTGO", "cotton", r(0, 3), looks=(look("PECTGO-8", "boll", 20, 4, 7),)),
        case(
            "sound plants do not speak for a later count",
            "PECTGO",
            "cotton",
            r(9, 1, 3),
            r(20, 2),
            looks=(look("PECTGO-8", "boll", 20, 0, 3),),
        ),
        case(
            "sound plants of the day before speak for today's count",
            "PECTGO",
            "cotton",
            r(20, 2),
            looks=(look("PECTGO-8", "boll", 20, 0, 1),),
        ),
        case("a look at another pest", "PECTGO", "cotton", r(9, 1), looks=(look("HELIAR-4", "plant", 20, 40),)),
        case("one larva on each plant", "HELIAR", "cotton", r(12, 1), looks=(look("HELIAR-4", "plant", 20, 20),)),
        case(
            "nineteen larvae on twenty plants", "HELIAR", "cotton", r(12, 1), looks=(look("HELIAR-4", "plant", 20, 19),)
        ),
        case("a rule of a newer version", "HELIAR", "cotton", r(12, 1), looks=(look("HELIAR-99", "leaf", 20, 3),)),
        case(
            "pigeonpea looked at, without a number",
            "HELIAR",
            "pigeonpea",
            r(12, 1),
            looks=(look(None, "plant", 20, 3),),
        ),
        case(
            "whiteflies on leaves, whatever the card says",
            "BEMITA",
            "cotton",
            r(5, 3),
            state="IN-PB",
            looks=(look("BEMITA-1", "leaf", 20, 130),),
        ),
        case("a late count moves the nights of the next", "PECTGO", "cotton", r(4, 4, 3) | {"emptied": True}, r(27, 7)),
        case(
            "a late count that comes last in the list",
            "PECTGO",
            "cotton",
            r(27, 7),
            r(4, 4, 3) | {"emptied": True},
        ),
        case("a trap that was not emptied keeps its nights", "PECTGO", "cotton", r(4, 4, 3), r(27, 7)),
        case("an hour early is no other night", "PECTGO", "cotton", r(4, 2, 2.95) | {"emptied": True}, r(21, 3)),
        case("twice on one day", "PECTGO", "cotton", r(4, 4, 0.1) | {"emptied": True}, r(21, 4)),
        case("tuta may be rising", "GNORAB", "tomato", r(10, 2, 3, interval=(6, 20)), r(30, 3, interval=(20, 40))),
        case("tuta surely rising", "GNORAB", "tomato", r(10, 2, 3, interval=(6, 14)), r(60, 3, interval=(45, 80))),
        case("tuta may be falling", "GNORAB", "tomato", r(30, 3, 3, interval=(20, 40)), r(15, 3, interval=(8, 24))),
        case("tuta surely falling", "GNORAB", "tomato", r(60, 3, 3, interval=(45, 80)), r(15, 3, interval=(8, 24))),
        case(
            "seems to rise three times",
            "HELIAR",
            "cotton",
            r(1, 1, 4, interval=(0, 3)),
            r(2, 1, 2),
            r(3, 1, interval=(2, 5)),
        ),
        case("a packet's shorter life is believed", "HELIAR", "cotton", r(0, 3, lure=9), lure_life=8),
        case("a packet does not stretch a life with a source", "HELIAR", "cotton", r(0, 3, lure=20), lure_life=60),
        case("a packet goes before our guess", "GNORAB", "tomato", r(0, 3, lure=40), lure_life=60),
        case("an unusual pair of pest and crop is watched", "PLUTMA", "cabbage", r(12, 3)),
    ]
    return [{**one, "advice": advice_of(one).to_json()} for one in found]


def advice_of(one: dict[str, Any]) -> Advice:
    readings = [
        Reading(
            datetime.fromisoformat(x["taken_at"]),
            x["count"],
            x["nights"],
            x["gate"],
            x["lure_age_days"],
            x["interval"],
            x.get("emptied", False),
        )
        for x in one["readings"]
    ]
    return advise(
        one["pest"],
        one["crop"],
        readings,
        datetime.fromisoformat(one["now"]),
        state=one["state"],
        inspections=[
            Inspection(datetime.fromisoformat(x["inspected_at"]), x["rule"], x["part"], x["looked"], x["found"])
            for x in one["inspections"]
        ],
        lure_life_days=one["lure_life_days"],
    )


def as_text() -> str:
    return json.dumps(cases(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(as_text(), encoding="utf-8")
