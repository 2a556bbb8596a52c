"""A row of another system -> the facts that a phone would have sent for it, or everything that is wrong with it.

The facts go through the phones' own protocol and are held to the same rules. Ids come from the source's, so a row that
is imported again is the same fact again.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec

from pestwatch.domain.catch import nights_between
from pestwatch.domain.places import subdistricts
from pestwatch.domain.species import CROPS, SPECIES, TRAP_TYPES, TRAPPED
from pestwatch.errors import Problem
from pestwatch.sync.protocol import MAX_SEQ, Fact, read_fact
from server.exchange.mapping import Field, FieldMapping, first_filled
from server.exchange.submissions import Row

YES, NO = {"yes", "true", "1", "y"}, {"no", "false", "0", "n"}
CLOCKS_DIFFER = timedelta(days=1)
"""A count from tomorrow is a wrong date; one from a minute ahead is another clock."""


@dataclass(frozen=True)
class Visit:
    """What one row says.

    Args:
      row: where it stood.
      trap: the trap as it is described.
      observation: the count.
    """

    row: Row
    trap: Fact
    observation: Fact


@dataclass(frozen=True)
class Trouble:
    """Something in a row that a person has to correct."""

    row: Row
    problem: Problem


class Unfit(ValueError):
    """A cell that does not say what its field needs; the text says what would."""


def read_visit(row: Row, mapping: FieldMapping, region: str, now: datetime) -> Visit | list[Trouble]:
    """Reads a row.

    Args:
      row: from `read_rows`.
      mapping: which column says what.
      region: district that the observations are imported for; `taluka` is one of its sub-districts.
      now: aware instant; nothing was counted after it.
    """
    told: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    readers = _readers(region, mapping.zone, now)
    for field in get_args(Field):
        _read(field, mapping.said(field, row.cells), readers[field], told, wrong)
    counts = _read_counts(row, mapping, told, wrong)
    if wrong:
        return [_trouble(row, mapping, field, detail) for field, detail in wrong.items()]
    trap, observation = _bodies(told, counts, region)
    instance = first_filled(mapping.id, row.cells).removeprefix("uuid:")
    at = observation["taken_at"]
    facts = (
        _fact("trap", at, trap, stable_seq("trap", msgspec.json.encode(trap, order="sorted").decode(), at)),
        _fact("observation", at, observation, stable_seq("observation", instance or f"{trap['trap']} {at}")),
    )
    broken = [_trouble(row, mapping, *_said_of(fact.problem)) for fact in facts if fact.problem]
    return broken or Visit(row, *facts)


def stable_seq(*words: str) -> int:
    """A sequence number made from words: always the same for the same ones.

    53 bits: among a million rows of one source, two share a number once in 18,000 times, and are told as a conflict.
    """
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8]) % MAX_SEQ + 1


def trap_key(name: str) -> str:
    """A trap's name as phones write it: kept if it can be, else made from it."""
    plain = name.lower()
    return plain if re.fullmatch(r"[a-z0-9]{1,16}", plain) else "x" + hashlib.sha256(name.encode()).hexdigest()[:15]


def _read(field: str, written: str, reader: Callable[[str], Any], told: dict[str, Any], wrong: dict[str, str]) -> None:
    if written:
        try:
            told[field] = reader(written)
        except Unfit as error:
            wrong[field] = str(error)
    elif field in {"trap", "taken_at", "pest", "crop", "trap_type"}:
        wrong[field] = "it is empty"


