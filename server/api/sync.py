"""POST /sync: one request pushes what waits and pulls what is new.

Station 4 of 9, the server's side. Promises: the answer leaves after the commit, so what it acknowledges is on disk;
pushing twice is pushing once; a bad fact is answered by itself and blocks no other; a revoked phone's facts are kept
apart, not thrown away; no time is refused, however wrong the clock.
"""

import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.release.registry import current_folder, read_release
from pestwatch.sync import spelling
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.cursor import read_cursor, write_cursor
from pestwatch.sync.protocol import (
    MAX_BODY_BYTES,
    VERSION,
    AdvisoryChange,
    Change,
    DropChange,
    Fact,
    ItemAnswer,
    RecountChange,
    ReleaseName,
    SyncAnswer,
    Table,
    UnreadRequest,
    read_facts,
    read_request,
)
from pestwatch.sync.signature import HEADER, check_signature
from pestwatch.sync.table import ITEMS, to_table
from server import auth
from server.api.answers import PREFIX, known_locale, read_packed, unpacked, worded
from server.config import Settings, current_settings, current_time
from server.db import eras, store
from server.db.session import request_scope
from server.db.store import Page, Receipt
from server.db.tables import Advisory, Correction, Device

MAX_CHANGES = 100
MAY_BE_LEFT_OUT = ("more", "changes", "release", "notices")
blueprint = Blueprint("sync", __name__, url_prefix=PREFIX)
log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """A message that is stored, and what there is to say about it."""

    message: UnreadRequest
    device: Device
    clock: PhoneClock
    receipts: Sequence[Receipt]
    news: Page
    held: list[tuple[int, int]] | UnsetType


@blueprint.post("/sync")
def sync() -> Response:
    """Stores what came, and tells what is new; what breaks when it is to be counted is stored all the same."""
    # All that needs no database comes before the transaction: over 2G the body takes seconds, and on SQLite
    # a transaction is a turn that the others wait for.
    packed = read_packed(MAX_BODY_BYTES)
    message = read_request(spelling.to_json(unpacked(packed, MAX_BODY_BYTES), request.mimetype))
    facts = read_facts(message)
    try:
        with request_scope() as session:
            heard = _hear(session, packed, message, facts)
    except Problem:
        raise
    except Exception:
        log.exception("a sync broke; its facts are stored one by one")
        with request_scope() as session:
            heard = _hear(session, packed, message, facts, carefully=True)
    return _answer(heard)


def _hear(
    session: Session, packed: bytes, message: UnreadRequest, facts: Sequence[Fact], *, carefully: bool = False
) -> Heard:
    """Stores a message whose author is known; to be answered once the transaction has committed."""
    device = auth.device_of_request(session)
    public_key = _check_author(device, message, packed)
    clock = PhoneClock.read(message.sent_at, current_time())
    cursor = read_cursor(message.cursor)
    cursor = cursor._replace(last=0) if _has_moved(message, device) else cursor
    news = store.changes_since(session, device, cursor, MAX_CHANGES)
    store.record_sync(
        session,
        device,
        clock,
        locale=known_locale(message.locale)[0],
        app=message.app,
        model=message.model,
        public_key=public_key,
    )
    held = eras.held_of_device(session, device.id) if news.is_of_another_era else UNSET
    # Last, for all writers wait for the number that it takes.
    receipts = store.record_facts(session, device, facts, clock, carefully=carefully)
    return Heard(message, device, clock, receipts, news, held)


def _answer(heard: Heard) -> Response:
    """Answers in the spelling of the question; one that came short gets no more than it needs."""
    message, device, clock, receipts, news, held = heard
    locale, notices = known_locale(message.locale)
    if clock.is_wrong:
        notices.append(Problem("422.8", days=abs(clock.offset).days))
    release = current_release(current_settings(), device.region_id)
    answer = SyncAnswer(
        v=VERSION,
        server_time=clock.received_at.replace(microsecond=0),
        clock_offset_ms=clock.offset_ms,
        device="revoked" if device.revoked_at else "active",
        items=[ItemAnswer(r.seq, r.status, worded(r.problem, locale) if r.problem else None) for r in receipts],
        cursor=write_cursor(news.cursor.last, news.cursor.era or 0),
        more=news.more,
        changes=[*([DropChange(device.region_id)] if _has_moved(message, device) else []), *_changes(news.changes)],
        release=release,
        notices=[worded(problem, locale) for problem in notices],
        held=held,
    )
    document: dict[str, Any] = msgspec.to_builtins(answer)
    if isinstance(message.facts, Table):
        document["items"] = to_table(document["items"], ITEMS)
        if release and message.model and message.model.partition(".")[0] == release.version:
            document["release"] = None
        document = {name: value for name, value in document.items() if value or name not in MAY_BE_LEFT_OUT}
    media_type = spelling.CBOR if request.mimetype == spelling.CBOR else spelling.JSON
    # No Cache-Control: the answer to a POST that says nothing of its age is kept by nobody, and each byte is paid for.
    return Response(spelling.write(document, media_type), content_type=media_type)


def _has_moved(message: UnreadRequest, device: Device) -> bool:
    """Whether the phone still takes itself for another region's: asked each time, so nothing told can be lost."""
    return message.region not in {None, device.region_id}


def _check_author(device: Device, message: UnreadRequest, packed: bytes) -> str | None:
    """Makes sure that the phone's own key signed this, and tells the key; one that had none shows it here first.

    Raises:
      Problem 401.6: it did not.
    """
    signature, public_key = request.headers.get(HEADER), device.public_key or message.public_key
    if public_key is not None:
        check_signature(public_key, signature or "", packed)
    return public_key


def current_release(settings: Settings, region: str) -> ReleaseName | None:
    """Which model the phones of a region should count with; None if the shelf is empty or cannot be read."""
    try:
        return _named(current_folder(region, settings.releases_dir, settings.models_dir / "releases"))
    except Problem as problem:
        if problem.status != 404:
            log.exception("the shelf of releases cannot be read")  # a phone must be able to sync all the same
        return None


@functools.lru_cache(maxsize=256)
def _named(folder: Path) -> ReleaseName:
    """What a release calls itself: its folder never changes."""
    manifest = read_release(folder).manifest
    return ReleaseName(manifest.region, manifest.version, manifest.seq)


def _changes(rows: Sequence[Advisory | Correction]) -> list[Change]:
    changes: list[Change] = []
    for row in rows:
        if isinstance(row, Advisory):
            at = row.issued_at.replace(microsecond=0)
            changes.append(AdvisoryChange(row.id, row.region_id, row.trap, row.advice, at))
        else:
            changes.append(RecountChange(row.observation_seq, row.counts, row.by, row.made_at.replace(microsecond=0)))
    return changes
