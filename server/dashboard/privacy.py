"""A farmer's rights, at the officer's desk: a copy of everything, erasure, and finding the texts of one telephone number."""

import tempfile

from flask import Blueprint, Response, g, redirect, render_template, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from pestwatch.errors import Problem
from server import auth
from server.config import current_settings, current_time
from server.db import audit, devices, sms
from server.db.session import request_scope, unscoped
from server.db.tables import Device
from server.erasure import erase_person, write_copy

SHOWN_TEXTS = 50
LEAST_DIGITS = 10


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/rights", view_func=show_rights)
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/copy", view_func=copy_person, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/phones/<int:device>/erase", view_func=erase, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/senders", view_func=find_sender, methods=["POST"])


def show_rights(region: str, device: int) -> str:
    """What was agreed to, a copy, erasure."""
    with request_scope(read_only=True) as session:
        found = own_phone(session, region, device)
        row = auth.allowed_region(session, g.staff, region, "phones")
        consents = devices.consents_of(session, found.id)
        return render_template("rights.html", region=row, phone=found, consents=consents)


def copy_person(region: str, device: int) -> Response:
    """Everything that is kept about whoever uses a phone, as a zip to hand over."""
    out = tempfile.TemporaryFile(prefix="pestwatch-")  # noqa: SIM115 - send_file closes it once it is sent
    try:
        with request_scope() as session:
            found = own_phone(session, region, device)
            write_copy(session, current_settings(), found, out)
            subject = f"device {device}"
            audit.note(session, "copy", subject, staff=g.staff.id, now=current_time(), region=region)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return send_file(out, "application/zip", as_attachment=True, download_name=f"pestwatch-phone-{device}.zip")


def erase(region: str, device: int) -> AnyResponse:
    """Erases whoever uses a phone, once the officer has written its number as well."""
    with request_scope(read_only=True) as session:
        found = own_phone(session, region, device)
    if request.form.get("number", "").strip() != str(device):
        raise Problem("422.5", field="number", detail="write the number of the phone that is to be erased")
    with unscoped() as session:  # one of its photos may be another region's, too
        row = devices.device_by_id(session, found.id)
        if row.erased_at is None:
            erase_person(session, current_settings(), row, staff=g.staff.id, now=current_time())
    return redirect(url_for("dashboard.show_rights", region=region, device=device))


def find_sender(region: str) -> str:
    """The texts that came from a telephone number. It travels in the form, so that it stands in no address and no log."""
    number = request.form.get("number", "")
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region, "phones")
        if sum(letter.isdecimal() for letter in number) < LEAST_DIGITS:
            raise Problem("422.5", field="number", detail=f"write all its {LEAST_DIGITS} digits")
        texts = sms.texts_of_sender(session, row.id, auth.number_hash(number), SHOWN_TEXTS)
        return render_template("senders.html", region=row, texts=texts)


def own_phone(session: Session, region: str, device: int) -> Device:
    """A phone of a region in which this officer looks after phones.

    Raises:
      Problem 403.1: not theirs.
      Problem 404.1: no such phone here.
    """
    row = auth.allowed_region(session, g.staff, region, "phones")
    found = devices.device_by_id(session, device)
    if found.region_id != row.id:
        raise Problem("404.1", name=f"device {device}")
    return found
