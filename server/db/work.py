"""Reads and writes about work: training runs, releases, advisories, and which process is alive.

The rows are the queue (docs/adr/0004): a run is claimed with a lease in one UPDATE, and its result is written only by
the worker whose claim is the newest, so a worker that was thought dead cannot overwrite its successor.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from server.db.session import insert_once
from server.db.store import next_server_seq
from server.db.tables import Advisory, Device, ProcessBeat, Release, TrainingRun

MAX_ATTEMPTS = 3
"""How often a run whose worker died is tried again before it counts as failed."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a run, until the lease ends."""

    run: int
    worker: str
    attempt: int


def request_run(
    session: Session, region: str, now: datetime, staff: int | None = None, seed: int | None = None
) -> TrainingRun:
    """Asks for a region's model to be retrained; while one is queued or running, that one is the answer.

    Args:
      session: a writing transaction.
      region: whose model.
      now: aware instant.
      staff: who asked; None is the schedule.
      seed: fixes the run's randomness; drawn if None.
    """
    seed = secrets.randbelow(2**31) if seed is None else seed
    insert_once(session, TrainingRun, region_id=region, state="queued", requested_by=staff, requested_at=now, seed=seed)
    active = select(TrainingRun).where(TrainingRun.region_id == region, TrainingRun.state.in_(("queued", "running")))
    return session.scalars(active).one()


