"""The one-SMS spelling of observations, for a phone that has no data: bits, an authentication tag, and base45.

Promises: what is read was written by the phone that it names, letter for letter; a fact read from an SMS carries the
number that the phone gave it, so the whole fact, which comes by HTTP later, is known to be the same (`is_same_in_sms`).
Refuses, each with its Problem, what is no such message, is changed on its way, or comes from another phone.
field/src/sync/sms.ts writes the same bits; docs/sms.md draws them.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pestwatch.domain.species import SPECIES
from pestwatch.errors import Problem
from pestwatch.sync.protocol import MAX_SEQ, CorrectionFact, Fact, ObservationFact, TypedFact, canonical, read_fact

VERSION = 1
PREFIX = "PW:"
TEXT_BYTES = 104
"""What 160 letters carry: three for the prefix, and 156 of base45, three letters for two bytes."""
BINARY_BYTES = 140
KEY_BYTES = 32
TAG_BYTES = 8
"""64 bits of HMAC-SHA256: forged texts at ten a second for a century have one chance in half a billion to hit."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PESTS: Final = tuple(str(key) for key in SPECIES)
VERDICTS = (None, "good", "doubtful", "rejected")


@dataclass(frozen=True)
class Told:
    """An observation as one SMS tells it.

    Args:
      observation: the whole fact; what does not fit is left out.
      pest: the species of its trap, the only one whose count is told.
      corrected: the farmer's own number, a fact of its own under the next sequence number; None: there is none.
    """

    observation: ObservationFact
    pest: str
    corrected: int | None = None


def write_sms(device: int, key: bytes, told: Sequence[Told], limit_bytes: int = TEXT_BYTES) -> tuple[bytes, int]:
    """Packs as many observations as fit.

    Args:
      device: the phone's number.
      key: its SMS key, KEY_BYTES long.
      told: oldest first, at least one.
      limit_bytes: TEXT_BYTES or BINARY_BYTES.

    Returns:
      The message, and how many of `told` are in it.
    """
    fitted, content = 1, _pack(device, told[:1])
    while fitted < len(told) and len(longer := _pack(device, told[: fitted + 1])) + TAG_BYTES <= limit_bytes:
        fitted, content = fitted + 1, longer
    return content + _tag(key, content), fitted


def to_text(message: bytes) -> str:
    """A message as letters that every phone network carries unchanged."""
    letters = [PREFIX]
    for start in range(0, len(message), 2):
        pair = message[start : start + 2]
        value = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            letters.append(BASE45[digit])
    return "".join(letters)


def from_text(text: str) -> bytes:
    """The message in a text, or in the hexadecimal digits that gateways make of a binary SMS.

    Raises:
      Problem 422.50: it is neither.
    """
    letters = text.strip().upper()  # some gateways fold case
    try:
        if not letters.startswith(PREFIX):
            return bytes.fromhex(letters)
        letters = letters.removeprefix(PREFIX)
        groups = [letters[start : start + 3] for start in range(0, len(letters), 3)]
        return b"".join(
            sum(BASE45.index(letter) * 45**place for place, letter in enumerate(group)).to_bytes(len(group) - 1)
            for group in groups
        )
    except (ValueError, OverflowError) as error:
        raise Problem("422.50", detail="its letters are none of ours") from error


def sender_of(message: bytes) -> int:
    """Which phone a message names; believe it only once `read_sms` has read the message with that phone's key.

    Raises:
      Problem 422.50: it is no message, or one of another version.
    """
    return _sender(_Bits(message))


def read_sms(message: bytes, key: bytes) -> list[Fact]:
    """The facts of a message, as short as they came, in the order of their numbers.

    Args:
      message: from `from_text`.
      key: of the phone that it names.

    Raises:
      Problem 401.4: that phone did not write it, or it was changed on its way.
      Problem 422.50: its phone wrote something that cannot be read.
    """
    content, tag = message[:-TAG_BYTES], message[-TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, content)):
        raise Problem("401.4")
    return [read_fact(canonical(document)) for document in _unpack(_Bits(content))]


