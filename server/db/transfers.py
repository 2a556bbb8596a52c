"""Reads and writes about observations that come in as a file or go out as one."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from io import BufferedIOBase
from typing import Any, BinaryIO, Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.session import insert_once
from server.db.tables import Device, Staff, Transfer


def source_device(session: Session, region: str, source: str, token_hash: str, now: datetime) -> Device:
    """The row that stands for an imported source as for a phone; made at its first import.

    Args:
      session: a writing transaction.
      region: district id.
      source: its name.
      token_hash: of a token that nobody was given, so that nobody can sync as this source.
      now: aware instant.
    """
    made = {"token_hash": token_hash, "locale": "en", "consent": {}, "enrolled_at": now}
    insert_once(session, Device, region_id=region, source=source, **made)
    row = session.scalars(select(Device).where(Device.region_id == region, Device.source == source)).one()
    row.last_seen_at = now
    return row


def fingerprint(file: BinaryIO) -> str:
    """SHA-256 of a whole file, hex; the file stands at its start afterwards."""
    file.seek(0)
    digest = hashlib.file_digest(cast("BufferedIOBase", file), "sha256").hexdigest()
    file.seek(0)
    return digest


def record_transfer(
    session: Session,
    region: str,
    direction: Literal["in", "out"],
    *,
    staff: int | None,
    now: datetime,
    name: str,
    content_sha256: str,
    told: Mapping[str, Any],
) -> None:
    """Notes who took observations in or gave them out, when, and what became of them."""
    session.add(
        Transfer(
            region_id=region,
            direction=direction,
            staff_id=staff,
            at=now,
            name=name,
            content_sha256=content_sha256,
            told=dict(told),
        )
    )


def transfers_of(session: Session, region: str, limit: int) -> list[tuple[Transfer, str | None]]:
    """The newest transfers of a region, each with the login name of who did it; None: on the command line."""
    wanted = select(Transfer, Staff.name).outerjoin(Staff, Staff.id == Transfer.staff_id)
    newest = wanted.where(Transfer.region_id == region).order_by(Transfer.id.desc()).limit(limit)
    return [(transfer, who) for transfer, who in session.execute(newest)]
