"""Reads and writes about SMS: each text is kept as it came, before anybody tries to understand it."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.db.session import insert_once
from server.db.tables import Device, Sms


class Sender(NamedTuple):
    """As much of a telephone number as is kept."""

    sender_hash: str | None = None
    sender_tail: str | None = None


UNFINISHED = Problem("500.1")
"""What a text says of itself until something better is known: nobody came to understand it."""


def keep_text(session: Session, text: str, now: datetime, sender: Sender | None = None) -> int:
    """Keeps a text once, however often a gateway brings it. Returns its number."""
    text_hash = hashlib.sha256(text.encode()).hexdigest()
    insert_once(
        session,
        Sms,
        text_hash=text_hash,
        text=text,
        received_at=now,
        problem=_stored(UNFINISHED),
        **(sender or Sender())._asdict(),
    )
    return session.scalars(select(Sms.id).where(Sms.text_hash == text_hash)).one()


def texts_of_sender(session: Session, region: str, sender_hash: str, limit: int) -> list[Sms]:
    """What one number sent for phones of a region, newest first."""
    wanted = select(Sms).join(Device, Device.id == Sms.device_id)
    theirs = wanted.where(Device.region_id == region, Sms.sender_hash == sender_hash)
    return list(session.scalars(theirs.order_by(Sms.id.desc()).limit(limit)))


def settle(session: Session, sms_id: int, device: Device | None, problem: Problem | None) -> None:
    """Writes down whose text it is and why it was rejected; what was once understood stays so."""
    row = session.get_one(Sms, sms_id)
    if row.problem is not None:
        row.device_id = device.id if device else None
        row.problem = _stored(problem) if problem else None


def texts_with_problems(session: Session, region: str, limit: int, *, nobodys: bool) -> list[Sms]:
    """Texts that could not be used, newest first.

    Args:
      session: reading is enough.
      region: of the phone that a text names.
      limit: at most so many.
      nobodys: whether those that name no phone of ours are wanted too.
    """
    theirs = Device.region_id == region
    wanted = (
        select(Sms)
        .outerjoin(Device, Device.id == Sms.device_id)
        .where(Sms.problem.is_not(None), or_(theirs, Sms.device_id.is_(None)) if nobodys else theirs)
    )
    return list(session.scalars(wanted.order_by(Sms.id.desc()).limit(limit)))


def _stored(problem: Problem) -> dict[str, object]:
    return {"number": problem.number, "params": dict(problem.params)}
