"""The log of who did what to whom. Entries are only ever added; the database refuses anything else."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.access_tables import AuditEntry
from server.db.tables import Staff


def note(
    session: Session,
    action: str,
    subject: str,
    *,
    staff: int | None,
    now: datetime,
    region: str | None = None,
    **detail: Any,
) -> None:
    """Adds an entry, in the transaction of what it speaks of.

    Args:
      session: a writing transaction.
      action: a word of `server.dashboard.office.ACTIONS`.
      subject: to whom or what, such as `device 7`; never a farmer's name.
      staff: who did it; None on the command line, or by itself.
      now: aware instant.
      region: whose affair it is; None for the office as a whole.
      **detail: what else is worth knowing; never personal.
    """
    session.add(
        AuditEntry(at=now, staff_id=staff, region_id=region, action=action, subject=subject[:80], detail=detail)
    )


def entries(session: Session, *, before: int | None, limit: int) -> list[tuple[AuditEntry, str | None]]:
    """The newest entries, each with the login name of who did it.

    Args:
      session: reading is enough.
      before: only entries older than this one; None for the newest.
      limit: at most so many.
    """
    wanted = select(AuditEntry, Staff.name).outerjoin(Staff, Staff.id == AuditEntry.staff_id)
    if before is not None:
        wanted = wanted.where(AuditEntry.id < before)
    return [(entry, who) for entry, who in session.execute(wanted.order_by(AuditEntry.id.desc()).limit(limit))]
