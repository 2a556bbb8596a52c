"""A phone's signature on what it sends: Ed25519 over the body's bytes as they travel, with a key made on that phone.

Promises: what is signed for a sync is good for nothing else. A whole message that is sent again says nothing new, since
its facts carry their numbers. field/src/sync/device-key.ts signs.
"""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pestwatch.errors import Problem

HEADER = "Phone-Signature"
PURPOSE = b"pestwatch sync 1\n"
"""Stands before the body in what is signed."""


def sign(private_key: Ed25519PrivateKey, body: bytes) -> str:
    """What a phone puts into the header, in base64."""
    return base64.b64encode(private_key.sign(PURPOSE + body)).decode()


def check_signature(public_key: str, signature: str, body: bytes) -> None:
    """Makes sure that the phone of this key made the signature over this body.

    Raises:
      Problem 401.6: it did not, or one of the two is none.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), PURPOSE + body)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Problem("401.6") from error
