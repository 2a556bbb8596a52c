"""The server: Flask, SQLAlchemy, Celery. `create_app` is where its rooms are put together.

Start-up stays free of TensorFlow and numpy: a page view must not load 500 MB.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from pestwatch.errors import Problem
from server import app_files, auth, commands, dashboard, logs, metrics
from server.api import consent, earlier, enrol, health, photos, releases, sms, sync
from server.api.answers import answer_problem, as_problem
from server.config import Settings, current_settings
from server.db.session import open_engine
from server.faults import problem_of
from server.turnstile import Turnstile

MAX_BODY_BYTES = 1_000_000
"""For every request that does not say otherwise."""
LINK_PATIENCE_S = 120
"""A link that carried nothing for so long is dead; many die without a word, and each would keep a thread for ever."""
SESSION_LIFE = timedelta(hours=12)


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def create_app(settings: Settings | None = None, clock: Callable[[], datetime] = utc_now) -> Flask:
    """Puts the server together.

    Args:
      settings: read from the environment if None.
      clock: what time it is; a parameter so that tests can say.
    """
    settings = settings or Settings.from_env()
    app = Flask("server", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFE,
        SESSION_COOKIE_NAME="pestwatch",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
    )
    app.extensions["pestwatch.settings"] = settings
    app.extensions["pestwatch.engine"] = open_engine(settings.database_url)
    app.extensions["pestwatch.clock"] = clock
    for room in (sync, sms, enrol, consent, earlier, photos, releases, health, metrics, app_files, dashboard):
        app.register_blueprint(room.blueprint)
    commands.register(app)
    logs.log_requests(app, metrics.watch, is_written=settings.log_requests)
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(HTTPException, _answer_refusal)
    app.register_error_handler(Exception, _answer_fault)
    app.before_request(_lose_patience)
    app.before_request(auth.show_token)
    app.after_request(_harden)
    app.wsgi_app = Turnstile(app.wsgi_app)  # type: ignore[method-assign]
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _lose_patience() -> None:
    link = request.environ.get("gunicorn.socket")
    if link is not None:
        link.settimeout(LINK_PATIENCE_S)


def _answer_problem(problem: Problem) -> Response:
    return answer_problem(problem)


def _answer_refusal(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:  # a redirect
        return error.get_response()  # type: ignore[return-value]
    return answer_problem(as_problem(error))


def _answer_fault(error: Exception) -> Response:
    return answer_problem(problem_of(error))


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if current_settings().public_url.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
