"""POST /consent: a farmer agrees anew, takes the consent back, or wants everything erased that was ever sent.

Promises: every answer is kept, with the version and the language of what was asked; what is erased does not come back.
"""

import msgspec
from flask import Blueprint, Response

from pestwatch.errors import Problem
from server import auth
from server.api.answers import PREFIX, answer, read_body
from server.api.enrol import Consent
from server.config import current_settings, current_time
from server.db.devices import device_by_id, record_consent
from server.db.session import request_scope, unscoped
from server.erasure import erase_person

MAX_BODY_BYTES = 1_000
blueprint = Blueprint("consent", __name__, url_prefix=PREFIX)


class ConsentRequest(msgspec.Struct, frozen=True):
    """What the farmer answers now."""

    consent: Consent
    agreed: bool
    erase: bool = False


@blueprint.post("/consent")
def consent() -> Response:
    """Writes the answer down, and erases if that is wanted: the token is good for nothing afterwards."""
    with request_scope(read_only=True) as session:
        device = auth.device_of_request(session)
    said = _read(read_body(MAX_BODY_BYTES))
    now = current_time()
    with request_scope() as session:
        row = device_by_id(session, device.id)
        record_consent(session, row, msgspec.to_builtins(said.consent), agreed=said.agreed and not said.erase, now=now)
    if said.erase:
        with unscoped() as session:  # one of its photos may be another region's, too
            erase_person(session, current_settings(), device_by_id(session, device.id), staff=None, now=now)
    return answer({"agreed": said.agreed and not said.erase, "erased": said.erase})


def _read(body: bytes) -> ConsentRequest:
    try:
        return msgspec.json.decode(body, type=ConsentRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
