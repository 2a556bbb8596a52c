"""POST /earlier: a phone that holds another phone's saved file asks which of its facts have arrived from anywhere.

Promises: only who holds the file learns it, by the signature of the phone that saved it; what is told are numbers, never
what was counted. The phone then sends the rest under numbers of its own. Source: ADR 0023.
"""

from typing import Annotated

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from pestwatch.errors import Problem
from pestwatch.sync.signature import FILE_PURPOSE, check_signature
from server import auth
from server.api.answers import PREFIX, answer, read_body
from server.db.earlier import arrived_facts
from server.db.session import request_scope, unscoped

MAX_BODY_BYTES = 1_000
blueprint = Blueprint("earlier", __name__, url_prefix=PREFIX)


class EarlierRequest(msgspec.Struct, frozen=True):
    """What is signed in a saved file."""

    phone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{87}=$(?!\n)", description="the public key of who saved it")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="of its pestwatch.json")]
    signature: Annotated[str, Meta(max_length=100, description="base64, over `pestwatch file 1\\n` and that hash")]


class ArrivedFacts(msgspec.Struct, frozen=True):
    """Numbers that a phone gave to facts which are here, whoever brought them."""

    phone: str
    seqs: list[int]


class EarlierAnswer(msgspec.Struct, frozen=True):
    """What has arrived of the phone that saved the file, and of phones whose files had been put back on it."""

    arrived: list[ArrivedFacts]


@blueprint.post("/earlier")
def earlier() -> Response:
    """Says what is here of another phone's facts.

    Raises:
      Problem 401.1: an unknown phone asks.
      Problem 401.6: the signature is not by the phone that is asked about.
    """
    with request_scope(read_only=True) as session:
        device = auth.device_of_request(session)
    try:
        said = msgspec.json.decode(read_body(MAX_BODY_BYTES), type=EarlierRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
    check_signature(said.phone, said.signature, said.sha256.encode(), FILE_PURPOSE)
    with unscoped(read_only=True) as session:  # the other phone may have been enrolled in another region
        arrived = arrived_facts(session, said.phone, device.region_id)
    return answer(EarlierAnswer([ArrivedFacts(phone, sorted(seqs)) for phone, seqs in sorted(arrived.items())]))
