"""Cases that hold the two twins of the SMS together: `python -m tests.golden.sms_cases` writes sms.json."""

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pestwatch.sync.protocol import CorrectionFact, ObservationFact, TrapFact, TypedFact
from pestwatch.sync.sms import BINARY_BYTES, PESTS, TEXT_BYTES, VERDICTS, Told, to_text, write_sms
from tests.factories import NOW, correction_fact, observation_fact, trap_fact

GOLDEN = Path(__file__).with_name("sms.json")
KEY = bytes(range(32))
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def by_hand(seq: int, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    counted = {"source": "hand", "counts": {"HELIAR": 12}, "model": None, "gate": None, "decoded_scale": None}
    return observation_fact(seq, at, **(counted | body))


def twice_a_week(number: int, source: str, traps: tuple[str, ...] = ("k7m2x9qd",)) -> list[dict[str, Any]]:
    """The waiting observations of traps that are looked at twice a week, one after the other, after their descriptions."""
    facts = [trap_fact(seq, trap=trap) for seq, trap in enumerate(traps, start=1)]
    for n in range(number):
        visit, place = divmod(n, len(traps))
        week, day = visit // 2, (0, 3)[visit % 2]
        at = NOW + timedelta(days=week * 7 + day, minutes=37 * week + 4 * place)
        body: dict[str, Any] = {"trap": traps[place], "nights": 3}
        if source == "hand":
            facts.append(by_hand(140 + n, at, **body))
        else:
            facts.append(observation_fact(140 + n, at, intervals={"HELIAR": [5, 19]}, **body))
    return facts


def drawn(seed: int) -> list[dict[str, Any]]:
    """Facts as a phone might have made them, and some as hardly any would."""
    dice = random.Random(seed)
    names = ["".join(dice.choices(LETTERS, k=dice.randint(1, 16))) for _ in range(dice.randint(1, 5))]
    seq = dice.choice([1, 300, 2**31, 2**52])
    facts = [trap_fact(seq + n, trap=name, pest=dice.choice(PESTS)) for n, name in enumerate(names)]
    pests = {fact["body"]["trap"]: fact["body"]["pest"] for fact in facts}
    seq += len(facts)
    for _ in range(dice.randint(1, 30)):
        seq += dice.choice([0, 0, 0, 1, 9, 400])
        trap, count = dice.choice(names), dice.choice([0, 3, 15, 16, 130, 5000])
        at = NOW + timedelta(seconds=dice.choice([60, 90_061, 86_400 * 9, -86_400 * 15_000]) * dice.randint(-2, 3))
        body = {"trap": trap, "counts": {pests[trap]: count}, "emptied": dice.random() < 0.5}
        body |= {"nights": dice.choice([None, 0.25, 1, 7, 120]), "lure_age_days": dice.choice([None, 0, 30, 31, 3650])}
        if dice.random() < 0.4:
            facts.append(by_hand(seq, at=at, **body))
        else:
            verdict = dice.choice(VERDICTS)
            body["gate"] = verdict and {"verdict": verdict, "reason": None}
            body["intervals"] = dice.choice([None, {}, {pests[trap]: [count // 3, count * 2]}, {pests[trap]: [9, 2]}])
            facts.append(observation_fact(seq, at, **body))
            if dice.random() < 0.3:
                seq += 1
                facts.append(correction_fact(seq, seq - 1, at, counts={pests[trap]: dice.randint(0, 300)}))
        seq += 1
    return facts


def told(facts: list[dict[str, Any]]) -> list[Told]:
    """What of these facts an SMS can tell, as `toTell` in field/src/sync/sms.ts chooses it."""
    pests: dict[str, str] = {}
    chosen: list[Told] = []
    for fact in msgspec.convert(facts, list[TypedFact]):
        match fact:
            case TrapFact():
                pests[fact.body.trap] = fact.body.pest
            case ObservationFact() if pests.get(fact.body.trap) in fact.body.counts:
                chosen.append(Told(fact, pests[fact.body.trap]))
            case CorrectionFact():
                chosen[-1] = replace(chosen[-1], corrected=fact.body.counts[chosen[-1].pest])
    return chosen


def case(name: str, facts: list[dict[str, Any]], device: int = 1234, limit_bytes: int = TEXT_BYTES) -> dict[str, Any]:
    message, fitted = write_sms(device, KEY, told(facts), limit_bytes)
    said = {"name": name, "device": device, "limit_bytes": limit_bytes, "facts": facts}
    return said | {"text": to_text(message), "fitted": fitted}


def cases() -> list[dict[str, Any]]:
    every_pest = [trap_fact(n + 1, trap=f"t{n}", pest=pest) for n, pest in enumerate(PESTS)]
    counts = [by_hand(n + 50, trap=f"t{n}", counts={pest: n}) for n, pest in enumerate(PESTS)]
    return [
        case("counted by hand, twice a week", twice_a_week(20, "hand")),
        case("counted from photos, twice a week", twice_a_week(20, "photo")),
        case("counted by hand, in a binary SMS", twice_a_week(28, "hand"), limit_bytes=BINARY_BYTES),
        case("counted from photos, in a binary SMS", twice_a_week(28, "photo"), limit_bytes=BINARY_BYTES),
        case("one observation and its correction", [trap_fact(1), observation_fact(2), correction_fact(3, 2)]),
        case("every pest", every_pest + counts, limit_bytes=BINARY_BYTES),
        *(case(f"drawn {seed}", drawn(seed), 10**seed, (TEXT_BYTES, BINARY_BYTES)[seed % 2]) for seed in range(12)),
    ]


def as_text() -> str:
    return (
        json.dumps({"key": KEY.hex(), "cases": cases()}, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n"
    )


if __name__ == "__main__":
    GOLDEN.write_text(as_text(), encoding="utf-8")