def claim_due_run(session: Session, now: datetime, worker: str, lease: timedelta) -> TrainingRun | None:
    """Takes the oldest run that is queued, or whose worker's lease has ended; None if nothing is due.

    A run that was claimed MAX_ATTEMPTS times and never finished is marked failed instead.
    """
    ended = and_(TrainingRun.state == "running", TrainingRun.lease_until < now)
    gave_up = {
        "message": "The worker stopped %(attempts)s times before it finished.",
        "params": {"attempts": MAX_ATTEMPTS},
    }
    session.execute(
        update(TrainingRun)
        .where(ended, TrainingRun.attempt >= MAX_ATTEMPTS)
        .values(state="failed", reason=gave_up, finished_at=now)
        .execution_options(synchronize_session=False)
    )
    due = or_(TrainingRun.state == "queued", ended)
    oldest = select(TrainingRun.id).where(due).order_by(TrainingRun.requested_at, TrainingRun.id).limit(1)
    claimed = session.scalars(
        update(TrainingRun)
        .where(TrainingRun.id == oldest.with_for_update(skip_locked=True).scalar_subquery(), due)
        .values(
            state="running",
            waits_for=None,
            claimed_by=worker,
            lease_until=now + lease,
            attempt=TrainingRun.attempt + 1,
            progress=0.0,
            stage=None,
        )
        .returning(TrainingRun)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return claimed.one_or_none()


def claim_of(run: TrainingRun) -> Claim:
    """The claim that `claim_due_run` has just made, to be shown when extending or finishing."""
    return Claim(run.id, run.claimed_by or "", run.attempt)


def extend_lease(session: Session, claim: Claim, until: datetime, progress: float, stage: str | None = None) -> bool:
    """Says that the worker is alive and how far it is; False: the claim is lost, stop working."""
    return _change_held(session, claim, {"lease_until": until, "progress": progress, "stage": stage})


def finish_run(session: Session, claim: Claim, state: str, now: datetime, **verdict: Any) -> bool:
    """Writes a run's verdict; False: the claim is lost and nothing was written.

    Args:
      session: a writing transaction.
      claim: from `claim_of`.
      state: `promoted`, `refused` or `failed`.
      now: aware instant.
      **verdict: any of version, reason, metrics, gates.
    """
    return _change_held(
        session,
        claim,
        {**verdict, "state": state, "finished_at": now, "lease_until": None, "stage": None, "progress": 1.0},
    )


def give_back(session: Session, claim: Claim) -> bool:
    """The worker stops before it has finished: the run is queued again at once, not when the lease ends."""
    queued = {"state": "queued", "claimed_by": None, "lease_until": None, "progress": 0.0, "stage": None}
    return _change_held(session, claim, queued)


def has_due_run(session: Session, now: datetime) -> bool:
    """Whether `claim_due_run` would find something to do; a look that takes no lock."""
    active = or_(TrainingRun.state == "queued", and_(TrainingRun.state == "running", TrainingRun.lease_until < now))
    return session.scalar(select(TrainingRun.id).where(active).limit(1)) is not None


def note_waiting(session: Session, run: int, waits_for: str | None) -> None:
    """Says why a queued run does not start yet, in English; None: nothing is in its way."""
    session.execute(
        update(TrainingRun).where(TrainingRun.id == run, TrainingRun.state == "queued").values(waits_for=waits_for)
    )


def queued_runs(session: Session) -> list[TrainingRun]:
    """Runs that nobody has started, oldest first."""
    queued = select(TrainingRun).where(TrainingRun.state == "queued").order_by(TrainingRun.requested_at)
    return list(session.scalars(queued))


def runs_of(session: Session, region: str, limit: int = 20) -> list[TrainingRun]:
    """A region's runs, newest first."""
    runs = select(TrainingRun).where(TrainingRun.region_id == region).order_by(TrainingRun.id.desc()).limit(limit)
    return list(session.scalars(runs))


def run_by_id(session: Session, run: int) -> TrainingRun | None:
    """One run."""
    return session.get(TrainingRun, run)


def record_release(session: Session, release: Release) -> None:
    """Notes a release that now lies signed on the shelf; once, however often it is said."""
    if session.get(Release, release.version) is None:
        session.add(release)


def releases_of(session: Session, region: str) -> list[Release]:
    """What this installation released for a region, newest first."""
    return list(session.scalars(select(Release).where(Release.region_id == region).order_by(Release.seq.desc())))


def record_advisory(
    session: Session,
    region: str,
    *,
    pest: str,
    advice: Mapping[str, Any],
    now: datetime,
    trap: tuple[int, str] | None = None,
) -> Advisory:
    """Issues advice; the phones it concerns fetch it at their next sync.

    Args:
      session: a writing transaction.
      region: whose phones.
      pest: species key.
      advice: structured, as `pestwatch.advisory.rules` made it.
      now: aware instant.
      trap: (device, trap) for one phone; None for the whole region.
    """
    device, name = trap or (None, None)
    row = Advisory(
        region_id=region,
        device_id=device,
        trap=name,
        pest=pest,
        advice=dict(advice),
        issued_at=now,
        server_seq=next_server_seq(session),
    )
    session.add(row)
    session.flush()
    return row


def latest_advisories(session: Session, region: str) -> list[Advisory]:
    """The newest advice for each trap and pest of a region, newest first; not of traps whose phone was moved away."""
    newest = (
        select(func.max(Advisory.id))
        .outerjoin(Device, Device.id == Advisory.device_id)
        .where(Advisory.region_id == region, or_(Advisory.device_id.is_(None), Device.region_id == region))
        .group_by(Advisory.device_id, Advisory.trap, Advisory.pest)
    )
    return list(session.scalars(select(Advisory).where(Advisory.id.in_(newest)).order_by(Advisory.id.desc())))


def waiting_runs(session: Session) -> list[datetime]:
    """Since when each run waits that no trainer has begun."""
    waiting = select(TrainingRun.requested_at).where(TrainingRun.state == "queued")
    return list(session.scalars(waiting.order_by(TrainingRun.requested_at)))


def record_beat(session: Session, name: str, now: datetime, detail: Any = None) -> None:
    """A process says that it is alive."""
    if not insert_once(session, ProcessBeat, name=name, at=now, detail=detail):
        session.execute(update(ProcessBeat).where(ProcessBeat.name == name).values(at=now, detail=detail))


def beats(session: Session) -> list[ProcessBeat]:
    """Every process that ever said it is alive, by name."""
    return list(session.scalars(select(ProcessBeat).order_by(ProcessBeat.name)))


def _change_held(session: Session, claim: Claim, values: Mapping[str, Any]) -> bool:
    held = (
        update(TrainingRun)
        .where(
            TrainingRun.id == claim.run,
            TrainingRun.state == "running",
            TrainingRun.claimed_by == claim.worker,
            TrainingRun.attempt == claim.attempt,
        )
        .values(**values)
        .returning(TrainingRun.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(held) is not None
