"""Coming and going: name and password, five tries."""

import re

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from pestwatch.errors import Problem
from server import auth
from server.config import current_time
from server.dashboard import words


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/login", view_func=show_login)
    blueprint.add_url_rule("/login", view_func=log_in, methods=["POST"])
    blueprint.add_url_rule("/logout", view_func=log_out, methods=["POST"])


def show_login() -> str | Response:
    """The form."""
    return redirect(url_for("dashboard.today")) if g.staff else render_template("login.html", name="", trouble=None)


def log_in() -> Response | tuple[str, int]:
    """Opens a session; a failure shows the form again, with the name kept."""
    name = request.form.get("name", "")
    password = request.form.get("password", "")
    engine = current_app.extensions["pestwatch.engine"]
    try:
        staff = auth.log_in(engine, name, password, request.remote_addr or "", current_time())
    except Problem as problem:
        trouble = words.problem_words(problem.sentence, problem.params)
        return render_template("login.html", name=name, trouble=trouble), problem.status
    language = cookie.get("locale")
    auth.remember(staff)
    cookie["locale"] = language or staff.locale
    wanted = request.args.get("next", "")
    return redirect(wanted if is_ours(wanted) else url_for("dashboard.today"))


def log_out() -> Response:
    """Closes the session; the language stays."""
    language = cookie.get("locale")
    auth.forget()
    if language:
        cookie["locale"] = language
    return redirect(url_for("dashboard.show_login"))


def is_ours(address: str) -> bool:
    """Whether an address stays on this site: a link from outside must not send an officer elsewhere.

    Browsers read a backslash as a slash, and leave out tabs and line ends: `/<tab>/evil.example` is another site's.
    """
    return re.fullmatch(r"/(?!/)[^\\\x00-\x20]*", address) is not None