def is_same_in_sms(one: TypedFact | None, other: TypedFact | None) -> bool:
    """Whether two facts of one number say the same, as far as an SMS says it; one of them came in one.

    What an SMS leaves out may differ: other species, the seconds, the photo and why it is doubtful, the model.
    """
    match one, other:
        case ObservationFact(), ObservationFact():
            pest = _common_species(_counts(one), _counts(other))
            return pest is not None and _subject(one) == _subject(other) and _told(one, pest) == _told(other, pest)
        case CorrectionFact(), CorrectionFact():
            pest = _common_species(one.body.counts, other.body.counts)
            same_subject = one.body.observation == other.body.observation
            return pest is not None and same_subject and one.body.counts[pest] == other.body.counts[pest]
        case _:
            return False


def _common_species(one: dict[str, int], other: dict[str, int]) -> str | None:
    """The one species of the shorter fact, if the longer has it too."""
    shorter, longer = sorted((one, other), key=len)
    return next(iter(shorter)) if len(shorter) == 1 and shorter.keys() <= longer.keys() else None


def _counts(fact: ObservationFact) -> dict[str, int]:
    """A rejected photo has no count; an SMS has room for one all the same and says 0 there."""
    body = fact.body
    is_uncounted = not body.counts and body.gate is not None and body.gate.verdict == "rejected"
    return dict.fromkeys(PESTS, 0) if is_uncounted else body.counts


def _subject(fact: ObservationFact) -> tuple[str, int]:
    return fact.body.trap, _minutes(fact.body.taken_at)


def _tag(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)[:TAG_BYTES]


def _minutes(at: datetime) -> int:
    return (at - EPOCH) // timedelta(minutes=1)


def _number(value: int, width: int) -> str:
    """A whole number >= 0: the lowest `width` bits first, each group behind a 1 if another follows."""
    value, group = divmod(value, 2**width)
    return f"{'1' if value else '0'}{group:0{width}b}" + (_number(value, width) if value else "")


def _signed(value: int, width: int) -> str:
    """Any whole number: 0, -1, 1, -2, ... are numbers 0, 1, 2, 3, ..."""
    return _number(value * 2 if value >= 0 else -value * 2 - 1, width)


