"""The manifest of a release: which files it has, how long each is, what it hashes to, and what it must count.

A base release holds a family of models, one per size, and as soon as one is trained the gate that looks at photos first. A region
releases its own `small` alone: what its phones need besides, they take from the base release.

Promises: a manifest is written once, as canonical JSON; those very bytes are signed, stored and served, and
nobody writes them a second time from what was parsed.

Refuses: names that would leave the release's folder, files of another length or hash, a model without its sidecar, a
release without `small`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pestwatch.errors import Problem

Size = Literal["nano", "small", "base"]
SIZES: tuple[Size, ...] = ("nano", "small", "base")
"""The family, from the smallest on; the names of pestwatch/vision/shape.py."""
MANIFEST_NAME = "manifest.json"
GATE_NAME = "gate.tflite"
GATE_SIDECAR_NAME = "gate.json"
GOLDEN_NAME = "golden.png"
WEIGHTS_NAME = "small.weights.npz"
BASE_REGION = "base"
# Raised when phones must be updated before they can use a release.
MIN_APP = 2

FileName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Region = Annotated[str, msgspec.Meta(pattern=r"^(base|[A-Z]{2}-[A-Z0-9]{1,3}-[A-Za-z0-9]{1,12})$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,40}-\d{8}-\d{1,4}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Counts = dict[str, Annotated[int, msgspec.Meta(ge=0)]]
Role = Literal["model", "sidecar", "gate", "gate_sidecar", "golden", "weights", "card"]


def model_name(size: Size) -> str:
    """The network of one size."""
    return f"{size}.tflite"


def sidecar_name(size: Size) -> str:
    """What must be known to run it."""
    return f"{size}.json"


ROLES: Mapping[str, Role] = {
    **{model_name(size): "model" for size in SIZES},
    **{sidecar_name(size): "sidecar" for size in SIZES},
    GATE_NAME: "gate",
    GATE_SIDECAR_NAME: "gate_sidecar",
    GOLDEN_NAME: "golden",
    WEIGHTS_NAME: "weights",
}
PAIRS = (*((model_name(size), sidecar_name(size)) for size in SIZES), (GATE_NAME, GATE_SIDECAR_NAME))
CARD_PICTURE = re.compile(r"card-[a-z0-9-]{1,50}\.png")


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
    """A picture and what each of these very models counts on it; a phone that counts otherwise keeps its old model."""

    name: FileName
    counts: dict[Size, Counts]


class Manifest(msgspec.Struct, frozen=True):
    """Everything that a signature covers.

    Args:
      region: a district id, or "base".
      version: a name, <region>-<yyyymmdd>-<n>; it orders nothing.
      seq: rises with every release of one chain of trust; a phone never goes back.
      expires_at: from then on a phone says that its model was not checked for long; it still counts.
      min_app: least app generation that can use the files.
      base_version: the base release whose weights a regional model started from.
      files: every file of the release; a phone downloads those of the size that it uses, the gate and the golden picture.
      golden: the phone's last check before it swaps.
      metrics: size -> evaluation -> errors, as pestwatch.vision.evaluate writes them; gate -> what was measured -> figure.
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
    metrics: dict[str, dict[str, Any]] = {}
    v: Literal[2] = 2

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Which of the family's models this release holds, from the smallest on."""
        names = {entry.name for entry in self.files}
        return tuple(size for size in SIZES if model_name(size) in names)

    def file(self, name: str) -> ReleaseFile:
        """One file's entry.

        Raises:
          Problem 404.1: no such file in this release.
        """
        for entry in self.files:
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
      Problem 422.20: not JSON, a wrong or missing field, or files that make no release.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise Problem("422.20", name=MANIFEST_NAME, detail=str(error)) from error
    fault = _fault(manifest)
    if fault is not None:
        raise Problem("422.20", name=MANIFEST_NAME, detail=fault)
    return manifest


def _fault(manifest: Manifest) -> str | None:
    """Why files, counts and names do not make a release; None when they do."""
    names = [entry.name for entry in manifest.files]
    misnamed = next((entry for entry in manifest.files if role_of(entry.name) != entry.role), None)
    alone = next((pair for pair in PAIRS if (pair[0] in names) != (pair[1] in names)), None)
    if len(set(names)) != len(names):
        return "a file is listed twice"
    if misnamed:
        return f"{misnamed.name} is no {misnamed.role}"
    if alone:
        return f"{alone[0]} and {alone[1]} belong together"
    if "small" not in manifest.sizes:
        return "there is no small model"
    if not manifest.version.startswith(f"{manifest.region}-"):
        return "the version is not one of its region"
    if manifest.golden.name not in names:
        return "the golden picture is not among the files"
    if set(manifest.golden.counts) != set(manifest.sizes):
        return "golden counts are not those of its models"
    return None


def check_files(manifest: Manifest, folder: Path) -> None:
    """Compares every file of a release folder with its manifest.

    Raises:
      Problem 422.21: a file is missing, or of another length or hash.
    """
    for entry in manifest.files:
        try:
            content = (folder / entry.name).read_bytes()
        except OSError as error:
            raise Problem("422.21", name=entry.name) from error
        entry.check(content)


def role_of(name: str) -> Role | None:
    """What a file of this name is in a release; None when it is nothing."""
    return "card" if CARD_PICTURE.fullmatch(name) else ROLES.get(name)


def describe_files(contents: Mapping[str, bytes]) -> tuple[ReleaseFile, ...]:
    """Entries for the files of a release, in their order; the role follows from the name.

    Raises:
      Problem 422.20: a name that has no role.
    """
    entries = []
    for name, content in contents.items():
        role = role_of(name)
        if role is None:
            raise Problem("422.20", name=name, detail="a release has no such file")
        entries.append(ReleaseFile.describing(name, role, content))
    return tuple(entries)
