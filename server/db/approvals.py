"""Reads and writes about what agronomists stand by. An approval holds for the very text that was read, not for a later one."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.db.access_tables import Approval
from server.db.tables import Staff


class Approvable(NamedTuple):
    """What somebody reads and approves."""

    kind: str
    key: str
    locale: str
    content: str

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, hex."""
        return hashlib.sha256(self.content.encode()).hexdigest()


class Approved(NamedTuple):
    """Who stands by it, and since when."""

    name: str
    at: datetime


def approvals_of(session: Session, things: Iterable[Approvable]) -> dict[Approvable, Approved]:
    """Which of these somebody stands by as they now read; the newest approval of each."""
    rows = (
        select(Approval, Staff.name).join(Staff, Staff.id == Approval.staff_id).where(Approval.withdrawn_at.is_(None))
    )
    standing = {
        (row.kind, row.key, row.locale, row.content_hash): Approved(name, row.at)
        for row, name in session.execute(rows.order_by(Approval.id))
    }
    found = ((thing, standing.get((*thing[:3], thing.content_hash))) for thing in things)
    return {thing: approved for thing, approved in found if approved is not None}


def approve(session: Session, thing: Approvable, staff: int, now: datetime) -> None:
    """Somebody stands by it from now on."""
    kind, key, locale, _ = thing
    session.add(Approval(kind=kind, key=key, locale=locale, content_hash=thing.content_hash, staff_id=staff, at=now))


def withdraw(session: Session, thing: Approvable, now: datetime) -> None:
    """Nobody stands by it any more; the row stays."""
    same = (Approval.kind == thing.kind, Approval.key == thing.key, Approval.locale == thing.locale)
    session.execute(update(Approval).where(*same, Approval.withdrawn_at.is_(None)).values(withdrawn_at=now))