def _pack(device: int, told: Sequence[Told]) -> bytes:
    traps = list(dict.fromkeys((one.observation.body.trap, one.pest) for one in told))
    bits = [f"{VERSION:04b}", _number(device, 7), _number(len(traps) - 1, 2)]
    for name, pest in traps:
        letters = (f"{NAME_LETTERS.index(letter):06b}" for letter in name)
        bits += [f"{len(name) - 1:04b}", *letters, _number(PESTS.index(pest), 5)]
    bits.append(_number(len(told) - 1, 4))
    seq = minutes = 0
    for one in told:
        fact, is_first = one.observation, not seq
        bits += [
            _number(fact.seq - seq - 1, 7 if is_first else 1),
            _signed(_minutes(fact.body.taken_at) - minutes, 7),
            _index(traps.index((fact.body.trap, one.pest)), len(traps)),
            _told(fact, one.pest),
        ]
        seq, minutes = fact.seq, _minutes(fact.body.taken_at)
        if fact.body.source == "photo":
            bits.append("0" if one.corrected is None else "1" + _number(one.corrected, 4))
            seq += one.corrected is not None
    joined = "".join(bits)
    size_bytes = -(-len(joined) // 8)
    return int(joined.ljust(size_bytes * 8, "0"), 2).to_bytes(size_bytes)


def _index(place: int, among: int) -> str:
    width = (among - 1).bit_length()
    return f"{place:0{width}b}" if width else ""


def _told(fact: ObservationFact, pest: str) -> str:
    """What an SMS says of one observation, besides its number, time and trap."""
    body = fact.body
    count, nights, age = body.counts.get(pest, 0), body.nights, body.lure_age_days
    bits = [
        _number(int(nights) if nights and nights == int(nights) else 0, 4),  # part of a night is told as unknown
        _number(count, 4),
        "1" if body.emptied else "0",
        _number(0 if age is None else age + 1, 5),
        "1" if body.source == "photo" else "0",
    ]
    if body.source == "photo":
        bits.append(f"{VERDICTS.index(body.gate and body.gate.verdict):02b}")
        least, greatest = (body.intervals or {}).get(pest, (1, 0))
        holds = least <= count <= greatest
        bits.append("1" + _number(count - least, 3) + _number(greatest - count, 3) if holds else "0")
    return "".join(bits)


class _Bits:
    """Reads a message from its first bit to its last."""

    def __init__(self, message: bytes) -> None:
        self._bits = f"{int.from_bytes(message):0{len(message) * 8}b}" if message else ""
        self._at = 0

    def take(self, width: int) -> int:
        """The next `width` bits."""
        if self._at + width > len(self._bits):
            raise Problem("422.50", detail="it ends too early")
        self._at += width
        return int(self._bits[self._at - width : self._at] or "0", 2)

    def number(self, width: int) -> int:
        """What `_number` wrote."""
        value = place = 0
        follows = 1
        while follows:
            follows = self.take(1)
            value += self.take(width) << place
            place += width
        if value > MAX_SEQ:
            raise Problem("422.50", detail="a number is too large")
        return value

    def signed(self, width: int) -> int:
        """What `_signed` wrote."""
        value = self.number(width)
        return -(value + 1) // 2 if value % 2 else value // 2

    def end(self) -> None:
        """Only zeros that fill the last byte may be left."""
        if len(self._bits) - self._at > 7 or int(self._bits[self._at :] or "0", 2):
            raise Problem("422.50", detail="it goes on after its end")


def _sender(bits: _Bits) -> int:
    if bits.take(4) != VERSION:
        raise Problem("422.50", detail="it is of another version")
    return bits.number(7)


def _unpack(bits: _Bits) -> list[dict[str, Any]]:
    _sender(bits)
    try:
        traps = [_trap(bits) for _ in range(bits.number(2) + 1)]
        documents: list[dict[str, Any]] = []
        seq = minutes = 0
        for _ in range(bits.number(4) + 1):
            seq += bits.number(1 if documents else 7) + 1
            minutes += bits.signed(7)
            trap, pest = traps[bits.take((len(traps) - 1).bit_length())]
            at = (EPOCH + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
            observed = _observed(bits, pest)
            documents.append(_fact(seq, "observation", at, {"trap": trap, "taken_at": at} | observed))
            if observed["source"] == "photo" and bits.take(1):
                recount = {"observation": seq, "counts": {pest: bits.number(4)}, "marks": None}
                seq += 1
                documents.append(_fact(seq, "correction", at, recount))
    except (IndexError, OverflowError) as error:
        raise Problem("422.50", detail="it names something that there is not") from error
    bits.end()
    return documents


def _fact(seq: int, kind: str, at: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "at": at, "body": body}


def _trap(bits: _Bits) -> tuple[str, str]:
    name = "".join(NAME_LETTERS[bits.take(6)] for _ in range(bits.take(4) + 1))
    return name, PESTS[bits.number(5)]


def _observed(bits: _Bits, pest: str) -> dict[str, Any]:
    nights, count, emptied, age = bits.number(4), bits.number(4), bits.take(1), bits.number(5)
    body: dict[str, Any] = {
        "source": "hand",
        "counts": {pest: count},
        "nights": nights or None,
        "emptied": bool(emptied),
        "lure_age_days": age - 1 if age else None,
    }
    if bits.take(1):
        body["source"] = "photo"
        verdict = VERDICTS[bits.take(2)]
        body["gate"] = verdict and {"verdict": verdict}
        if bits.take(1):
            body["intervals"] = {pest: [count - bits.number(3), count + bits.number(3)]}
    return body
