"""/enrol: a code becomes a phone with a token of its own. 13 letters of a QR code do so at once; six digits that were
told over the telephone first ask the officer who opened the enrolment.

Nobody is known yet at this door, so it alone decides what is shown. The phone makes its token itself and says it with the code, so an answer that was lost can be asked for again. It learns
here, over a connection that the officer vouches for, which root key signs its region's models.
"""

import base64
import re
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from pestwatch.sync.protocol import Instant
from server import auth
from server.api.answers import PREFIX, answer, known_locale, read_body, worded
from server.config import current_settings, current_time
from server.db import devices, eras, openings
from server.db.session import unscoped
from server.db.tables import Device

MAX_BODY_BYTES = 4_000
SPOKEN = re.compile(r"[0-9]{6}")
blueprint = Blueprint("enrol", __name__, url_prefix=PREFIX)


class Consent(msgspec.Struct, frozen=True):
    """What the farmer agreed to, when, and in which language it was shown."""

    version: Annotated[int, Meta(ge=0, le=1_000_000)]
    at: Instant
    locale: Annotated[str, Meta(max_length=40, pattern=r"^[^\x00]*$")]


class EnrolRequest(msgspec.Struct, frozen=True):
    """What a phone says to be enrolled. Six digits need a token and a name, letters need neither."""

    code: Annotated[str, Meta(max_length=40)]
    locale: str
    consent: Consent
    app: Annotated[str, Meta(max_length=40, pattern=r"^[^\x00]*$")] | None = None
    token: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")] | None = None
    name: Annotated[str, Meta(max_length=60)] | None = None
    public_key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{87}=$(?!\n)")] | None = None


@blueprint.post("/enrol")
def enrol() -> Response:
    """201 with the phone's number and its keys; 202 when an officer has to say yes first."""
    wanted = _read(read_body(MAX_BODY_BYTES))
    now, (locale, notices) = current_time(), known_locale(wanted.locale)
    phone: dict[str, Any] = {
        "locale": locale,
        "consent": msgspec.to_builtins(wanted.consent),
        "app_version": wanted.app,
        "public_key": wanted.public_key,
        "sms_key": auth.make_sms_key() if current_settings().sms_number else None,
    }
    digits = wanted.code.replace(" ", "").replace("-", "")
    if SPOKEN.fullmatch(digits):
        return _ask_officer(digits, wanted, phone)
    with unscoped() as session:
        device, token = auth.enrol(session, wanted.code, now, wanted.token, **phone)
        held = _held(session, device)
    return _enrolled(device, token, held, [worded(problem, locale) for problem in notices])


@blueprint.get("/enrol")
def ask_again() -> Response:
    """What became of the six digits: 202 while the officer has not answered, then 201, or 410 with the reason."""
    token = auth.bearer()
    with unscoped(read_only=True) as session:
        return _outcome(session, token)


def _ask_officer(code: str, wanted: EnrolRequest, phone: dict[str, Any]) -> Response:
    name = " ".join("".join(letter for letter in wanted.name or "" if letter.isprintable()).split())
    if wanted.token is None or not name:
        raise Problem("400.1", detail="six digits need a token and a name")
    with unscoped() as session:
        asked = auth.ask_officer(session, code, wanted.token, name, phone, request.remote_addr or "", current_time())
    if asked is None:
        raise Problem("410.2")
    with unscoped(read_only=True) as session:
        return _outcome(session, wanted.token)


def _outcome(session: Session, token: str) -> Response:
    """Answers for whoever holds the token that a phone asked with.

    Raises:
      Problem 401.1: there is none.
      Problem 410.1: the phone has been enrolled and was here since: its keys are not told again.
      Problem 410.3: the officer said no. 410.4: the officer did not answer in time, or was never asked.
    """
    if not token:
        raise Problem("401.1")
    now = current_time()
    opening = openings.opening_by_token(session, auth.hash_secret(token))
    match opening.state(now) if opening else None:
        case "asked" if opening:
            return answer({"state": "waiting", "seconds": round((opening.expires_at - now).total_seconds())}, 202)
        case "enrolled" if opening and opening.device_id:
            device = devices.device_by_id(session, opening.device_id)
            if device.last_seen_at is not None:
                raise Problem("410.1")
            return _enrolled(device, token, _held(session, device), [])
        case "refused":
            raise Problem("410.3")
        case _:
            raise Problem("410.4")


def _held(session: Session, device: Device) -> list[tuple[int, int]]:
    """What earlier enrolments of this phone brought and is still here; the phone sends the rest again (ADR 0022)."""
    return eras.held_of_key(session, device.public_key) if device.public_key else []


def _enrolled(device: Device, token: str, held: list[tuple[int, int]], notices: list[Any]) -> Response:
    settings, now = current_settings(), current_time().replace(microsecond=0)
    root = open_installation(settings.keys_dir, now).root
    sms_key = device.sms_key and base64.b64encode(auth.sms_key_of(device)).decode()
    enrolled = {
        "device": device.id,
        "token": token,
        "region": device.region_id,
        "root": {"key_id": root.key_id, "public_key": root.public_key},
        "sms": sms_key and {"number": settings.sms_number, "key": sms_key},
        "server_time": now,
        "held": held,
        "notices": notices,
    }
    return answer(enrolled, 201)


def _read(body: bytes) -> EnrolRequest:
    try:
        return msgspec.json.decode(body, type=EnrolRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
