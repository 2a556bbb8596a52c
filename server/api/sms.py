"""POST /sms: an SMS gateway brings the text of a phone without data.

Promises: a text is on disk before it is read, and stays there whatever becomes of it; the same text twice changes nothing;
what a text says is believed only with the tag of the phone that it names, and is answered fact by fact as in a sync.
The gateway speaks for every phone, so this door is held to no region.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec
from flask import Blueprint, Response, current_app, request
from sqlalchemy.orm import Session

from pestwatch import i18n
from pestwatch.errors import Problem
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import ItemAnswer, WordedProblem
from pestwatch.sync.sms import from_text, read_sms, sender_of
from server import auth
from server.api.answers import PREFIX, answer, read_body, worded
from server.config import current_time
from server.db import sms, store
from server.db.session import unscoped
from server.db.store import Receipt
from server.db.tables import Device

MAX_BODY_BYTES = 4_000
blueprint = Blueprint("sms", __name__, url_prefix=PREFIX)


class SmsRequest(msgspec.Struct, frozen=True):
    """What a gateway says."""

    text: str
    sender: str = msgspec.field(name="from", default="")


class SmsAnswer(msgspec.Struct, frozen=True):
    """What became of a text; both are final, so that a gateway brings it no more."""

    status: Literal["read", "rejected"]
    items: list[ItemAnswer]
    problem: WordedProblem | None


@blueprint.post("/sms")
def receive() -> Response:
    """Keeps a text, then reads it."""
    now = current_time()
    auth.check_gateway(current_app.extensions["pestwatch.engine"], request.remote_addr or "", now)
    brought = _read_request()
    text = brought.text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    number = sms.Sender(auth.number_hash(brought.sender), brought.sender[-3:]) if brought.sender else None
    sender = f"sms:{number.sender_hash if number else ''}"
    with unscoped() as session:
        auth.check_tries(session, sender, auth.SMS_TRIES, now)
        kept = sms.keep_text(session, text, now, number)
    problem: Problem | None = None
    device: Device | None = None
    receipts: Sequence[Receipt] = ()
    with unscoped() as session:
        try:
            message = from_text(text)
            device = _author(session, message)
            facts = read_sms(message, auth.sms_key_of(device))
            clock = PhoneClock(timedelta(milliseconds=device.clock_offset_ms or 0), now)
            receipts = store.record_facts(session, device, facts, clock, kept)
        except Problem as refusal:
            problem = refusal
            auth.note_failure(session, [sender], now)
        sms.settle(session, kept, device, problem)
    locale = i18n.negotiate(None)
    items = [ItemAnswer(r.seq, r.status, worded(r.problem, locale) if r.problem else None) for r in receipts]
    return answer(SmsAnswer("rejected", [], worded(problem, locale)) if problem else SmsAnswer("read", items, None))


def _author(session: Session, message: bytes) -> Device:
    """The phone that a message names.

    Raises:
      Problem 401.5: there is none of this number.
    """
    device = session.get(Device, sender_of(message))
    if device is None:
        raise Problem("401.5")
    return device


def _read_request() -> SmsRequest:
    try:
        if request.is_json:
            return msgspec.json.decode(read_body(MAX_BODY_BYTES), type=SmsRequest)
        request.max_content_length = MAX_BODY_BYTES
        return msgspec.convert(request.form.to_dict(), SmsRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
