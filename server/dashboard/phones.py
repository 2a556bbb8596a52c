"""Phones page: enrol one with a QR code, see when each was here and with which model, and stop a lost one."""

import io
from typing import Any

import segno
from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from server import auth
from server.config import current_settings, current_time
from server.dashboard.paging import page_of
from server.dashboard.privacy import own_phone
from server.dashboard.troubles import troubles_of
from server.db import audit, catches, devices, eras, people, read_models, store
from server.db.session import request_scope

SHOWN_TROUBLES = 50
"""The newest ones; the ledger keeps them all."""


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/phones", view_func=show_phones)
    blueprint.add_url_rule("/regions/<region>/phones", view_func=new_code, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/stop", view_func=stop_phone, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/believe", view_func=believe, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/lead", view_func=appoint, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/move", view_func=move, methods=["POST"])


def show_phones(region: str) -> str:
    """Every phone of the region, and what could not be used of what they sent."""
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        traps: dict[int, list[str]] = {}
        for trap in catches.traps_of(session, row.id):
            traps.setdefault(trap.device_id, []).append(trap.name)
        phones, restored_at = devices.devices_of(session, row.id), eras.restored_at(session)
        return render_template(
            "phones.html",
            region=row,
            page=page_of(phones),
            restored_at=restored_at,
            come_again=restored_at and eras.come_again(phones, restored_at),
            traps=traps,
            troubles=troubles_of(session, row.id, SHOWN_TROUBLES, nobodys=g.staff.role == "admin"),
            now=current_time(),
            most_traps=read_models.MOST_TRAPS,
            elsewhere=[other for other in people.regions_for(session, g.staff) if other.id != row.id],
        )


def new_code(region: str) -> Response:
    """A fresh enrolment code. It is shown this once, because only its hash is kept."""
    with request_scope() as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        code = auth.make_code(session, row.id, current_time(), staff=g.staff.id)
        _note(session, "make_code", row.id, row.id)
    address = auth.enrolment_address(current_settings().public_url, code)
    page = render_template(
        "code.html",
        region=row,
        code=code,
        address=address,
        qr=qr_svg(address),
        is_secure=address.startswith("https:"),
    )
    return make_response(page)


def stop_phone(region: str, device: int) -> AnyResponse:
    """What this phone sends from now on is kept aside."""
    with request_scope() as session:
        found = own_phone(session, region, device)
        devices.revoke_device(session, found.id, current_time())
        _note(session, "stop_phone", region, f"device {device}")
    return redirect(url_for("dashboard.show_phones", region=region))


def believe(region: str, device: int) -> AnyResponse:
    """What a stopped phone sent counts after all."""
    with request_scope() as session:
        found = own_phone(session, region, device)
        accepted = store.accept_quarantined(session, found.id)
        _note(session, "believe", region, f"device {device}", facts=accepted)
    return redirect(url_for("dashboard.show_phones", region=region))


def appoint(region: str, device: int) -> AnyResponse:
    """Makes this phone a lead farmer's, or an ordinary one again."""
    with request_scope() as session:
        found = own_phone(session, region, device)
        is_lead = request.form.get("lead") == "yes"
        read_models.appoint_lead(session, found, is_lead=is_lead, now=current_time())
        _note(session, "appoint" if is_lead else "dismiss", region, f"device {device}")
    return redirect(url_for("dashboard.show_phones", region=region))


def move(region: str, device: int) -> AnyResponse:
    """Gives this phone to another region of the same officer's."""
    with request_scope() as session:
        found = own_phone(session, region, device)
        to = auth.allowed_region(session, g.staff, request.form.get("to", ""), "phones")
        if to.id != region:
            devices.move_device(session, found, to.id)
            _note(session, "move", region, f"device {device}", to=to.id)
    return redirect(url_for("dashboard.show_phones", region=to.id))


def qr_svg(address: str) -> Markup:
    """A QR code as an inline SVG, black on white whatever the page's colours are."""
    out = io.BytesIO()
    segno.make(address, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, border=3, light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - made of modules, not of text


def _note(session: Session, action: str, region: str, subject: str, **detail: Any) -> None:
    audit.note(session, action, subject, staff=g.staff.id, now=current_time(), region=region, **detail)
