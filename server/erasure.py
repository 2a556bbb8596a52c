"""A farmer's right to a copy of what is kept, and to have it erased: rows, photos on disk, and an entry in the log."""

import zipfile
from contextlib import suppress
from datetime import datetime
from typing import BinaryIO

import msgspec
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.config import Settings
from server.db import audit, personal
from server.db.photo_files import open_photo_files
from server.db.photo_parts import open_parts
from server.db.tables import Device


def erase_person(session: Session, settings: Settings, device: Device, *, staff: int | None, now: datetime) -> None:
    """Erases whoever uses a phone.

    The photos go before the rows are committed: if that fails, a row without its photo is the lesser evil.

    Args:
      session: a writing transaction that sees every region.
      settings: where the photos lie.
      device: the phone.
      staff: who does it; None: the farmer, or the schedule after a withdrawal.
      now: aware instant.
    """
    photos = personal.erase(session, device, now)
    session.flush()
    files = open_photo_files(settings)
    for sha256 in photos:
        files.remove(sha256)
    open_parts(settings).forget_phone(device.id)
    subject = f"device {device.id}"
    audit.note(session, "erase", subject, staff=staff, now=now, region=device.region_id, photos=len(photos))


def write_copy(session: Session, settings: Settings, device: Device, out: BinaryIO) -> None:
    """Writes everything that is kept about whoever uses a phone: one JSON and the photos, as a zip."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        document = msgspec.json.encode(personal.everything_about(session, device))
        archive.writestr("everything.json", msgspec.json.format(document))
        files = open_photo_files(settings)
        for photo in personal.photos_of(session, device.id):
            with suppress(Problem):  # its file was lost: the row alone tells of it
                content = files.read(photo.sha256)
                archive.writestr(f"photos/{photo.sha256}.{photo.media_type.removeprefix('image/')}", content)
