"""`celery --app server.worker worker|beat`: the Celery app of this installation."""

from billiard import pool
from celery.signals import setup_logging

from server.celery_app import make_celery
from server.config import Settings
from server.logs import write_lines

# A child that ends waits, for up to 300 times 0.1 s, until the worker has read its last result; one that is being stopped may
# have ceased to read, and then waits for the child (seen once in 59 stops: 32 s). No result of ours is worth that: what is
# due stands in the database. Source: billiard 4.3.2, pool.py, Worker._ensure_messages_consumed.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20

celery = make_celery(Settings.from_env())


@setup_logging.connect  # type: ignore[untyped-decorator]
def _write_lines(**_told: object) -> None:
    write_lines()
