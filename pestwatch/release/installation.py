"""An installation's own keys: made at its first start, kept in its data folder, never in a repository.

Promises: private halves are written for their owner's eyes only (mode 0600) and never over an existing key; two
processes that start at once end up with one pair. The private half of the root is needed only to
certify: an operator may keep it elsewhere and put it back when the certificate runs out.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pestwatch.errors import Problem
from pestwatch.release.manifest import canonical
from pestwatch.release.signing import Certificate, KeyId, OnlineKey, PublicKey, SigningKey, certify, read_as

ROOT_NAME = "root.json"
ONLINE_NAME = "online.json"
# Renewed at a start of the server, long before the end: an installation may run for months.
RENEWED_BEFORE_DAYS = 120


@dataclass(frozen=True)
class InstallationKeys:
    """An installation's two keys; phones are told `root` when they enrol."""

    root: PublicKey
    online: OnlineKey


class _StoredKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """root.json and online.json: a root may lie elsewhere for safety, then `private_key` is missing here."""

    key_id: KeyId
    public_key: str
    private_key: str | None = None
    certificate: Certificate | None = None


def open_installation(folder: Path, now: datetime) -> InstallationKeys:
    """Opens an installation's keys; makes them at the first start, and renews the certificate in time.

    Args:
      folder: DATA/keys, outside any repository.
      now: whole seconds, UTC.

    Raises:
      Problem 422.20: a key file is damaged.
      Problem 422.22: the online key was certified by another root, or its root's private half is gone.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stored_root = _stored_key(folder / ROOT_NAME, None, now)
    root = PublicKey(stored_root.key_id, stored_root.public_key)
    stored = _stored_key(folder / ONLINE_NAME, stored_root, now)
    if stored.private_key is None or stored.certificate is None or stored.certificate.root_key_id != root.key_id:
        raise Problem("422.22", detail=f"{ONLINE_NAME} was not certified by {ROOT_NAME}")
    online = OnlineKey(SigningKey.from_base64(stored.private_key), stored.certificate)
    if online.not_after - now < timedelta(days=RENEWED_BEFORE_DAYS) and stored_root.private_key is not None:
        online = OnlineKey(online.key, certify(SigningKey.from_base64(stored_root.private_key), online.key.public, now))
        renewed = msgspec.structs.replace(stored, certificate=online.certificate)
        _written_privately(folder / ONLINE_NAME, renewed).replace(folder / ONLINE_NAME)
    return InstallationKeys(root, online)


def _stored_key(path: Path, root: _StoredKey | None, now: datetime) -> _StoredKey:
    """Reads a key file, or makes it: certified by `root` when one is given."""
    if not path.exists():
        key = SigningKey.generate()
        certificate = None
        if root is not None:
            if root.private_key is None:
                raise Problem("422.22", detail=f"{ROOT_NAME} has no private half here, so no key can be certified")
            certificate = certify(SigningKey.from_base64(root.private_key), key.public, now)
        made = _StoredKey(key.public.key_id, key.public.public_key, key.to_base64(), certificate)
        draft = _written_privately(path, made)
        # Another process may have been first: linking refuses then, and its key is the one.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return read_as(_StoredKey, path.read_bytes(), path.name)


def _written_privately(path: Path, value: msgspec.Struct) -> Path:
    """Writes a draft beside `path` that only its owner may read; the caller puts it in place."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(canonical(value))
        stream.flush()
        os.fsync(stream.fileno())
    return draft
