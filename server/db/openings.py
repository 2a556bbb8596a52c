"""Reads and writes about officers' openings: six digits that a farmer is told over the telephone."""

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.db.access_tables import EnrolmentOpening
from server.db.devices import record_consent
from server.db.session import insert_once
from server.db.tables import Device

DIGITS = 6
LIFE = timedelta(minutes=10)
"""Of the code, and then once more for the officer's answer."""
WRONG_TRIES = 5
"""After so many the opening is closed."""
ADDRESSED_BY = 2
"""A wrong code counts against the openings whose first digits it has; nobody is told which digits were wrong."""
MOST_OPEN = 100
"""At a time, in the whole installation: the more codes stand, the likelier a guess is a hit. Source: docs/access.md."""


def open_enrolment(session: Session, region: str, staff: int, now: datetime) -> EnrolmentOpening:
    """Opens, with a code of its own; what the same officer had open is closed.

    Raises:
      Problem 429.1: as many are open as may be.
    """
    _close(session, EnrolmentOpening.expires_at <= now)
    _close(session, (EnrolmentOpening.staff_id == staff) & EnrolmentOpening.decided_at.is_(None), now)
    standing = select(func.count()).where(EnrolmentOpening.code.is_not(None))
    if session.scalars(standing).one() >= MOST_OPEN:
        raise Problem("429.1", seconds=round(LIFE.total_seconds()))
    made: dict[str, Any] = {"region_id": region, "staff_id": staff, "opened_at": now, "expires_at": now + LIFE}
    while True:
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        if insert_once(session, EnrolmentOpening, code=code, wrong_tries=0, **made):
            return session.scalars(select(EnrolmentOpening).where(EnrolmentOpening.code == code)).one()


def ask_with_code(
    session: Session, code: str, token_hash: str, *, name: str | None, phone: Mapping[str, Any], now: datetime
) -> EnrolmentOpening | None:
    """A phone asks to be let in; None: the code opens nothing, and that was counted.

    Args:
      session: a writing transaction, to be committed whatever comes back.
      code: six digits.
      token_hash: of the token that the phone made. Who asks again with the same one, because an answer was lost, gets
        the same opening.
      name: what the officer shall call the farmer.
      phone: columns of the device that it would become.
      now: aware instant.
    """
    asked = opening_by_token(session, token_hash)
    if asked is not None:
        return asked
    addressed = select(EnrolmentOpening).where(
        EnrolmentOpening.code.startswith(code[:ADDRESSED_BY]), EnrolmentOpening.expires_at > now
    )
    found = None
    for opening in session.scalars(addressed.order_by(EnrolmentOpening.id).with_for_update()):
        if hmac.compare_digest((opening.code or "").encode(), code.encode()):
            found = opening
    if found is not None:
        found.code, found.token_hash, found.name, found.phone = None, token_hash, name, dict(phone)
        found.expires_at = now + LIFE
        return found
    for opening in session.scalars(addressed):
        opening.wrong_tries += 1
        if opening.wrong_tries >= WRONG_TRIES:
            opening.code = None
    return None


def opening_by_token(session: Session, token_hash: str) -> EnrolmentOpening | None:
    """The opening that the holder of this token asked at."""
    return session.scalar(select(EnrolmentOpening).where(EnrolmentOpening.token_hash == token_hash))


def own_opening(session: Session, staff: int, opening: int, *, to_change: bool = False) -> EnrolmentOpening:
    """An officer's own opening; `to_change` holds it until the transaction ends.

    Raises:
      Problem 404.1: there is none, or another officer opened it.
    """
    row = session.get(EnrolmentOpening, opening, with_for_update=to_change or None)
    if row is None or row.staff_id != staff:
        raise Problem("404.1", name=f"opening {opening}")
    return row


def decide(session: Session, opening: EnrolmentOpening, *, is_known: bool, now: datetime) -> Device | None:
    """The officer's yes makes the phone that asked a device; the token that it made is good from now on.

    Raises:
      Problem 410.2: nobody asked, or it was decided, or the answer comes too late.
    """
    if opening.state(now) != "asked":
        raise Problem("410.2")
    opening.decided_at = now
    if not is_known:
        opening.name = opening.phone = None
        return None
    device = Device(
        region_id=opening.region_id,
        token_hash=opening.token_hash,
        name=opening.name,
        enrolled_at=now,
        **(opening.phone or {}),
    )
    session.add(device)
    session.flush()
    opening.device_id = device.id
    record_consent(session, device, device.consent, agreed=True, now=now)
    return device


def forget_strangers(session: Session, now: datetime) -> None:
    """Lets go of what phones said that nobody let in."""
    unanswered = EnrolmentOpening.device_id.is_(None) & (EnrolmentOpening.expires_at <= now)
    forget = update(EnrolmentOpening).where(unanswered, EnrolmentOpening.name.is_not(None))
    session.execute(forget.values(name=None, phone=None))


def _close(session: Session, which: Any, now: datetime | None = None) -> None:
    values = {"code": None} | ({"expires_at": now} if now else {})
    session.execute(update(EnrolmentOpening).where(which).values(values).execution_options(synchronize_session=False))
