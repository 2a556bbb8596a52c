"""Reads and writes about photos; their bytes lie in photo_files.py's care, and before that in photo_parts.py's."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.session import insert_once
from server.db.tables import Device, Observation, Photo
from server.pictures import PhotoHeader


def may_send_photo(session: Session, device: Device, sha256: str) -> bool:
    """Whether an observation of this phone names the photo, and the farmer agreed to send it."""
    agreed = select(Observation.seq).where(
        Observation.device_id == device.id, Observation.photo == sha256, Observation.photo_consent
    )
    return device.revoked_at is None and session.scalar(agreed.limit(1)) is not None


def photo_by_sha256(session: Session, sha256: str) -> Photo | None:
    """The photo's row; None: it has not arrived."""
    return session.get(Photo, sha256)


def record_photo(
    session: Session, device: Device, sha256: str, header: PhotoHeader, now: datetime, stored_sha256: str | None = None
) -> bool:
    """Notes that a photo is stored; False: it was already.

    Args:
      session: a writing transaction.
      device: who sent it.
      sha256: under which name.
      header: of what is stored.
      now: aware instant.
      stored_sha256: of what is stored, where that is not what was sent.
    """
    return insert_once(
        session,
        Photo,
        sha256=sha256,
        stored_sha256=stored_sha256 or sha256,
        device_id=device.id,
        media_type=header.media_type,
        width_px=header.width_px,
        height_px=header.height_px,
        size_bytes=header.size_bytes,
        received_at=now,
    )
