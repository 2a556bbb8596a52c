"""`celery --app server.worker worker|beat`: the Celery app of this installation."""

from celery.signals import setup_logging

from server.celery_app import make_celery
from server.config import Settings
from server.logs import write_lines

celery = make_celery(Settings.from_env())


@setup_logging.connect  # type: ignore[untyped-decorator]
def _write_lines(**_told: object) -> None:
    write_lines()
