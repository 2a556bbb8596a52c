"""Celery bound to an installation: context, JSON only, queues.

The tasks are shims: what is done stands in server/tasks, and what is due stands in the database. So a message may be
lost, come twice or come late without harm. Valkey and Redis are both spoken to as redis://.

Source: docs/adr/0004 (the rows are the queue).
"""

from datetime import UTC, datetime
from typing import Any

from celery import Celery

from server.config import Settings
from server.tasks.schedule import DEFAULT, JOBS, TRAINING, Job, run_job

SHORT_LIMIT_S = 300
"""A short job that takes longer is ended; it is run again at its next beat."""
VISIBILITY_S = 1800
"""Longer than any message stays unacknowledged: short jobs end before, training is acknowledged at once."""
BROKER_OPTIONS = {
    "visibility_timeout": VISIBILITY_S,
    "socket_timeout": 30,
    "health_check_interval": 25,
    "global_keyprefix": "pestwatch:",
}


def make_celery(settings: Settings) -> Celery:
    """Celery for this installation, with a task for each line of the beat table."""
    app = Celery("pestwatch", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=DEFAULT,
        task_queues={name: {"exchange": name, "routing_key": name} for name in (DEFAULT, TRAINING)},
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_soft_shutdown_timeout=20,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # the usual hundred end a worker whose broker is away for 47 minutes
        broker_transport_options=BROKER_OPTIONS,
        visibility_timeout=VISIBILITY_S,
        timezone="UTC",
        beat_schedule={job.name: _beat(job) for job in JOBS},
        beat_schedule_filename=str(settings.data / "celerybeat-schedule"),
    )
    for job in JOBS:
        _add_task(app, settings, job)

    return app


def _beat(job: Job) -> dict[str, Any]:
    # A message that nobody took until the next beat is worthless: the next one asks the same question.
    return {"task": job.name, "schedule": float(job.every_s), "options": {"queue": job.queue, "expires": job.every_s}}


def _add_task(app: Celery, settings: Settings, job: Job) -> None:
    is_short = job.queue == DEFAULT
    limits = {"time_limit": SHORT_LIMIT_S, "soft_time_limit": SHORT_LIMIT_S - 30} if is_short else {}

    @app.task(name=job.name, shared=False, acks_late=is_short, reject_on_worker_lost=is_short, **limits)  # type: ignore[untyped-decorator]
    def shim() -> None:
        run_job(job.name, settings, datetime.now(UTC))
