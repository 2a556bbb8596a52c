"""GET /health and /ready: does the process live, and could it answer a phone."""

from flask import Blueprint, Response, current_app
from redis import Redis, RedisError

from pestwatch import __version__
from pestwatch.errors import Problem
from server.api.answers import PREFIX, answer
from server.config import current_settings
from server.db.migrate import is_at_head

blueprint = Blueprint("health", __name__, url_prefix=PREFIX)


@blueprint.get("/health")
def health() -> Response:
    """The process lives."""
    return answer({"status": "ok", "version": __version__})


@blueprint.get("/ready")
def ready() -> Response:
    """The database answers and has the schema that this version needs.

    A broker that is away is told and does not count: phones need none, and what waits for it stands in the database.
    """
    if not is_at_head(current_app.extensions["pestwatch.engine"]):
        raise Problem("503.1", what="The database", waits_for="its migrations")
    return answer({"status": "ready", "broker": _broker()})


def _broker() -> str:
    url = current_settings().broker_url
    if url is None:
        return "none"
    try:
        with Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as broker:
            broker.ping()
    except RedisError:
        return "away"
    return "here"
