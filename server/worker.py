"""`celery --app server.worker worker|beat`: the Celery app of this installation."""

from server.celery_app import make_celery
from server.config import Settings

celery = make_celery(Settings.from_env())
