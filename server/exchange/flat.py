"""Plain CSV, one row for each species of each observation; and GeoJSON, one feature for each trap or taluka."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from server.exchange.sharing import GENERALISED, Outing, Shared, scientific_name, utc
from server.exchange.spreadsheet import open_table
from server.standing import whole_exposures

COLUMNS = (
    "observation", "trap", "district_code", "district", "taluka_code", "taluka", "trap_pest", "crop", "trap_type",
    "counted_at", "trap_nights", "species", "scientific_name", "insects", "least", "greatest", "counted_by", "model",
    "usable",
)  # fmt: skip


def write_csv(outing: Outing, out: BinaryIO) -> int:
    """Writes every count; returns how many observations."""
    observations = 0
    with open_table(out, COLUMNS) as table:
        for one in outing.observations():
            observations += 1
            place = (outing.region, outing.name, *_taluka(one))
            trap = (one.pest, one.crop, one.trap_type, utc(one.taken_at), one.nights)
            for species, insects in sorted(one.counts.items()):
                counted = (species, scientific_name(species), insects, *one.intervals.get(species, ("", "")))
                who = (one.counted_by, one.model, "yes" if one.is_usable else "no")
                table.writerow((one.id, one.trap, *place, *trap, *counted, *who))
    return observations


@dataclass
class Total:
    """What one trap, or the traps of one taluka for one pest, caught in the span."""

    last: Shared
    insects: int = 0
    nights: float = 0.0
    observations: int = 0
    traps: set[str] = field(default_factory=set)

    def add(self, one: Shared) -> None:
        """Adds an observation."""
        self.last = one
        self.insects += one.counts.get(one.pest, 0)
        self.nights += one.nights or 0.0
        self.observations += 1
        self.traps.add(one.trap)


def write_traps(outing: Outing, out: BinaryIO) -> int:
    """Writes one feature for each trap."""
    return _write_features(outing, out, lambda one: (one.trap,))


def write_talukas(outing: Outing, out: BinaryIO) -> int:
    """Writes one feature for each taluka and pest."""
    return _write_features(outing, out, lambda one: (*_taluka(one), one.pest))


def _write_features(outing: Outing, out: BinaryIO, group_of: Callable[[Shared], tuple[Any, ...]]) -> int:
    """Only the totals are held in memory: as many as there are traps, however long the span."""
    totals: dict[tuple[Any, ...], Total] = {}
    observations = 0
    for catch in whole_exposures(outing.catches()):
        one = outing.share(catch)
        totals.setdefault(group_of(one), Total(one)).add(one)
        observations += 1
    geometry = None
    if outing.district is not None:
        geometry = {"type": "Point", "coordinates": [outing.district.longitude, outing.district.latitude]}
    out.write(b'{"type":"FeatureCollection","features":[')
    for place, (group, total) in enumerate(totals.items()):
        properties = _properties(outing, total) | ({"trap": group[0]} if len(group) == 1 else {})
        feature = {"type": "Feature", "geometry": geometry, "properties": properties}
        out.write((b",\n" if place else b"\n") + msgspec.json.encode(feature))
    out.write(b"\n]}\n")
    return observations


def _properties(outing: Outing, total: Total) -> dict[str, Any]:
    one = total.last
    code, name = _taluka(one)
    return {
        "district_code": outing.region,
        "district": outing.name,
        "taluka_code": code,
        "taluka": name,
        "place": GENERALISED,
        "pest": one.pest,
        "scientific_name": scientific_name(one.pest),
        "from": outing.first,
        "to": outing.last,
        "traps": len(total.traps),
        "observations": total.observations,
        "insects": total.insects,
        "trap_nights": round(total.nights, 2),
        "catch_per_trap_night": round(total.insects / total.nights, 3),
    }


def _taluka(one: Shared) -> tuple[int | None, str | None]:
    return (one.taluka.lgd_code, one.taluka.name) if one.taluka else (None, None)
