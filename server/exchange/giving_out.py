"""Gives observations out in one of the formats, and notes in `transfers` that it was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO

from sqlalchemy import Engine

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from server.config import Settings
from server.db import transfers
from server.db.session import session_scope
from server.db.tables import Region
from server.exchange.camtrap import write_camtrap
from server.exchange.darwin_core import write_darwin_core
from server.exchange.figures import write_figures
from server.exchange.flat import write_csv, write_talukas, write_traps
from server.exchange.plants import write_plants
from server.exchange.sharing import Outing


@dataclass(frozen=True)
class Format:
    """One way to write observations.

    Args:
      suffix: of the file's name.
      media_type: for Content-Type.
      write: writes them and says how many there were.
    """

    suffix: str
    media_type: str
    write: Callable[[Outing, BinaryIO], int]


FORMATS: Mapping[str, Format] = {
    "csv": Format("csv", "text/csv", write_csv),
    "geojson-traps": Format("geojson", "application/geo+json", write_traps),
    "geojson-talukas": Format("geojson", "application/geo+json", write_talukas),
    "plants": Format("csv", "text/csv", write_plants),
    "darwin-core": Format("zip", "application/zip", write_darwin_core),
    "camtrap-dp": Format("zip", "application/zip", write_camtrap),
    "figures": Format("csv", "text/csv", write_figures),
}
"""By name; `figures` alone is for the public."""


def file_name(region: str, kind: str, first: date, last: date) -> str:
    """What the file is called."""
    return f"pestwatch-{region}-{kind}-{first}-{last}.{FORMATS[kind].suffix}"


def give_out(
    engine: Engine,
    settings: Settings,
    region: Region,
    kind: str,
    out: BinaryIO,
    *,
    first: date,
    last: date,
    staff: int | None,
    now: datetime,
) -> int:
    """Writes a region's observations.

    Args:
      engine: the database.
      settings: publisher and keys.
      region: one that the person may see.
      kind: key of FORMATS.
      out: an empty file, open for reading and writing; whole once this returns.
      first: the first day, in India.
      last: the last one.
      staff: who does it; None on the command line.
      now: aware instant.

    Returns:
      How many observations, looks at plants, or lines of figures, were written.

    Raises:
      Problem 404.1: there is no such format.
      Problem 422.5: the last day lies before the first.
    """
    if kind not in FORMATS:
        raise Problem("404.1", name=kind)
    if last < first:
        raise Problem("422.5", field="last", detail="it lies before the first day")
    root = open_installation(settings.keys_dir, now.replace(microsecond=0)).root
    outing = Outing(engine, region.id, region.name, first, last, now, settings.publisher, root.key_id)
    rows = FORMATS[kind].write(outing, out)
    digest = transfers.fingerprint(out)
    told = {"first": first, "last": last, "rows": rows}
    with session_scope(engine) as session:
        transfers.record_transfer(
            session, region.id, "out", staff=staff, now=now, name=kind, content_sha256=digest, told=told
        )
    return rows
