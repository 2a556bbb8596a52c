"""Reads and writes about phones and the codes that enrol them. Tokens and codes come here hashed, never plain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import String, bindparam, cast, func, select, update
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.db.access_tables import Consent
from server.db.scope import ROLE
from server.db.tables import Device, EnrolmentCode, Fact

_BY_TOKEN = select(Device).where(Device.token_hash == bindparam("token_hash"))
_AS_ITSELF = {
    "role": ROLE,
    "app.regions": "",
    "app.device": cast(Device.id, String),
    "app.home": Device.region_id,
    "app.token_hash": "",
}
"""`Scope(device=…, home=…)` of the phone that is found."""
_ENTERING = _BY_TOKEN.add_columns(*(func.set_config(name, value, True) for name, value in _AS_ITSELF.items()))


def record_code(
    session: Session, region: str, code_hash: str, *, now: datetime, expires_at: datetime, staff: int | None
) -> None:
    """Keeps a code that may enrol one phone until `expires_at`."""
    session.add(
        EnrolmentCode(region_id=region, code_hash=code_hash, made_by=staff, created_at=now, expires_at=expires_at)
    )


def enrol_device(
    session: Session,
    code_hash: str,
    token_hash: str,
    *,
    now: datetime,
    locale: str,
    consent: Mapping[str, Any],
    app_version: str | None,
    sms_key: str | None = None,
    public_key: str | None = None,
) -> Device:
    """Turns an unused code into a phone of its region; of two phones with one code, the first wins.

    The phone that used it may say it again until its first sync: its answer may have been lost.

    Raises:
      Problem 410.1: the code is unknown, used or too old. One answer for all three: a guesser learns nothing.
    """
    code = session.scalar(select(EnrolmentCode).where(EnrolmentCode.code_hash == code_hash).with_for_update())
    if code is not None and code.device_id is not None:
        device = session.get_one(Device, code.device_id)
        if device.token_hash == token_hash and device.last_seen_at is None:
            return device
    if code is None or code.device_id is not None or code.expires_at <= now:
        raise Problem("410.1")
    device = Device(
        region_id=code.region_id,
        token_hash=token_hash,
        locale=locale,
        consent=dict(consent),
        app_version=app_version,
        enrolled_at=now,
        sms_key=sms_key,
        public_key=public_key,
    )
    session.add(device)
    session.flush()
    code.device_id = device.id
    record_consent(session, device, consent, agreed=True, now=now)
    return device


def record_consent(session: Session, device: Device, said: Mapping[str, Any], *, agreed: bool, now: datetime) -> None:
    """Keeps what a farmer answered to the app's question, beside every earlier answer.

    Args:
      session: a writing transaction.
      device: whose.
      said: version, at, locale, as the phone says them.
      agreed: False takes it back.
      now: aware instant.
    """
    try:
        at = datetime.fromisoformat(said["at"]).astimezone(UTC)
    except OverflowError:  # a clock at the very beginning or end of the calendar
        at = now
    answer = Consent(agreed=agreed, version=said["version"], locale=said["locale"], at=at, received_at=now)
    answer.device_id = device.id
    session.add(answer)
    device.consent = dict(said)
    device.withdrawn_at = None if agreed else device.withdrawn_at or now


def consents_of(session: Session, device: int) -> list[Consent]:
    """A farmer's answers, oldest first."""
    return list(session.scalars(select(Consent).where(Consent.device_id == device).order_by(Consent.id)))


def enter_as_device(session: Session, token_hash: str) -> Device | None:
    """The phone that holds this token, revoked or not; the rest of the transaction is held to what belongs to it.

    The same as `device_by_token` and `become`, in one statement.
    """
    if session.get_bind().dialect.name != "postgresql":
        return device_by_token(session, token_hash)
    found = session.execute(_ENTERING, {"token_hash": token_hash}).first()
    return found[0] if found else None


def device_by_token(session: Session, token_hash: str) -> Device | None:
    """The phone that holds this token, revoked or not."""
    return session.scalar(_BY_TOKEN, {"token_hash": token_hash})


def device_by_id(session: Session, device: int) -> Device:
    """A phone.

    Raises:
      Problem 404.1: there is none of this number.
    """
    row = session.get(Device, device)
    if row is None:
        raise Problem("404.1", name=f"device {device}")
    return row


def devices_of(session: Session, region: str) -> list[Device]:
    """A region's phones, the most recently seen first."""
    seen_last_first = func.coalesce(Device.last_seen_at, Device.enrolled_at).desc()
    return list(session.scalars(select(Device).where(Device.region_id == region).order_by(seen_last_first)))


def revoke_device(session: Session, device: int, now: datetime) -> None:
    """From now on what this phone sends is kept in quarantine, and not counted."""
    row = device_by_id(session, device)
    row.revoked_at = row.revoked_at or now


def move_device(session: Session, device: Device, region: str) -> None:
    """Gives a phone, and with it all that it sent, to another region; the phone hears so at its next sync.

    Raises:
      Problem 404.1: it is an imported source, which is its region's own; or somebody else has moved it meanwhile.
    """
    here = Device.id == device.id, Device.region_id == device.region_id, Device.source.is_(None)
    moved = update(Device).where(*here).values(region_id=region).returning(Device.id)
    if session.scalar(moved) is None:
        raise Problem("404.1", name=f"device {device.id}")


def facts_by_status(session: Session, device: int) -> dict[str, int]:
    """How many facts of a phone stand in each status."""
    counted = select(Fact.status, func.count()).where(Fact.device_id == device).group_by(Fact.status)
    return {status: count for status, count in session.execute(counted)}  # noqa: C416 - dict() loses the types
