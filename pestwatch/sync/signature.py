"""A phone's signature on what it sends: ECDSA on P-256 with SHA-256, over the body's bytes as they travel.

Promises: what is signed for a sync is good for nothing else. A whole message that is sent again says nothing new, since
its facts carry their numbers. P-256, because every browser of ours makes such a key that nobody can read out again,
and old ones no Ed25519 (docs/adr/0019). field/src/sync/device-key.ts signs.
"""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pestwatch.errors import Problem

HEADER = "Phone-Signature"
PURPOSE = b"pestwatch sync 1\n"
"""Stands before the body in what is signed."""
FILE_PURPOSE = b"pestwatch file 1\n"
"""Stands before the hash of what a phone saves to a file: who shows the signature holds that file."""
NUMBER_BYTES = 32
"""Of each of the two numbers that a signature is."""


def public_half(private_key: EllipticCurvePrivateKey) -> str:
    """What the server knows a phone by: the 65 bytes of the point, in base64."""
    point = private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.b64encode(point).decode()


def sign(private_key: EllipticCurvePrivateKey, body: bytes, purpose: bytes = PURPOSE) -> str:
    """What a phone puts into the header: 64 bytes, in base64."""
    numbers = decode_dss_signature(private_key.sign(purpose + body, ECDSA(SHA256())))
    return base64.b64encode(b"".join(number.to_bytes(NUMBER_BYTES) for number in numbers)).decode()


def check_signature(public_key: str, signature: str, body: bytes, purpose: bytes = PURPOSE) -> None:
    """Makes sure that the phone of this key made the signature over this body.

    Raises:
      Problem 401.6: it did not, or one of the two is none.
    """
    try:
        point, numbers = base64.b64decode(public_key, validate=True), base64.b64decode(signature, validate=True)
        if len(numbers) != 2 * NUMBER_BYTES:
            raise Problem("401.6")
        r, s = int.from_bytes(numbers[:NUMBER_BYTES]), int.from_bytes(numbers[NUMBER_BYTES:])
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
        key.verify(encode_dss_signature(r, s), purpose + body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Problem("401.6") from error
