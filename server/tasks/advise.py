"""issue_advisories: advice that has changed goes into the database; phones fetch it at their next sync.

Promises: the same readings never issue the same advice twice. Days that merely pass change no advice.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from server.config import Settings
from server.db.catches import TrapId
from server.db.people import all_regions
from server.db.session import open_engine, session_scope
from server.db.work import latest_advisories, record_advisory
from server.standing import standings


def issue_advisories(settings: Settings, now: datetime) -> int:
    """Issues what has changed for any trap of any region.

    Args:
      settings: whose database.
      now: aware instant.

    Returns:
      How many advisories were issued.
    """
    engine = open_engine(settings.database_url)
    try:
        with session_scope(engine, read_only=True) as session:
            regions = [region.id for region in all_regions(session)]
        return sum(_issue_for(engine, region, now) for region in regions)
    finally:
        engine.dispose()


def _issue_for(engine: Engine, region: str, now: datetime) -> int:
    """One region in one transaction; the write lock is taken only if there is something to write."""
    with session_scope(engine, read_only=True) as session:
        if not _changed(session, region, now):
            return 0
    with session_scope(engine) as session:
        changed = _changed(session, region, now)
        for trap, advice in changed:
            record_advisory(session, region, pest=advice["pest"], advice=advice, now=now, trap=trap)
        return len(changed)


def _changed(session: Session, region: str, now: datetime) -> list[tuple[TrapId, dict[str, Any]]]:
    told = {(row.device_id, row.trap, row.pest): row.advice for row in latest_advisories(session, region)}
    changed = []
    for standing in standings(session, region, now):
        advice = standing.advice.to_json()
        before = told.get((*standing.id, standing.trap.pest))
        if (standing.readings or standing.inspected) and (before is None or gist(before) != gist(advice)):
            changed.append((standing.id, advice))
    return changed


def gist(advice: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes advice another one: level, catch and sentences, but not the days in them that count up by themselves."""
    said = tuple(message["id"] for message in advice["messages"])
    return advice["level"], advice["catch_rate"], advice["threshold"], said
