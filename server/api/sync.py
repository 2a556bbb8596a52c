"""POST /sync: one request pushes what waits and pulls what is new.

Station 4 of 9, the server's side. Promises: the answer leaves after the commit, so what it acknowledges is on disk;
pushing twice is pushing once; a bad fact is answered by itself and blocks no other; a revoked phone's facts are kept
apart, not thrown away; no time is refused, however wrong the clock.
"""

import logging
from collections.abc import Sequence

from flask import Blueprint, Response

from pestwatch.errors import Problem
from pestwatch.release.registry import find_current
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import (
    MAX_BODY_BYTES,
    VERSION,
    AdvisoryChange,
    ItemAnswer,
    RecountChange,
    ReleaseName,
    SyncAnswer,
    read_cursor,
    read_fact,
    read_request,
    write_cursor,
)
from server import auth
from server.api.answers import PREFIX, answer, known_locale, read_body, worded
from server.config import Settings, current_settings, current_time
from server.db import store
from server.db.session import request_scope
from server.db.tables import Advisory, Correction

MAX_CHANGES = 100
blueprint = Blueprint("sync", __name__, url_prefix=PREFIX)
log = logging.getLogger(__name__)


@blueprint.post("/sync")
def sync() -> Response:
    """Stores what came, then tells what is new."""
    with request_scope(read_only=True) as session:
        device = auth.device_of_request(session)
    message = read_request(read_body(MAX_BODY_BYTES))
    clock = PhoneClock.read(message.sent_at, current_time())
    locale, notices = known_locale(message.locale)
    if clock.is_wrong:
        notices.append(Problem("422.8", days=abs(clock.offset).days))
    facts = [read_fact(raw) for raw in message.facts]
    with request_scope() as session:
        receipts = store.record_facts(session, device, facts, clock)
        store.record_sync(session, device, clock, locale=locale, app=message.app, model=message.model)
    with request_scope(read_only=True) as session:
        page = store.changes_since(session, device, read_cursor(message.cursor), MAX_CHANGES)
    return answer(
        SyncAnswer(
            v=VERSION,
            server_time=clock.received_at.replace(microsecond=0),
            clock_offset_ms=clock.offset_ms,
            device="revoked" if device.revoked_at else "active",
            items=[ItemAnswer(r.seq, r.status, worded(r.problem, locale) if r.problem else None) for r in receipts],
            cursor=write_cursor(page.last),
            more=page.more,
            changes=_changes(page.changes),
            release=current_release(current_settings(), device.region_id),
            notices=[worded(problem, locale) for problem in notices],
        )
    )


def current_release(settings: Settings, region: str) -> ReleaseName | None:
    """Which model the phones of a region should count with; None if the shelf is empty or cannot be read."""
    try:
        manifest = find_current(region, settings.releases_dir, settings.models_dir / "releases").manifest
    except Problem as problem:
        if problem.status != 404:
            log.exception("the shelf of releases cannot be read")  # a phone must be able to sync all the same
        return None
    return ReleaseName(manifest.region, manifest.version, manifest.seq)


def _changes(rows: Sequence[Advisory | Correction]) -> list[AdvisoryChange | RecountChange]:
    changes: list[AdvisoryChange | RecountChange] = []
    for row in rows:
        if isinstance(row, Advisory):
            at = row.issued_at.replace(microsecond=0)
            changes.append(AdvisoryChange(row.id, row.region_id, row.trap, row.advice, at))
        else:
            changes.append(RecountChange(row.observation_seq, row.counts, row.by, row.made_at.replace(microsecond=0)))
    return changes
