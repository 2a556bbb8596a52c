"""An officer on the telephone: reads six digits to a farmer, sees who asks with them, and says yes or no.

The page needs no script: while it waits, the browser loads it anew every few seconds.
"""

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from pestwatch.errors import Problem
from server import auth
from server.config import current_time
from server.db import audit, openings
from server.db.access_tables import EnrolmentOpening
from server.db.session import request_scope

RELOAD_S = 3


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/openings", view_func=open_enrolment, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/openings/<int:opening>", view_func=show_opening)
    blueprint.add_url_rule("/regions/<region>/openings/<int:opening>/answer", view_func=answer_phone, methods=["POST"])


def open_enrolment(region: str) -> Response:
    """A fresh code; what this officer had open before is closed."""
    with request_scope() as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        opened = openings.open_enrolment(session, row.id, g.staff.id, current_time())
    return redirect(url_for("dashboard.show_opening", region=region, opening=opened.id))


def show_opening(region: str, opening: int) -> str:
    """The code, then the name of who asks, then what became of it."""
    now = current_time()
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        found = _own(session, row.id, opening)
        return render_template(
            "opening.html",
            region=row,
            opening=found,
            state=found.state(now),
            minutes=max(0, -int((now - found.expires_at).total_seconds() // 60)),
            reload_s=RELOAD_S,
        )


def answer_phone(region: str, opening: int) -> Response:
    """Yes or no to the phone that asked."""
    with request_scope() as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        found = _own(session, row.id, opening, to_change=True)
        device = openings.decide(session, found, is_known=request.form.get("known") == "yes", now=current_time())
        subject = f"device {device.id}" if device else f"opening {found.id}"
        action = "let_in" if device else "refuse"
        audit.note(session, action, subject, staff=g.staff.id, now=current_time(), region=row.id)
    return redirect(url_for("dashboard.show_opening", region=region, opening=opening))


def _own(session: Session, region: str, opening: int, *, to_change: bool = False) -> EnrolmentOpening:
    found = openings.own_opening(session, g.staff.id, opening, to_change=to_change)
    if found.region_id != region:
        raise Problem("404.1", name=f"opening {opening}")
    return found
