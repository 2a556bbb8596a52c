"""Which regions have something new to learn from."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.db.catches import photos_for_training
from server.db.people import all_regions
from server.db.work import runs_of

NEW_RECOUNTS = 20
"""So many photos must have been recounted by officers since the last run; a guess."""
LEAST_PAUSE = timedelta(days=7)
"""No region is retrained by the schedule more often; an officer may at any time."""


def regions_to_retrain(session: Session, now: datetime) -> list[str]:
    """Regions for which the schedule should ask for a run now."""
    return [region.id for region in all_regions(session) if _is_due(session, region.id, now)]


def _is_due(session: Session, region: str, now: datetime) -> bool:
    last = next(iter(runs_of(session, region, limit=1)), None)
    if last is not None and (last.state in {"queued", "running"} or now - last.requested_at < LEAST_PAUSE):
        return False
    recounts = [catch.recount for catch in photos_for_training(session, region) if catch.recount is not None]
    since = last.requested_at if last else None
    new = sum(1 for r in recounts if r.by == "officer" and (since is None or r.made_at > since))
    return new >= NEW_RECOUNTS
