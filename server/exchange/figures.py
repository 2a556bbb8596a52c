"""Figures for the public: catch by taluka, pest and meteorological week, none of which is about a few farmers.

Promises: every number that is printed, and every difference of printed numbers, is about at least `LEAST` farmers and
`LEAST` traps. For each pest and week, talukas with fewer are told together, as the rest; while the rest is too small
itself, the smallest other taluka joins it; and when all of the district is too small, nothing is told. So the printed
lines are disjoint and each is large enough, and adding or subtracting them only ever gives unions of them. No total is
printed that covers anything else. Only whole weeks are told, so that two spans cannot be subtracted either.
Source of the method: cell suppression with complementary suppression, Willenborg and de Waal, Elements of Statistical
Disclosure Control (2001). The number is ours, as is the limit: it protects against readers, not against neighbours who
add up what they know themselves, nor against comparing what was printed before and after a late count came in.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import BinaryIO, Self

from pestwatch.surveillance.rollup import INDIA, WEEKS, MeteorologicalWeek, first_day, meteorological_week
from server.db.catches import Catch, TrapId
from server.exchange.sharing import Outing, scientific_name
from server.exchange.spreadsheet import open_table
from server.standing import whole_exposures

LEAST = 5
REST = "other talukas"
COLUMNS = (
    "district_code", "district", "taluka_code", "taluka", "pest", "scientific_name", "week_year", "week", "from", "to",
    "traps", "insects", "trap_nights", "catch_per_trap_night",
)  # fmt: skip


@dataclass
class Cell:
    """What the traps of some talukas caught of a pest in a week.

    Args:
      talukas: LGD codes; None for traps that did not say theirs.
      farmers: phones. An imported source counts as one, as nobody knows whose its traps are.
    """

    talukas: tuple[int | None, ...]
    insects: int = 0
    nights: float = 0.0
    traps: set[TrapId] = field(default_factory=set)
    farmers: set[int] = field(default_factory=set)

    @property
    def is_large(self) -> bool:
        """Whether it may be printed."""
        return len(self.farmers) >= LEAST and len(self.traps) >= LEAST

    def add(self, catch: Catch) -> None:
        """Adds a count."""
        self.insects += catch.count or 0
        self.nights += catch.nights or 0.0
        self.traps.add(catch.trap)
        self.farmers.add(catch.trap.device)

    def with_(self, other: Self) -> "Cell":
        """Both together."""
        return Cell(
            self.talukas + other.talukas,
            self.insects + other.insects,
            self.nights + other.nights,
            self.traps | other.traps,
            self.farmers | other.farmers,
        )


def printable(cells: Sequence[Cell]) -> list[Cell]:
    """Cells of one pest and week -> those that may be printed; what covers several talukas is the rest."""
    large = sorted((cell for cell in cells if cell.is_large), key=lambda cell: (len(cell.farmers), len(cell.traps)))
    small = [cell for cell in cells if not cell.is_large]
    if not small:
        return large
    rest = small[0]
    for cell in small[1:]:
        rest = rest.with_(cell)
    while large and not rest.is_large:
        rest = rest.with_(large.pop(0))
    return [*large, rest] if rest.is_large else []


def write_figures(outing: Outing, out: BinaryIO) -> int:
    """Writes the table; returns how many lines it has. In memory are the sums, not the counts."""
    groups: dict[tuple[str, MeteorologicalWeek], dict[int | None, Cell]] = defaultdict(dict)
    for catch in whole_exposures(outing.catches()):
        week = meteorological_week(catch.taken_at.astimezone(INDIA).date())
        taluka = outing.taluka(catch.subdistrict)
        code = taluka.lgd_code if taluka else None
        groups[catch.pest, week].setdefault(code, Cell((code,))).add(catch)
    yesterday = outing.now.astimezone(INDIA).date() - timedelta(days=1)
    lines = 0
    with open_table(out, COLUMNS) as table:
        for (pest, week), cells in sorted(groups.items()):
            start, end = first_day(week), _last_day(week)
            if outing.first <= start and end <= min(outing.last, yesterday):
                for cell in printable(list(cells.values())):
                    lines += 1
                    when = (week.year, week.number, start, end)
                    what = (len(cell.traps), cell.insects, round(cell.nights, 2), round(cell.insects / cell.nights, 3))
                    place = (outing.region, outing.name, *_place(outing, cell))
                    table.writerow((*place, pest, scientific_name(pest), *when, *what))
    return lines


def _last_day(week: MeteorologicalWeek) -> date:
    after = (
        MeteorologicalWeek(week.year, week.number + 1) if week.number < WEEKS else MeteorologicalWeek(week.year + 1, 1)
    )
    return first_day(after) - timedelta(days=1)


def _place(outing: Outing, cell: Cell) -> tuple[int | str, str]:
    if len(cell.talukas) > 1:
        return "", REST
    taluka = outing.taluka(cell.talukas[0])
    return (taluka.lgd_code, taluka.name) if taluka else ("", "not said")
