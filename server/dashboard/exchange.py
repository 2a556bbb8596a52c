"""Data page: take in another system's observations, give out the region's own, and see who did so before."""

import base64
import io
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from typing import BinaryIO, cast

from flask import Blueprint, Response, g, render_template, request, send_file
from werkzeug.datastructures import FileStorage

from pestwatch.errors import Problem
from pestwatch.i18n import N_
from pestwatch.surveillance.rollup import INDIA
from server import auth
from server.config import current_settings, current_time
from server.dashboard.words import _
from server.db import transfers
from server.db.session import request_engine, request_scope
from server.db.tables import Region
from server.exchange.giving_out import FORMATS, file_name, give_out
from server.exchange.mapping import KINDS, FieldMapping, read_mapping, renamed, shipped_mapping
from server.exchange.rejects import write_rejects
from server.exchange.taking_in import Intake

MAX_UPLOAD_BYTES = 20_000_000
"""Some 60,000 submissions; larger files go through the command line."""
MAX_MAPPING_BYTES = 100_000
SHOWN_TROUBLES = 50
SHOWN_TRANSFERS = 20
USUAL_DAYS = 70
STATUSES: Mapping[str, str] = {
    "stored": N_("new, stored"),
    "duplicate": N_("here already"),
    "conflict": N_("said something else before"),
    "rejected": N_("to be corrected"),
    "quarantined": N_("kept aside, as this source was stopped"),
    "skipped": N_("turned down by a reviewer, left out"),
}
KIND_NAMES: Mapping[str, str] = {
    "csv": N_("Table (CSV), every count"),
    "geojson-traps": N_("Map (GeoJSON), by trap"),
    "geojson-talukas": N_("Map (GeoJSON), by taluka"),
    "plants": N_("Table (CSV), every look at the plants"),
    "darwin-core": N_("Darwin Core Archive"),
    "camtrap-dp": N_("Camtrap DP, counts of photos"),
    "figures": N_("Figures for the public (CSV), by taluka and week"),
}


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/data", view_func=show_data)
    blueprint.add_url_rule("/regions/<region>/data", view_func=take_observations, methods=["POST"])
    blueprint.add_url_rule("/regions/<region>/data/file", view_func=give_observations)


def show_data(region: str) -> str:
    """Both forms, and the log."""
    return _page(_allowed(region))


def take_observations(region: str) -> str:
    """Takes in an uploaded file and shows what became of its rows."""
    row = _allowed(region)
    uploaded = request.files.get("file")
    if uploaded is None or not uploaded.filename:
        raise Problem("422.5", field=_("File"), detail="choose one")
    intake, mapping, rejects = Intake(), _chosen_mapping(), io.BytesIO()
    took = intake.take(
        request_engine(),
        cast("BinaryIO", uploaded.stream),
        mapping,
        row.id,
        name=uploaded.filename,
        staff=g.staff.id,
        now=current_time(),
    )
    troubles = list(write_rejects(took, mapping, rejects))
    encoded = base64.b64encode(rejects.getvalue()).decode() if troubles else ""
    return _page(row, rows=intake.rows, troubles=troubles, rejects=encoded)


def give_observations(region: str) -> Response:
    """The file. It is written whole before the first byte leaves, so what arrives is never half an archive."""
    row, kind = _allowed(region), request.args.get("as", "")
    first, last = _day("first"), _day("last")
    out = tempfile.TemporaryFile(prefix="pestwatch-")  # noqa: SIM115 - send_file closes it once it is sent
    engine, settings, now = request_engine(), current_settings(), current_time()
    try:
        give_out(engine, settings, row, kind, out, first=first, last=last, staff=g.staff.id, now=now)
    except BaseException:
        out.close()
        raise
    name = file_name(row.id, kind, first, last)
    return send_file(out, FORMATS[kind].media_type, as_attachment=True, download_name=name)


def _allowed(region: str) -> Region:
    with request_scope(read_only=True) as session:
        return auth.allowed_region(session, g.staff, region, "data")


def _page(region: Region, **told: object) -> str:
    today = current_time().astimezone(INDIA).date()
    with request_scope(read_only=True) as session:
        done = transfers.transfers_of(session, region.id, SHOWN_TRANSFERS)
    return render_template(
        "data.html",
        region=region,
        kinds=KIND_NAMES,
        statuses=STATUSES,
        shown=SHOWN_TROUBLES,
        first=today - timedelta(days=USUAL_DAYS),
        last=today,
        done=done,
        **told,
    )


def _chosen_mapping() -> FieldMapping:
    own: FileStorage | None = request.files.get("own")
    if own is not None and own.filename:
        mapping = read_mapping(own.stream.read(MAX_MAPPING_BYTES), own.filename)
    else:
        kind = request.form.get("mapping", "")
        if kind not in KINDS:
            raise Problem("404.1", name=kind[:80])
        mapping = shipped_mapping(kind)
    source = request.form.get("source", "").strip()
    return renamed(mapping, source) if source else mapping


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError as error:
        raise Problem("422.5", field=name, detail="write a day as 2026-11-25") from error
