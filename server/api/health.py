"""GET /health and /ready: does the process live, and could it answer a phone."""

from flask import Blueprint, Response, current_app

from pestwatch import __version__
from pestwatch.errors import Problem
from server.api.answers import PREFIX, answer
from server.db.migrate import is_at_head

blueprint = Blueprint("health", __name__, url_prefix=PREFIX)


@blueprint.get("/health")
def health() -> Response:
    """The process lives."""
    return answer({"status": "ok", "version": __version__})


@blueprint.get("/ready")
def ready() -> Response:
    """The database answers and has the schema that this version needs."""
    if not is_at_head(current_app.extensions["pestwatch.engine"]):
        raise Problem("503.1", what="The database", waits_for="its migrations")
    return answer({"status": "ready"})
