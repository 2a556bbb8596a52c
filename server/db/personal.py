"""What is kept about one farmer: everything of it as a document, and taking out of it all that tells who it was.

Erasure leaves counts, days and the taluka under the number of the phone; names, villages, photos, texts, keys and the
words of the ledger go. The ledger's rows stay, emptied, so that numbers and order hold. Source: docs/access.md.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from server.db.access_tables import Consent, EnrolmentOpening
from server.db.session import Table
from server.db.tables import Advisory, Correction, Device, Fact, Inspection, Observation, Photo, Service, Sms, Trap

NO_NAME = "–"
ERASED = '{"erased":true}'
SECRET = {"token_hash", "sms_key", "sender_hash", "code"}
"""Columns that are about keys, not about the person."""
_PARTS: tuple[tuple[type[Table], Any], ...] = (
    (Consent, Consent.device_id),
    (EnrolmentOpening, EnrolmentOpening.device_id),
    (Trap, Trap.device_id),
    (Service, Service.device_id),
    (Observation, Observation.device_id),
    (Inspection, Inspection.device_id),
    (Correction, Correction.observation_device),
    (Photo, Photo.device_id),
    (Advisory, Advisory.device_id),
    (Sms, Sms.device_id),
    (Fact, Fact.device_id),
)


def everything_about(session: Session, device: Device) -> dict[str, list[dict[str, Any]]]:
    """Table -> the rows that are about this phone's owner, keys left out."""
    found = {"devices": [_columns(device)]}
    for table, owner in _PARTS:
        found[table.__tablename__] = [_columns(row) for row in session.scalars(select(table).where(owner == device.id))]
    return found


def photos_of(session: Session, device: int) -> Iterator[Photo]:
    """The photos that a phone's observations show, wherever they came from first."""
    shown = select(Observation.photo).where(Observation.device_id == device)
    yield from session.scalars(select(Photo).where(Photo.sha256.in_(shown)))


def erase(session: Session, device: Device, now: datetime) -> list[str]:
    """Takes out whatever tells who it was; a phone that comes back with its old token is a stranger.

    Args:
      session: a writing transaction that sees every region: a photo may belong to a phone of another one, too.
      device: whose.
      now: aware instant.

    Returns:
      The SHA-256 of each photo that nobody else's observation shows: the files are for the caller to delete.
    """
    photos = _let_go_of_photos(session, device.id)
    own = Observation.device_id == device.id
    session.execute(update(Observation).where(own).values(photo=None, photo_consent=False))
    session.execute(update(Correction).where(Correction.observation_device == device.id).values(marks=None))
    session.execute(update(Trap).where(Trap.device_id == device.id).values(name=NO_NAME, village=None))
    session.execute(delete(Fact).where(Fact.device_id == device.id, Fact.status != "stored"))
    emptied = {"content": ERASED, "content_hash": hashlib.sha256(ERASED.encode()).hexdigest(), "problem": None}
    session.execute(update(Fact).where(Fact.device_id == device.id).values(emptied))
    unsaid = {"text": "", "sender_hash": None, "sender_tail": None}
    session.execute(update(Sms).where(Sms.device_id == device.id).values(unsaid))
    asked = EnrolmentOpening.device_id == device.id
    session.execute(update(EnrolmentOpening).where(asked).values(name=None, phone=None, token_hash=None))
    device.token_hash, device.name, device.sms_key, device.consent = f"erased {device.id}", None, None, {}
    device.app_version = device.model_version = device.clock_offset_ms = device.lead_since = None
    device.erased_at, device.revoked_at = now, device.revoked_at or now
    return photos


def withdrawn_before(session: Session, limit: datetime) -> list[Device]:
    """Phones whose owner took the consent back so long ago, and that are not erased yet."""
    due = select(Device).where(Device.withdrawn_at <= limit, Device.erased_at.is_(None))
    return list(session.scalars(due.order_by(Device.id)))


def _let_go_of_photos(session: Session, device: int) -> list[str]:
    """Deletes the rows of photos that are this phone's alone; one that another phone shows too becomes that one's."""
    own = {photo.sha256 for photo in photos_of(session, device)}
    own |= set(session.scalars(select(Photo.sha256).where(Photo.device_id == device)))
    other = aliased(Observation)
    gone = []
    for sha256 in sorted(own):
        shown = select(other.device_id).where(other.photo == sha256, other.photo_consent, other.device_id != device)
        heir = session.scalar(shown.limit(1))
        if heir is None:
            session.execute(delete(Photo).where(Photo.sha256 == sha256))
            gone.append(sha256)
        else:
            session.execute(
                update(Photo).where(Photo.sha256 == sha256, Photo.device_id == device).values(device_id=heir)
            )
    return gone


def _columns(row: Table) -> dict[str, Any]:
    names = (column.key for column in row.__mapper__.column_attrs)
    return {name: getattr(row, name) for name in names if name not in SECRET}
