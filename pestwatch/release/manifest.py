"""The manifest of a release: which files it has, how long each is, what it hashes to, and what it must count.

Promises: a manifest is written once, as canonical JSON; those very bytes are signed, stored and served, and
nobody writes them a second time from what was parsed.

Refuses: names that would leave the release's folder, files of another length or hash, releases without a model.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pestwatch.errors import Problem

MANIFEST_NAME = "manifest.json"
MODEL_NAME = "small.tflite"
SIDECAR_NAME = "small.json"
GOLDEN_NAME = "golden.png"
WEIGHTS_NAME = "small.weights.npz"
BASE_REGION = "base"
# Raised when phones must be updated before they can use a release.
MIN_APP = 1

FileName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Region = Annotated[str, msgspec.Meta(pattern=r"^(base|[A-Z]{2}-[A-Z0-9]{1,3}-[A-Za-z0-9]{1,12})$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,40}-\d{8}-\d{1,4}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Role = Literal["model", "sidecar", "golden", "weights"]
ROLES: Mapping[str, Role] = {
    MODEL_NAME: "model",
    SIDECAR_NAME: "sidecar",
    GOLDEN_NAME: "golden",
    WEIGHTS_NAME: "weights",
}


class ReleaseFile(msgspec.Struct, frozen=True):
    """One file of a release."""

    name: FileName
    role: Role
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=64_000_000)] = msgspec.field(name="bytes")
    sha256: Sha256

    @classmethod
    def describing(cls, name: str, role: Role, content: bytes) -> "ReleaseFile":
        """The entry for some content."""
        return cls(name, role, len(content), hashlib.sha256(content).hexdigest())

    def check(self, content: bytes) -> None:
        """Compares content with the entry.

        Raises:
          Problem 422.21: another length or hash.
        """
        if len(content) != self.size_bytes or hashlib.sha256(content).hexdigest() != self.sha256:
            raise Problem("422.21", name=self.name)


class Golden(msgspec.Struct, frozen=True):
    """A picture and what this very model counts on it; a phone that counts otherwise keeps its old model."""

    name: FileName
    counts: dict[str, Annotated[int, msgspec.Meta(ge=0)]]


class Manifest(msgspec.Struct, frozen=True):
    """Everything that a signature covers.

    Args:
      region: a district id, or "base".
      version: a name, <region>-<yyyymmdd>-<n>; it orders nothing.
      seq: rises with every release of one chain of trust; a phone never goes back.
      expires_at: from then on a phone says that its model was not checked for long; it still counts.
      min_app: least app generation that can use the files.
      base_version: the base release whose weights a regional model started from.
      files: what a phone downloads.
      golden: the phone's last check before it swaps.
      metrics: counting errors per evaluation, as pestwatch.vision.evaluate writes them.
      training_files: what only retraining reads; phones ignore them.
    """

    region: Region
    version: Version
    seq: Annotated[int, msgspec.Meta(ge=1)]
    created_at: Instant
    expires_at: Instant
    min_app: Annotated[int, msgspec.Meta(ge=1)]
    files: tuple[ReleaseFile, ...]
    golden: Golden
    base_version: Version | None = None
    metrics: dict[str, Any] = {}
    training_files: tuple[ReleaseFile, ...] = ()
    v: Literal[1] = 1

    def file(self, name: str) -> ReleaseFile:
        """One file's entry, those for training included.

        Raises:
          Problem 404.1: no such file in this release.
        """
        for entry in (*self.files, *self.training_files):
            if entry.name == name:
                return entry
        raise Problem("404.1", name=name)

    def is_expired(self, now: datetime) -> bool:
        """True when a phone should say that its model is old; it is used all the same."""
        return now > self.expires_at


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and without spaces, UTF-8: one value, one spelling.

    Args:
      value: a Struct of this room, or what JSON can say; no NaN.
    """
    plain = msgspec.to_builtins(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse_manifest(content: bytes) -> Manifest:
    """Reads a manifest; fields of a newer pestwatch are ignored.

    Raises:
      Problem 422.20: not JSON, a wrong or missing field, a file twice, no model or no sidecar, a foreign version.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise Problem("422.20", name=MANIFEST_NAME, detail=str(error)) from error
    entries = (*manifest.files, *manifest.training_files)
    names, roles = [entry.name for entry in entries], [entry.role for entry in manifest.files]
    if len(set(names)) != len(names):
        raise Problem("422.20", name=MANIFEST_NAME, detail="a file is listed twice")
    if roles.count("model") != 1 or roles.count("sidecar") != 1:
        raise Problem("422.20", name=MANIFEST_NAME, detail="not exactly one model and one sidecar")
    if not manifest.version.startswith(f"{manifest.region}-"):
        raise Problem("422.20", name=MANIFEST_NAME, detail="the version is not one of its region")
    if manifest.golden.name not in names:
        raise Problem("422.20", name=MANIFEST_NAME, detail="the golden picture is not among the files")
    return manifest


def check_files(manifest: Manifest, folder: Path) -> None:
    """Compares every file of a release folder with its manifest.

    Raises:
      Problem 422.21: a file is missing, or of another length or hash.
    """
    for entry in (*manifest.files, *manifest.training_files):
        try:
            content = (folder / entry.name).read_bytes()
        except OSError as error:
            raise Problem("422.21", name=entry.name) from error
        entry.check(content)


def describe_files(contents: Mapping[str, bytes]) -> tuple[ReleaseFile, ...]:
    """Entries for the files of a release, in their order; the role follows from the name.

    Raises:
      Problem 422.20: a name that has no role.
    """
    entries = []
    for name, content in contents.items():
        if name not in ROLES:
            raise Problem("422.20", name=name, detail="a release has no such file")
        entries.append(ReleaseFile.describing(name, ROLES[name], content))
    return tuple(entries)
