"""Phones as the benchmark plays them: what a lead farmer counted in two weeks, and the message that the app makes of it.

The reference observation is one count by photo whose photo stays on the phone: three species, two 90 % intervals, nights,
age of the lure, the photo gate's word, the model. Fifty of them are four rounds over twelve traps and two counts more. Traps,
times, numbers and verdicts are drawn by chance, catches as in the field: clustered, many zeros.
"""

import json
import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from pestwatch.sync.signature import HEADER, public_half, sign
from pestwatch.sync.table import FACTS, to_table

NOW = datetime.now(UTC).replace(microsecond=0)
"""The phones' clocks are right: one that is off would be told so, and that takes bytes."""
TRAPS = 12
MODEL = json.loads((Path(__file__).parents[2] / "mobile_models" / "releases" / "base" / "current.json").read_text())[
    "version"
]
HOST = "pestwatch.example.org"
CHROMIUM = (
    "POST /api/v1/sync HTTP/1.1",
    f"Host: {HOST}",
    "Connection: keep-alive",
    "Content-Length: {length}",
    "authorization: Bearer {token}",
    "content-encoding: {encoding}",
    HEADER.lower() + ": {signature}",
    "accept-language: mr",
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Mobile Safari/537.36",
    "content-type: {media_type}",
    "Accept: */*",
    f"Origin: https://{HOST}",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: same-origin",
    "Sec-Fetch-Dest: empty",
    "Accept-Encoding: gzip, deflate, br, zstd",
)
"""What Chromium 153 sends for the app's sync, to the byte; tests/field/test_wire.py holds it to that."""


def counts(random: Random, first: int, count: int, now: datetime = NOW) -> list[dict[str, Any]]:
    """The newest `count` observations of a lead farmer, oldest first."""
    facts: list[dict[str, Any]] = []
    rounds = -(-count // TRAPS)
    for turn in range(rounds):
        day = now - timedelta(days=3 * (rounds - turn))
        at = day.replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(seconds=random.randrange(7200))
        for trap in range(1, TRAPS + 1):
            at += timedelta(seconds=random.randrange(150, 700))
            nights = 3 if turn else random.randrange(2, 9)
            facts.append(_observation(random, first + len(facts), f"t{trap}", at, nights, 4 + 3 * turn))
    return facts[:count]


def _observation(random: Random, seq: int, trap: str, at: datetime, nights: int, lure: int) -> dict[str, Any]:
    said = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    bollworms, others, large = _catch(random, 9), _catch(random, 0.3), _catch(random, 0.5)
    gate = {"verdict": "good", "reason": None}
    if random.random() < 0.15:
        gate = {"verdict": "doubtful", "reason": random.choice(["too_dark", "too_blurred"])}
    body = {
        "trap": trap,
        "taken_at": said,
        "source": "photo",
        "counts": {"GNORAB": others, "HELIAR": bollworms, "NOCTUID_LARGE": large},
        "nights": nights,
        "emptied": True,
        "lure_age_days": lure,
        "model": MODEL,
        "gate": gate,
        "intervals": {"GNORAB": _interval(others), "HELIAR": _interval(bollworms)},
        "photo": None,
        "photo_consent": False,
        "decoded_scale": 1,
    }
    return {"seq": seq, "kind": "observation", "at": said, "body": body}


def _catch(random: Random, mean: float) -> int:
    """A negative binomial number: clustered, as catches are."""
    limit, product, number = math.exp(-random.gammavariate(1.2, mean / 1.2)), random.random(), 0
    while product > limit:
        product *= random.random()
        number += 1
    return number


def _interval(count: int) -> list[int]:
    return [max(0, round(count * 0.75 - 1.5)), round(count * 1.3 + 2)]


@dataclass
class Phone:
    """An enrolled phone with a key of its own."""

    token: str
    key: EllipticCurvePrivateKey
    cursor: str | None = "1.2a"

    @property
    def public_key(self) -> str:
        """As the server knows it."""
        return public_half(self.key)

    def request(self, facts: list[dict[str, Any]], media_type: str = "application/cbor", now: datetime = NOW) -> bytes:
        """The whole request as it goes over the wire."""
        message = {
            "v": 1,
            "sent_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "cursor": self.cursor,
            "locale": "mr",
            "app": "0.1.0",
            "model": MODEL,
            "region": "IN-MH-500",
            "facts": to_table(facts, FACTS),
        }
        if media_type == "application/cbor":
            body = zlib.compress(cbor2.dumps(message))
        else:
            body = zlib.compress(json.dumps(message, separators=(",", ":")).encode())
        head = "\r\n".join(CHROMIUM).format(
            length=len(body),
            token=self.token,
            encoding="deflate",
            signature=sign(self.key, body),
            media_type=media_type,
        )
        return head.encode() + b"\r\n\r\n" + body


def accepted(answer: bytes) -> bool:
    """Whether an answer says that every fact was stored."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return False
    document = cbor2.loads(body) if b"application/cbor" in head else json.loads(body)
    return len(document["items"]["usual"]) <= 1  # their numbers, and nothing unusual
