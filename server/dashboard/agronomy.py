"""Agronomy page: agronomists read every trap number and every sentence of advice, and say which of them they stand by.

Their word is shown to officers beside the number. It changes no number: those come from their sources alone, and a
sentence that changes is a new one that nobody has read.
"""

from collections.abc import Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from pestwatch import i18n
from pestwatch.advisory.messages import MESSAGES
from pestwatch.domain.threshold import Threshold, thresholds
from pestwatch.errors import Problem
from server import auth
from server.config import current_time
from server.dashboard import words
from server.db import approvals, audit
from server.db.approvals import Approvable
from server.db.session import request_scope


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/agronomy", view_func=show_agronomy)
    blueprint.add_url_rule("/agronomy", view_func=answer_for, methods=["POST"])


def show_agronomy() -> str:
    """Everything, with who stands by it."""
    auth.require(g.staff, "agronomy")
    numbers = [(row, of_threshold(row)) for row in thresholds() if row.is_usable]
    sentences = [(key, _of_sentence(key)) for key in MESSAGES]
    with request_scope(read_only=True) as session:
        standing = approvals.approvals_of(session, [thing for _, thing in [*numbers, *sentences]])
    return render_template("agronomy.html", numbers=numbers, sentences=sentences, messages=MESSAGES, standing=standing)


def answer_for() -> Response:
    """Stands by one thing, or does so no more."""
    auth.require(g.staff, "agronomy")
    thing = _chosen(request.form.get("kind", ""), request.form.get("key", ""))
    if request.form.get("content") != thing.content_hash:
        raise Problem("403.3")  # it has changed since the page was loaded
    is_yes = request.form.get("answer") == "yes"
    with request_scope() as session:
        approvals.withdraw(session, thing, current_time())
        if is_yes:
            approvals.approve(session, thing, g.staff.id, current_time())
        action, subject = "approve" if is_yes else "withdraw_approval", f"{thing.kind} {thing.key}"
        audit.note(session, action, subject, staff=g.staff.id, now=current_time(), locale=thing.locale)
    return redirect(url_for("dashboard.show_agronomy", _anchor=f"{thing.kind}-{thing.key}"))


def of_threshold(row: Threshold) -> Approvable:
    """A trap number as it is approved: with its unit, where it holds, and its source."""
    places: Sequence[str] = row.states or ("IN",)
    content = (
        f"{row.value_min}..{row.value_max} {row.unit} {row.crops} {places} x{row.consecutive} {row.role} {row.source}"
    )
    return Approvable("threshold", row.id, i18n.SOURCE_LOCALE, content)


def _of_sentence(key: str) -> Approvable:
    text = i18n.translate(words.locale(), "advisory", MESSAGES[key])
    return Approvable("advice", key, text.locale, str(text))


def _chosen(kind: str, key: str) -> Approvable:
    known = {row.id: row for row in thresholds()}
    if kind == "threshold" and key in known:
        return of_threshold(known[key])
    if kind == "advice" and key in MESSAGES:
        return _of_sentence(key)
    raise Problem("404.1", name=f"{kind} {key}"[:80])
