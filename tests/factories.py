"""One factory for each thing that tests need many of; every argument has a plausible value."""

import hashlib
import io
import itertools
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from server.db import people
from server.db.tables import Device, Region, Staff

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
REGION = "IN-MH-500"
_number = itertools.count(1)


def instant(at: datetime) -> str:
    """An instant as phones write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def region(session: Session, region: str = REGION, name: str = "Pune") -> Region:
    return people.record_region(session, region, name, NOW)


def staff(session: Session, name: str = "asha", role: str = "officer", regions: tuple[str, ...] = (REGION,)) -> Staff:
    """Somebody who may see regions but has no password; tests of logging in make their own."""
    return people.record_staff(session, name, password_hash="-", role=role, regions=regions, now=NOW)


def device(session: Session, token: str | None = None, region: str = REGION, **columns: Any) -> Device:
    """An enrolled phone; its token is hashed as `server.auth` does."""
    token = token or f"token-{next(_number)}"
    row = Device(
        region_id=region,
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        locale="hi",
        consent={"version": 1, "at": instant(NOW), "locale": "hi"},
        enrolled_at=NOW,
        **columns,
    )
    session.add(row)
    session.flush()
    return row


def trap_fact(seq: int = 1, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    described = {"trap": "t1", "name": "By the well", "pest": "HELIAR", "crop": "cotton", "trap_type": "funnel"}
    return {"seq": seq, "kind": "trap", "at": instant(at), "body": described | body}


def service_fact(seq: int = 2, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    serviced = {"trap": "t1", "serviced_at": instant(at), "emptied": True, "lure_changed": True}
    return {"seq": seq, "kind": "service", "at": instant(at), "body": serviced | body}


def observation_fact(seq: int = 3, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    observed = {
        "trap": "t1",
        "taken_at": instant(at),
        "source": "photo",
        "counts": {"GNORAB": 0, "HELIAR": 12, "NOCTUID_LARGE": 1},
        "nights": 2.0,
        "emptied": True,
        "lure_age_days": 9,
        "model": "base-20261125-1",
        "gate": {"verdict": "good", "reason": None},
        "photo": None,
        "photo_consent": False,
        "decoded_scale": 1.0,
    }
    return {"seq": seq, "kind": "observation", "at": instant(at), "body": observed | body}


def correction_fact(seq: int = 4, observation: int = 3, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    recounted = {"observation": observation, "counts": {"HELIAR": 14}, "marks": None}
    return {"seq": seq, "kind": "correction", "at": instant(at), "body": recounted | body}


def inspection_fact(seq: int = 5, at: datetime = NOW, **body: Any) -> dict[str, Any]:
    looked = {"trap": "t1", "inspected_at": instant(at), "rule": "HELIAR-4", "part": "plant", "looked": 20, "found": 23}
    return {"seq": seq, "kind": "inspection", "at": instant(at), "body": looked | body}


def push(*facts: Any, sent_at: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """A message as a phone sends it."""
    request = {
        "v": 1,
        "sent_at": instant(sent_at),
        "cursor": None,
        "locale": "hi",
        "app": "0.1.0",
        "facts": list(facts),
    }
    return request | {"model": "base-20261125-1"} | fields


def png(width_px: int = 320, height_px: int = 240, grey: int = 200) -> bytes:
    """A picture that every decoder reads, made without an imaging library."""
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    rows = (b"\x00" + bytes([grey]) * width_px) * height_px
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        out.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    return out.getvalue()
