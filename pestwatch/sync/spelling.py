"""JSON and CBOR: two spellings of one message.

Promises: nothing behind this file knows in which one a message came. CBOR says only what JSON can say: tags, repeated
names and lengths that are told at the end are refused, because each is a way to make few bytes into many objects.
"""

import io
from collections.abc import Callable
from typing import Any

import cbor2
import msgspec

from pestwatch.errors import Problem

CBOR = "application/cbor"
JSON = "application/json"
MAX_DEPTH = 64


class _NoTags(dict[int, Callable[[Any, bool], Any]]):
    """Meets every tag with a refusal."""

    def __missing__(self, tag: int) -> Callable[[Any, bool], Any]:
        def refuse(_value: Any, _is_immutable: bool) -> Any:
            raise ValueError(tag)

        return refuse


_NO_TAGS = _NoTags({0: _NoTags().__missing__(0)})  # an empty mapping would be taken for none


def to_json(message: bytes, media_type: str) -> bytes:
    """A message as JSON, whichever spelling it came in.

    Raises:
      Problem 400.1: it calls itself CBOR and is not, or says what JSON cannot.
    """
    if media_type != CBOR:
        return message
    try:
        decoder = cbor2.CBORDecoder(
            io.BytesIO(message),
            semantic_decoders=_NO_TAGS,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            max_depth=MAX_DEPTH,
        )
        return msgspec.json.encode(decoder.decode())
    except (cbor2.CBORError, msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Problem("400.1", detail=f"it is not CBOR: {error}"[:200]) from error


def write(document: Any, media_type: str) -> bytes:
    """A document of plain values in the spelling that was asked for."""
    return cbor2.dumps(document) if media_type == CBOR else msgspec.json.encode(document)
