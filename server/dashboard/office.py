"""Office pages, for administrators: who may log in and where, which regions there are, and the log of who did what."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from pestwatch.domain.places import districts
from pestwatch.errors import Problem
from pestwatch.i18n import N_
from server import auth
from server.config import current_time
from server.db import audit, people
from server.db.session import request_scope
from server.db.tables import Staff

REGION_ID = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,8}){1,3}")
SHOWN_ENTRIES = 50
ROLES: Mapping[str, str] = {"officer": N_("officer"), "agronomist": N_("agronomist"), "admin": N_("administrator")}
ACTIONS: Mapping[str, str] = {
    "make_code": N_("made a QR code"),
    "let_in": N_("let a phone in"),
    "refuse": N_("refused a phone"),
    "stop_phone": N_("stopped a phone"),
    "believe": N_("let what a stopped phone sent count"),
    "appoint": N_("made a lead farmer"),
    "dismiss": N_("took back a lead farmer"),
    "move": N_("moved a phone to another region"),
    "copy": N_("gave a farmer a copy"),
    "erase": N_("erased a farmer"),
    "retrain": N_("asked for training"),
    "approve": N_("stands by"),
    "withdraw_approval": N_("no longer stands by"),
    "hire": N_("gave a login"),
    "assign": N_("changed role or regions"),
    "new_password": N_("gave a new password"),
    "dismiss_staff": N_("took away a login"),
    "return_staff": N_("gave a login back"),
    "add_region": N_("added or renamed a region"),
}


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/office", view_func=show_office)
    blueprint.add_url_rule("/office/staff", view_func=hire, methods=["POST"])
    blueprint.add_url_rule("/office/staff/<int:staff>", view_func=assign, methods=["POST"])
    blueprint.add_url_rule("/office/staff/<int:staff>/password", view_func=new_password, methods=["POST"])
    blueprint.add_url_rule("/office/staff/<int:staff>/leave", view_func=leave, methods=["POST"])
    blueprint.add_url_rule("/office/regions", view_func=add_region, methods=["POST"])
    blueprint.add_url_rule("/office/log", view_func=show_log)


def show_office() -> str:
    """Everybody, and every region."""
    auth.require(g.staff, "office")
    return _page()


def hire() -> str:
    """Gives somebody a login; the password is shown this once."""
    auth.require(g.staff, "office")
    name, password = people.folded(request.form.get("name", ""))[:80], secrets.token_urlsafe(9)
    hashed = auth.hash_password(password)
    with request_scope() as session:
        if not name or people.name_is_taken(session, name):
            raise Problem("422.5", field="name", detail="it is empty, or somebody has it already")
        role, regions = _role_and_regions(session)
        people.record_staff(session, name, password_hash=hashed, role=role, regions=regions, now=current_time())
        _note(session, "hire", name, role=role, regions=regions)
    return _page(name=name, password=password)


def assign(staff: int) -> Response:
    """Another role, other regions."""
    auth.require(g.staff, "office")
    with request_scope() as session:
        row = _colleague(session, staff)
        role, regions = _role_and_regions(session)
        people.assign(session, row, role, regions)
        _note(session, "assign", row.name, role=role, regions=regions)
    return redirect(url_for("dashboard.show_office"))


def new_password(staff: int) -> str:
    """A fresh password, shown this once; whoever is logged in with the former one is logged out."""
    auth.require(g.staff, "office")
    password = secrets.token_urlsafe(9)
    hashed = auth.hash_password(password)
    with request_scope() as session:
        row = _colleague(session, staff)
        row.password_hash = hashed
        _note(session, "new_password", row.name)
        name = row.name
    return _page(name=name, password=password)


def leave(staff: int) -> Response:
    """Takes a login away, at once; or gives it back."""
    auth.require(g.staff, "office")
    with request_scope() as session:
        row = _colleague(session, staff)
        row.left_at = None if row.left_at else current_time()
        _note(session, "dismiss_staff" if row.left_at else "return_staff", row.name)
    return redirect(url_for("dashboard.show_office"))


def add_region() -> Response:
    """Adds a region, or renames it."""
    auth.require(g.staff, "office")
    region, name = request.form.get("region", "").strip(), request.form.get("name", "").strip()
    district = districts().get(region)
    name = name or (district.name if district else "")
    if not REGION_ID.fullmatch(region) or not 0 < len(name) <= 120:
        raise Problem("422.5", field="region", detail="write a district id such as IN-MH-500, and a name")
    with request_scope() as session:
        people.record_region(session, region, name, current_time())
        _note(session, "add_region", region)
    return redirect(url_for("dashboard.show_office"))


def show_log() -> str:
    """Who did what to whom, newest first."""
    auth.require(g.staff, "office")
    with request_scope(read_only=True) as session:
        found = audit.entries(session, before=request.args.get("before", type=int), limit=SHOWN_ENTRIES + 1)
    shown, has_more = found[:SHOWN_ENTRIES], len(found) > SHOWN_ENTRIES
    return render_template("log.html", entries=shown, older=shown[-1][0].id if has_more else None, actions=ACTIONS)


def _page(**made: str) -> str:
    with request_scope(read_only=True) as session:
        return render_template(
            "office.html",
            everybody=people.all_staff(session),
            regions=people.all_regions(session),
            roles=ROLES,
            **made,
        )


def _colleague(session: Session, staff: int) -> Staff:
    """Anybody but oneself: an office whose last administrator has shut themselves out cannot be opened again.

    Raises:
      Problem 404.1: there is nobody of this number.
      Problem 403.4: it is oneself.
    """
    row = session.get(Staff, staff)
    if row is None:
        raise Problem("404.1", name=f"staff {staff}")
    if row.id == g.staff.id:
        raise Problem("403.4")
    return row


def _role_and_regions(session: Session) -> tuple[str, list[str]]:
    role, known = request.form.get("role", ""), {region.id for region in people.all_regions(session)}
    regions = sorted(known & set(request.form.getlist("regions")))
    if role not in ROLES or (role == "officer" and not regions):
        raise Problem("422.5", field="regions", detail="choose a role, and for an officer a region or more")
    return role, regions if role == "officer" else []


def _note(session: Session, action: str, subject: str, **detail: Any) -> None:
    audit.note(session, action, subject, staff=g.staff.id, now=current_time(), **detail)
