"""Ed25519: sign and verify; the only cryptography of models.

Two chains of trust end in a manifest. A base release is signed by a key pair made for it alone; the public half ships with
the project and names the one version that it signs, the private half is never written down. An installation has a
root, which certifies an online key, which signs regional releases; a phone learns the root when it enrols.

Promises: signatures are checked before a byte of the manifest is understood.

Source: ADR 0005 (two chains of trust).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pestwatch.errors import Problem
from pestwatch.release.manifest import BASE_REGION, Instant, Manifest, Version, canonical, parse_manifest

SIGNATURE_NAME = "manifest.sig"
CERTIFICATE_DAYS = 400

KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
AnyStruct = TypeVar("AnyStruct", bound=msgspec.Struct)


class PublicKey(msgspec.Struct, frozen=True):
    """A public half: the raw 32 bytes in base64, and the name that follows from them."""

    key_id: KeyId
    public_key: str


class BaseKey(msgspec.Struct, frozen=True):
    """A shipped public half: it speaks for one base release and no other."""

    key_id: KeyId
    public_key: str
    not_before: Instant
    not_after: Instant
    signs: Version


class CertificateBody(msgspec.Struct, frozen=True):
    """What a root says about an online key."""

    key_id: KeyId
    public_key: str
    not_before: Instant
    not_after: Instant
    issued_by: KeyId
    v: Literal[1] = 1


class Certificate(msgspec.Struct, frozen=True):
    """A certificate as it travels: the exact signed bytes, in base64."""

    body: str
    signature: str
    root_key_id: KeyId


class Signature(msgspec.Struct, frozen=True):
    """manifest.sig."""

    key_id: KeyId
    signature: str
    certificate: Certificate | None = None
    v: Literal[1] = 1


class SigningKey:
    """A private half in memory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes_raw()
        self.public = PublicKey(key_id_of(raw), _to_base64(raw))

    @classmethod
    def generate(cls) -> Self:
        """A new key pair."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_base64(cls, private_key: str) -> Self:
        """The key pair whose raw private half is written so."""
        return cls(Ed25519PrivateKey.from_private_bytes(_from_base64(private_key)))

    def to_base64(self) -> str:
        """The raw private half; for a file of mode 0600."""
        return _to_base64(self._private.private_bytes_raw())

    def sign(self, content: bytes) -> str:
        """64 bytes over the content, in base64."""
        return _to_base64(self._private.sign(content))


@dataclass(frozen=True)
class OnlineKey:
    """What signs regional releases; its certificate travels with every signature."""

    key: SigningKey
    certificate: Certificate

    @property
    def not_after(self) -> datetime:
        """When the certificate ends."""
        return read_as(CertificateBody, _from_base64(self.certificate.body), "certificate").not_after

    def sign(self, manifest: bytes) -> Signature:
        """Signs the exact bytes of a manifest."""
        return Signature(self.key.public.key_id, self.key.sign(manifest), self.certificate)


@dataclass(frozen=True)
class Trust:
    """Whom a phone believes.

    Args:
      base_keys: shipped public halves by key id.
      root: the installation that the phone enrolled with, if any.
    """

    base_keys: Mapping[str, BaseKey] = field(default_factory=dict)
    root: PublicKey | None = None

    @classmethod
    def shipped(cls, keys_dir: Path, root: PublicKey | None = None) -> Self:
        """Reads mobile_models/keys/.

        Raises:
          Problem 422.20: a key file cannot be understood.
        """
        keys = [read_as(BaseKey, path.read_bytes(), path.name) for path in sorted(keys_dir.glob("*.json"))]
        return cls({key.key_id: key for key in keys}, root)


@dataclass(frozen=True)
class Verified:
    """A manifest whose signature holds.

    Args:
      manifest: what was signed.
      chain: under which its seq is remembered: the root's key id and the region for a certified key, so that a phone
        that is moved takes what is older there, else the key's own id.
      key_not_after: when the signing key's validity ends; later it warns.
    """

    manifest: Manifest
    chain: str
    key_not_after: datetime

    def is_overdue(self, now: datetime) -> bool:
        """True when a phone should say that its model was not checked for long. It warns, and is used."""
        return self.manifest.is_expired(now) or now > self.key_not_after


def key_id_of(public_raw: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public half."""
    return hashlib.sha256(public_raw).hexdigest()[:16]


