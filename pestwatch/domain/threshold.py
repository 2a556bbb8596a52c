"""Action thresholds with unit, region, tier and source; read from thresholds.toml.

A trap threshold starts an inspection, never a spray. Figures of vendors and app publishers
(role do_not_use, tier D) are kept so that nobody adds them again, and are never used.
"""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pestwatch.domain.species import SpeciesId

TABLE = Path(__file__).with_name("thresholds.toml")

Kind = Literal["trap", "plant"]
Role = Literal["inspect_plants", "release_parasitoids", "confirm_before_chemicals", "do_not_use"]


@dataclass(frozen=True)
class Threshold:
    """One row of the table.

    Args:
      id: stable key, e.g. PECTGO-1.
      species: the pest.
      crops: where it applies; empty means any.
      kind: a trap catch, or a sample of plants.
      metric: what is counted.
      value_min: the number as the source gives it; the lower one of a range.
      value_max: the upper one of a range, else the same.
      unit: as the source gives it.
      nights: nights that the unit spans; None when the source counts per visit or plants.
      consecutive: readings in a row at or above it.
      states: keys of the states it is for; empty means India.
      region: the source's own words for where.
      role: what reaching it means.
      tier: evidence A to E.
      source: URL or document.
      note: conflicts and caveats.
      density_traps: trap density with its unit.
      part: of a plant row, what is looked at one after another (pestwatch/domain/tally.py).
      sample: how many of them.
      serious: how many damaged ones, or with `each` how many insects in all, reach the threshold in such a sample.
      each: insects are counted on every one, rather than damaged ones.
      sample_source: whose sample it is.
    """

    id: str
    species: SpeciesId
    crops: tuple[str, ...]
    kind: Kind
    metric: str
    value_min: float
    value_max: float
    unit: str
    consecutive: int
    states: tuple[str, ...]
    region: str
    role: Role
    tier: str
    source: str
    nights: int | None = None
    note: str = ""
    density_traps: str = ""
    part: str = ""
    sample: int = 0
    serious: int = 0
    each: bool = False
    sample_source: str = ""

    @property
    def value_per_night(self) -> float | None:
        """Catch per trap-night that reaches it: the lower end of a range, because looking early is cheap."""
        return self.value_min / self.nights if self.nights else None

    @property
    def is_usable(self) -> bool:
        """False for figures that are kept only so that nobody adds them again."""
        return self.role != "do_not_use" and self.tier != "D"

    def applies_to(self, crop: str, state: str | None) -> bool:
        """Whether it holds for this crop in this state (None: unknown, so only rules for all of India)."""
        return (not self.crops or crop in self.crops) and (not self.states or state in self.states)


@functools.cache
def thresholds() -> tuple[Threshold, ...]:
    """Every row, in the order of the table."""
    rows: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["threshold"]
    return tuple(Threshold(**{**row, "crops": tuple(row["crops"]), "states": tuple(row["states"])}) for row in rows)


def threshold_for(kind: Kind, species: str, crop: str, state: str | None = None) -> Threshold | None:
    """The rule to use: the state's own before India's, in the order of the table.

    Returns:
      None when no institution gives a number: then there is none, and none is invented.
    """
    fitting = [
        row
        for row in thresholds()
        if row.kind == kind and row.species == species and row.is_usable and row.applies_to(crop, state)
    ]
    return next((row for row in fitting if row.states), None) or next(iter(fitting), None)
