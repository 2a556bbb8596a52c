"""Plain CSV of what people found on the plants, one row for each inspection."""

from datetime import datetime, time, timedelta
from typing import BinaryIO

from pestwatch.domain.tally import Inspection
from pestwatch.surveillance.rollup import INDIA
from server.db.catches import TrapId
from server.db.inspections import inspections_between
from server.db.session import session_scope
from server.exchange.sharing import Outing, utc
from server.exchange.spreadsheet import open_table

COLUMNS = (
    "inspection", "trap", "district_code", "district", "taluka_code", "taluka", "trap_pest", "crop", "looked_at", "rule",
    "part", "looked", "found", "outcome",
)  # fmt: skip


def write_plants(outing: Outing, out: BinaryIO) -> int:
    """Writes every inspection; returns how many. A season of a district is some thousands, so they are read at once."""
    since = datetime.combine(outing.first, time(), INDIA)
    until = datetime.combine(outing.last, time(), INDIA) + timedelta(days=1)
    with session_scope(outing.engine, read_only=True) as session:
        rows = inspections_between(session, outing.region, since, until)
    with open_table(out, COLUMNS) as table:
        for row, trap in rows:
            taluka = outing.taluka(trap.subdistrict)
            place = (outing.region, outing.name, taluka and taluka.lgd_code, taluka and taluka.name)
            inspection = outing.made_up("inspection", f"{row.device_id}-{row.seq}")
            trap_id = outing.trap_id(TrapId(row.device_id, row.trap))
            outcome = Inspection(row.inspected_at, row.rule, row.part, row.looked, row.found).outcome()
            found = (utc(row.inspected_at), row.rule, row.part, row.looked, row.found, outcome)
            table.writerow((inspection, trap_id, *place, trap.pest, trap.crop, *found))
    return len(rows)
