"""Districts and sub-districts by their code: names are labels that change, codes are keys.

No outlines: lgd/README.md says why, and where the tables come from.
"""

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).parent / "lgd"


@dataclass(frozen=True)
class State:
    """A state or union territory.

    Args:
      key: ISO 3166-2 code such as IN-MH.
      lgd_code: Local Government Directory code (not the GST code).
      name: English.
      locales: BCP-47 codes, the usual one first.
      cotton_zone: north, central, south, other or empty.
    """

    key: str
    lgd_code: int
    name: str
    locales: tuple[str, ...]
    cotton_zone: str


@dataclass(frozen=True)
class District:
    """A district.

    Args:
      key: region id such as IN-MH-500.
      name: English.
      state: its State's key.
      longitude: degrees, of a point inside.
      latitude: degrees, of a point inside.
      neighbours: keys of districts that share an edge.
    """

    key: str
    name: str
    state: str
    longitude: float
    latitude: float
    neighbours: tuple[str, ...]


@dataclass(frozen=True)
class Subdistrict:
    """A taluka, tehsil or mandal, by its LGD code."""

    lgd_code: int
    name: str
    district: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as table:
        yield from csv.DictReader(table)


@functools.cache
def states() -> dict[str, State]:
    """Every state by its key."""
    return {
        row["id"]: State(
            row["id"],
            int(row["lgd_code"]),
            row["name"],
            tuple(row["languages_bcp47"].split()),
            row["cotton_zone"],
        )
        for row in _rows("states.csv")
    }


@functools.cache
def districts() -> dict[str, District]:
    """Every district by its region id."""
    return {
        row["id"]: District(
            row["id"],
            row["name"],
            f"IN-{row['state']}",
            float(row["lon"]),
            float(row["lat"]),
            tuple(row["neighbours"].split()),
        )
        for row in _rows("districts.csv")
    }


@functools.cache
def subdistricts() -> dict[str, tuple[Subdistrict, ...]]:
    """The sub-districts of each district."""
    found: dict[str, list[Subdistrict]] = {}
    for row in _rows("subdistricts.csv"):
        found.setdefault(row["district_id"], []).append(
            Subdistrict(int(row["lgd_code"]), row["name"], row["district_id"])
        )
    return {district: tuple(sorted(all_of, key=lambda s: s.name)) for district, all_of in found.items()}


def state_of(region: str) -> str | None:
    """Key of the state that a region id lies in, or None for an unknown one."""
    district = districts().get(region)
    return district.state if district else None
