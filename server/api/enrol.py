"""POST /enrol: a one-time code becomes a phone with a token of its own.

The phone learns here, over a connection that the officer's QR code vouches for, which root key signs its region's models.
"""

import base64
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from pestwatch.sync.protocol import Instant
from server import auth
from server.api.answers import PREFIX, answer, known_locale, read_body, worded
from server.config import current_settings, current_time
from server.db.session import request_scope

MAX_BODY_BYTES = 4_000
blueprint = Blueprint("enrol", __name__, url_prefix=PREFIX)


class Consent(msgspec.Struct, frozen=True):
    """What the farmer agreed to, when, and in which language it was shown."""

    version: int
    at: Instant
    locale: Annotated[str, Meta(max_length=40)]


class EnrolRequest(msgspec.Struct, frozen=True):
    """What a phone says to be enrolled."""

    code: Annotated[str, Meta(max_length=40)]
    locale: str
    consent: Consent
    app: Annotated[str, Meta(max_length=40, pattern=r"^[^\x00]*$")] | None = None
    public_key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{87}=$(?!\n)")] | None = None


@blueprint.post("/enrol")
def enrol() -> Response:
    """Answers with the phone's number, its token and its SMS key; neither secret is ever shown again."""
    wanted = _read(read_body(MAX_BODY_BYTES))
    settings = current_settings()
    now, (locale, notices) = current_time(), known_locale(wanted.locale)
    root = open_installation(settings.keys_dir, now.replace(microsecond=0)).root
    consent: dict[str, Any] = msgspec.to_builtins(wanted.consent)
    with request_scope() as session:
        sms_key = auth.make_sms_key() if settings.sms_number else None
        phone = {"locale": locale, "consent": consent, "app_version": wanted.app, "sms_key": sms_key}
        phone |= {"public_key": wanted.public_key}
        device, token = auth.enrol(session, wanted.code, now, **phone)
    enrolled = {
        "device": device.id,
        "token": token,
        "region": device.region_id,
        "root": {"key_id": root.key_id, "public_key": root.public_key},
        "sms": sms_key and {"number": settings.sms_number, "key": base64.b64encode(auth.sms_key_of(device)).decode()},
        "server_time": now.replace(microsecond=0),
        "notices": [worded(problem, locale) for problem in notices],
    }
    return answer(enrolled, 201)


def _read(body: bytes) -> EnrolRequest:
    try:
        return msgspec.json.decode(body, type=EnrolRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