def _read_counts(row: Row, mapping: FieldMapping, told: Mapping[str, Any], wrong: dict[str, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for species, columns in mapping.counts.items():
        if species not in SPECIES:
            wrong[species] = "the mapping names a pest that is not known here"
        else:
            _read(species, first_filled(columns, row.cells), _whole, counts, wrong)
    if "count" in told and "pest" in told:
        counts[told["pest"]] = told["count"]
    if not counts and not wrong:
        wrong["count"] = "nothing was counted: write 0 if the trap was empty"
    return counts


def _bodies(told: Mapping[str, Any], counts: dict[str, int], region: str) -> tuple[dict[str, Any], dict[str, Any]]:
    key = trap_key(told["trap"])
    trap = {
        "trap": key,
        "name": told.get("trap_name", told["trap"])[:60],
        "pest": told["pest"],
        "crop": told["crop"],
        "trap_type": told["trap_type"],
        "district": region,
        "subdistrict": told.get("taluka"),
        "village": told.get("village"),
    }
    emptied_at = told.get("emptied_at")
    nights = told.get("nights", nights_between(emptied_at, told["taken_at"]) if emptied_at else None)
    observation = {
        "trap": key,
        "taken_at": told["taken_at"].astimezone(UTC).isoformat(),
        "source": "hand",
        "counts": counts,
        "nights": nights,
        "emptied": told.get("emptied", True),
        "lure_age_days": told.get("lure_age_days"),
    }
    return trap, observation


def _fact(kind: str, at: str, body: Mapping[str, Any], seq: int) -> Fact:
    return read_fact(msgspec.json.encode({"seq": seq, "kind": kind, "at": at, "body": body}))


def _said_of(problem: Problem) -> tuple[str, str]:
    """Field and detail of what the protocol refuses: `body.counts[...]` is about the counts."""
    path = str(problem.params.get("field", "")).removeprefix("body.").partition("[")[0]
    return {"counts": "count", "subdistrict": "taluka", "name": "trap_name"}.get(path, path), str(
        problem.params.get("detail")
    )


def _trouble(row: Row, mapping: FieldMapping, field: str, detail: str) -> Trouble:
    return Trouble(row, Problem("422.42", row=row.number, column=mapping.column(field), detail=detail))


@functools.cache
def _talukas(region: str) -> dict[str, int]:
    """LGD codes of a district's sub-districts by name and by the code itself, as text."""
    known = subdistricts().get(region, ())
    return {one.name.casefold(): one.lgd_code for one in known} | {str(one.lgd_code): one.lgd_code for one in known}


def _readers(region: str, zone: str, now: datetime) -> dict[Field, Callable[[str], Any]]:
    def instant(written: str) -> datetime:
        try:
            read = datetime.fromisoformat(written)
            read = read if read.tzinfo else datetime.fromisoformat(f"{read.isoformat()}{zone}")
        except ValueError as error:
            raise Unfit("write day and time as 2026-11-25T10:30") from error
        if read > now + CLOCKS_DIFFER:
            raise Unfit("it lies in the future")
        return read

    def taluka(written: str) -> int:
        try:
            return _talukas(region)[written.casefold()]
        except KeyError as error:
            raise Unfit(f"{region} has no taluka of this name or code") from error

    return {
        "trap": str,
        "trap_name": str,
        "taken_at": instant,
        "pest": _pest,
        "crop": _one_of(CROPS),
        "trap_type": _one_of(TRAP_TYPES),
        "count": _whole,
        "nights": _nights,
        "emptied_at": instant,
        "emptied": _yes_or_no,
        "lure_age_days": _whole,
        "taluka": taluka,
        "village": str,
    }


def _pest(written: str) -> str:
    by_name = {species.scientific.casefold(): key for key, species in SPECIES.items()}
    key = by_name.get(written.casefold(), written.upper())
    if key not in TRAPPED:
        raise Unfit("it names no pest that traps are hung for: write its EPPO code or its Latin name")
    return key


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(written: str) -> str:
        if written not in words:
            raise Unfit(f"it must be one of {', '.join(words)}")
        return written

    return read


def _whole(written: str) -> int:
    # 12.0 is how spreadsheets write 12.
    if not re.fullmatch(r"\d{1,6}(\.0+)?", written):
        raise Unfit("a whole number is expected")
    return int(written.partition(".")[0])


def _nights(written: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", written):
        raise Unfit("a number of nights is expected")
    return float(written)


def _yes_or_no(written: str) -> bool:
    if written.casefold() not in YES | NO:
        raise Unfit("yes or no is expected")
    return written.casefold() in YES
