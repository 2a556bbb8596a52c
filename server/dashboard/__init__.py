"""Blueprint /: what officers see. Plain HTML and inline SVG; only the marking of points on a photo needs JavaScript.

Promises: every page is for somebody who logged in and may see that region; nothing on a page comes from another host;
every form carries a token of the session; nothing here enqueues, a request commits rows and the worker finds them.
"""

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from pestwatch import i18n
from pestwatch.errors import Problem
from server import auth
from server.dashboard import (
    advisories,
    agronomy,
    exchange,
    login,
    office,
    openings,
    phones,
    privacy,
    regions,
    review,
    today,
    training,
    words,
)
from server.db.session import request_scope
from server.faults import problem_of

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
OPEN_TO_ALL = {"dashboard.static", "dashboard.show_login", "dashboard.log_in"}
blueprint = Blueprint("dashboard", __name__, template_folder="templates", static_folder="static")
for room in (
    login,
    today,
    regions,
    review,
    training,
    phones,
    openings,
    privacy,
    advisories,
    exchange,
    agronomy,
    office,
):
    room.add_to(blueprint)


@blueprint.before_request
def _enter() -> AnyResponse | None:
    """Sets the language, then lets in only who is logged in; a form must come from a page of ours."""
    if request.endpoint == "dashboard.static":
        return None
    if (chosen := request.args.get("lang")) in i18n.LOCALES:
        cookie["locale"] = chosen
    g.staff = None
    if "staff" in cookie:
        with request_scope(read_only=True) as session:
            g.staff = auth.current_staff(session)
    if g.staff is None and request.endpoint not in OPEN_TO_ALL:
        return redirect(url_for("dashboard.show_login", next=request.full_path if request.method == "GET" else None))
    if request.endpoint == "dashboard.take_observations":
        request.max_content_length = exchange.MAX_UPLOAD_BYTES
    if request.method == "POST":
        auth.check_csrf()
    return None


@blueprint.after_request
def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if request.endpoint != "dashboard.static":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


@blueprint.context_processor
def _for_templates() -> dict[str, Any]:
    """What every template may use."""
    return {
        "_": words._,
        "ngettext": words.ngettext,
        "words": words,
        "locales": i18n.LOCALES,
        "locale": words.locale(),
        "csrf_token": auth.csrf_token,
        "staff": g.get("staff"),
        "may": _may,
    }


def _may(right: auth.Right) -> bool:
    return g.get("staff") is not None and auth.may(g.staff, right)


@blueprint.errorhandler(Problem)
def _show_problem(problem: Problem) -> tuple[str, int]:
    sentence = words.problem_words(problem.sentence, problem.params)
    return render_template("problem.html", number=problem.number, sentence=sentence), problem.status


@blueprint.errorhandler(HTTPException)
def _show_refusal(error: HTTPException) -> AnyResponse | tuple[str, int]:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    return _show_problem(Problem("400.1", detail=error.description or error.name))


@blueprint.errorhandler(Exception)
def _show_fault(error: Exception) -> tuple[str, int]:
    return _show_problem(problem_of(error))
