"""Makes wire.json: lists, the tables that they are written as, both as CBOR, and a phone's signature.

python -m tests.golden.wire_cases
"""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from pestwatch.sync.protocol import AdvisoryChange, DropChange, RecountChange
from pestwatch.sync.signature import public_half, sign
from pestwatch.sync.table import FACTS, ITEMS, Usual, to_table
from tests.factories import NOW, correction_fact, observation_fact, service_fact, trap_fact

GOLDEN = Path(__file__).with_name("wire.json")
KEY = derive_private_key(20261125, SECP256R1())
SIGNED = b"a body as it travels"


def a_round(seed: int, count: int) -> list[dict[str, Any]]:
    """Counts of twelve traps, some corrected, some by hand, some with a photo that may be sent."""
    drawn, facts = random.Random(seed), []
    for place in range(count):
        at = NOW - timedelta(seconds=(count - place) * 400 + drawn.randrange(200))
        count_, seq = drawn.randrange(30), len(facts) + 1
        body: dict[str, Any] = {"trap": f"t{place % 12}", "counts": {"HELIAR": count_}, "nights": 3}
        if drawn.random() < 0.6:
            body["counts"] |= {"GNORAB": drawn.randrange(2), "NOCTUID_LARGE": drawn.randrange(3)}
            body["intervals"] = {"HELIAR": [count_ // 2, count_ * 2]}
        if drawn.random() < 0.2:
            body |= {"source": "hand", "gate": None, "model": None, "decoded_scale": None, "nights": None}
        if drawn.random() < 0.1:
            marks = [{"x": 0.25, "y": 0.5, "species": "HELIAR"}]
            body |= {
                "photo": f"{place:064x}",
                "photo_consent": True,
                "marks": marks,
                "gate": {"verdict": "doubtful", "reason": "too_dark"},
            }
        fact = observation_fact(seq, at, **({"nights": 3, "decoded_scale": 1} | body))
        facts.append(fact)
        if drawn.random() < 0.3:
            facts.append(correction_fact(seq + 1, seq, at))
    return facts


def case(name: str, rows: list[Any], usual: Usual = FACTS) -> dict[str, Any]:
    table = to_table(rows, usual)
    spelled = [cbor2.dumps(document).hex() if document is not None else None for document in (rows, table)]
    kind = "items" if usual is ITEMS else "facts"
    return {"name": name, "kind": kind, "rows": rows, "table": table, "rows_cbor": spelled[0], "table_cbor": spelled[1]}


def cases() -> list[dict[str, Any]]:
    problem = {
        "number": "422.5",
        "message": "The field %(field)s is wrong.",
        "params": {"field": "body.counts"},
        "text": "…",
    }
    stored = [{"seq": seq, "status": "stored", "problem": None} for seq in range(101, 121)]
    refused = [
        *stored[:3],
        {"seq": 104, "status": "rejected", "problem": problem},
        {"seq": None, "status": "rejected", "problem": problem},
    ]
    told = (
        DropChange("IN-MH-501"),
        AdvisoryChange(7, "IN-MH-501", "t1", {"pest": "HELIAR", "crop": "cotton", "level": "red"}, NOW),
        RecountChange(3, {"HELIAR": 13}, "officer", NOW),
    )
    one_of_each = [trap_fact(1), service_fact(2), observation_fact(3, decoded_scale=1, nights=2), correction_fact(4)]
    return [
        case("one of each kind", one_of_each),
        case("nothing", []),
        case(
            "fields of a newer app",
            [observation_fact(1, decoded_scale=1, nights=2, humidity=0.25) | {"mood": {"deep": {"er": "नमस्ते 🌱"}}}],
        ),
        case(
            "lists, objects and nulls", [{"a": []}, {"a": {}}, {"a": [1, [2], {}]}, {"a": None}, {"a": {"b": []}}, {}]
        ),
        case(
            "numbers that are no differences", [{"seq": 2**53 - 1}, {"seq": -(2**53) + 1}, {"seq": 0.5}, {"seq": True}]
        ),
        case(
            "words that look like times",
            [{"at": at} for at in ("2026-02-30T00:00:00Z", "2026-02-28T24:00:00Z", "0000-01-01T00:00:00Z")],
        ),
        case(
            "times before the clock was set",
            [{"at": at} for at in ("1980-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-11-25T06:00:00Z")],
        ),
        case("a name with a dot", [{"a.b": 1}]),
        case("rising and falling", [{"n": n} for n in (70000, 70001, 70002, 69000, 300, 300, 300)]),
        *(case(f"drawn {seed}", a_round(seed, 10 * seed)) for seed in range(1, 4)),
        case("all stored", stored, ITEMS),
        case("some refused", refused, ITEMS),
        case("changes", [*msgspec.to_builtins(told), {"kind": "a kind of a newer server"}]),
        case("all known already", [item | {"status": "duplicate"} for item in stored], ITEMS),
    ]


def as_text() -> str:
    # ECDSA draws a number for each signature, so the one that stands in the file stays there.
    kept = json.loads(GOLDEN.read_text())["signature"] if GOLDEN.exists() else {}
    made = {"public_key": public_half(KEY), "body": SIGNED.decode()}
    signature = made | {"signature": kept.get("signature") or sign(KEY, SIGNED)}
    written = json.dumps({"signature": signature, "cases": cases()}, separators=(",", ":"), ensure_ascii=False)
    return written.replace('{"name"', '\n{"name"') + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(as_text(), encoding="utf-8")
