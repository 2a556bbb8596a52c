"""What the phones of a region were told: the newest advice for each trap, in the farmer's own sentences."""

from flask import Blueprint, g, render_template

from server import auth
from server.dashboard import words
from server.dashboard.paging import page_of
from server.db import catches, devices, work
from server.db.session import request_scope


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/advice", view_func=show_advice)


def show_advice(region: str) -> str:
    """The log."""
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region)
        names = {(trap.device_id, trap.trap): trap for trap in catches.traps_of(session, row.id)}
        spoken = {phone.locale for phone in devices.devices_of(session, row.id) if not phone.revoked_at}
        return render_template(
            "advice.html",
            region=row,
            page=page_of(work.latest_advisories(session, row.id)),
            names=names,
            unchecked=words.unchecked_languages(spoken),
        )
