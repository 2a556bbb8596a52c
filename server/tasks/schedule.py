"""The beat table and the queue names, on one screen.

Every job asks the database what is due, so running one twice, late, or not at all for an hour does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.config import Settings
from server.db.session import open_engine, session_scope
from server.db.work import record_beat
from server.tasks.advise import issue_advisories
from server.tasks.count_waiting import count_waiting_facts
from server.tasks.erase import erase_withdrawn
from server.tasks.half_photos import forget_half_photos
from server.tasks.retrain import ask_for_runs, retrain_due

DEFAULT: Final = "default"
"""Seconds of work."""
TRAINING: Final = "training"
"""Minutes to hours of work, in a subprocess."""

PROCESS_OF: Final = {DEFAULT: "scheduler", TRAINING: "worker"}
"""Queue -> the name under which whoever works on it says that it is alive."""


@dataclass(frozen=True)
class Job:
    """One line of the beat table."""

    name: str
    queue: str
    every_s: int
    run: Callable[[Settings, datetime], int]
    """Does what is due; answers how many things it did."""


JOBS: Final = (
    Job("issue_advisories", DEFAULT, 60, issue_advisories),
    Job("erase_withdrawn", DEFAULT, 3600, erase_withdrawn),
    Job("count_waiting_facts", DEFAULT, 300, count_waiting_facts),
    Job("ask_for_runs", DEFAULT, 900, ask_for_runs),
    Job("forget_half_photos", DEFAULT, 3600, forget_half_photos),
    Job("retrain_due", TRAINING, 15, retrain_due),
)


def run_job(name: str, settings: Settings, now: datetime) -> int:
    """Runs one job, and notes that its process is alive."""
    job = next(job for job in JOBS if job.name == name)
    say_alive(settings, PROCESS_OF[job.queue], now)
    return job.run(settings, now)


def say_alive(settings: Settings, process: str, now: datetime) -> None:
    """Notes in the database that a process is alive."""
    engine = open_engine(settings.database_url)
    try:
        with session_scope(engine) as session:
            record_beat(session, process, now)
    finally:
        engine.dispose()
