"""Reads of what people found on the plants beside their traps."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from server.db.catches import TrapId
from server.db.tables import Device, Inspection, Trap


def inspections_by_trap(session: Session, region: str, since: datetime) -> dict[TrapId, list[Inspection]]:
    """What was found in a region since an instant, oldest first."""
    wanted = select(Inspection).join(Device, Device.id == Inspection.device_id)
    wanted = wanted.where(Device.region_id == region, Inspection.inspected_at >= since)
    found: dict[TrapId, list[Inspection]] = defaultdict(list)
    for row in session.scalars(wanted.order_by(Inspection.inspected_at, Inspection.device_id, Inspection.seq)):
        found[TrapId(row.device_id, row.trap)].append(row)
    return found


def inspections_between(
    session: Session, region: str, since: datetime, until: datetime
) -> Sequence[tuple[Inspection, Trap]]:
    """What was found in a region in a span, with the trap as it is described now, oldest first.

    Args:
      session: reading is enough.
      region: district id.
      since: aware instant, the first that belongs to the span.
      until: aware instant, the first that no longer does.
    """
    described = and_(Trap.device_id == Inspection.device_id, Trap.trap == Inspection.trap)
    wanted = select(Inspection, Trap).join(Trap, described).join(Device, Device.id == Inspection.device_id)
    wanted = wanted.where(Device.region_id == region, Inspection.inspected_at >= since, Inspection.inspected_at < until)
    rows = session.execute(wanted.order_by(Inspection.inspected_at, Inspection.device_id, Inspection.seq))
    return [(inspection, trap) for inspection, trap in rows]