def parse_signature(content: bytes) -> Signature:
    """Reads manifest.sig.

    Raises:
      Problem 422.20: not a signature file.
    """
    return read_as(Signature, content, SIGNATURE_NAME)


def verify(content: bytes, signature: Signature, trust: Trust) -> Verified:
    """Follows a manifest's signature to a trusted key.

    Args:
      content: the exact bytes of manifest.json.
      signature: its signature.
      trust: whom to believe.

    Raises:
      Problem 422.22: no trusted key, a wrong signature, or a key that may not sign this release.
      Problem 422.20: signed well, but not a manifest.
    """
    certificate = signature.certificate
    if certificate is None:
        key = trust.base_keys.get(signature.key_id)
        if key is None:
            raise Problem("422.22", detail=f"key {signature.key_id} is unknown")
        _check(key, signature.signature, content)
        manifest = parse_manifest(content)
        if manifest.version != key.signs or manifest.region != BASE_REGION:
            raise Problem("422.22", detail=f"key {key.key_id} signs {key.signs}, not {manifest.version}")
        return Verified(manifest, key.key_id, key.not_after)
    if trust.root is None or certificate.root_key_id != trust.root.key_id:
        raise Problem("422.22", detail=f"root {certificate.root_key_id} is unknown")
    body_bytes = _from_base64(certificate.body)
    _check(trust.root, certificate.signature, body_bytes)
    body = read_as(CertificateBody, body_bytes, "certificate")
    if body.key_id != signature.key_id or body.issued_by != trust.root.key_id:
        raise Problem("422.22", detail=f"the certificate is for key {body.key_id}")
    _check(body, signature.signature, content)
    manifest = parse_manifest(content)
    if manifest.region == BASE_REGION:
        raise Problem("422.22", detail="an installation may not sign a base release")
    return Verified(manifest, f"{trust.root.key_id} {manifest.region}", body.not_after)


def admit(verified: Verified, seen: Mapping[str, int]) -> dict[str, int]:
    """The ratchet: lets a release in only when its seq does not fall within its chain.

    The same comes again to a phone that has left its region and is back.

    Args:
      verified: the release.
      seen: the highest seq so far per chain.

    Returns:
      What was seen by now.

    Raises:
      Problem 422.23: an old release is offered again.
    """
    manifest, highest = verified.manifest, seen.get(verified.chain, 0)
    if manifest.seq < highest:
        raise Problem("422.23", version=manifest.version, seq=manifest.seq, seen=highest)
    return {**seen, verified.chain: manifest.seq}


def make_base_key(version: str, now: datetime, valid_days: int) -> tuple[SigningKey, BaseKey]:
    """A key pair for one base release: sign, keep the public half, drop the other."""
    key = SigningKey.generate()
    public = BaseKey(key.public.key_id, key.public.public_key, now, now + timedelta(days=valid_days), version)
    return key, public


def certify(root: SigningKey, online: PublicKey, now: datetime) -> Certificate:
    """The root vouches for an online key."""
    until = now + timedelta(days=CERTIFICATE_DAYS)
    body = canonical(CertificateBody(online.key_id, online.public_key, now, until, root.public.key_id))
    return Certificate(_to_base64(body), root.sign(body), root.public.key_id)


def _check(key: Any, signature: str, content: bytes) -> None:
    """Raises Problem 422.22 unless `key` (with key_id and public_key) made the signature over the content."""
    raw = _from_base64(key.public_key)
    try:
        if key_id_of(raw) != key.key_id:
            raise Problem("422.22", detail=f"key {key.key_id} does not have the name that follows from it")
        Ed25519PublicKey.from_public_bytes(raw).verify(_from_base64(signature), content)
    except (InvalidSignature, ValueError) as error:
        raise Problem("422.22", detail=f"the signature of key {key.key_id} does not fit") from error


def read_as(kind: type[AnyStruct], content: bytes, name: str) -> AnyStruct:
    """Reads JSON of a known shape.

    Raises:
      Problem 422.20: another shape.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise Problem("422.20", name=name, detail=str(error)) from error


def _to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("422.20", name="key or signature", detail="not base64") from error
