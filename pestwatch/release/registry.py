"""The shelf of releases: read, add, point `current` at. Station 8 of 9; next, server/api/releases.py hands it to phones.

Layout: <shelf>/<region>/<version>/ holds the files, manifest.json, manifest.sig and MODEL_CARD.md;
<shelf>/<region>/current.json names the version in use. The project ships one shelf, with the base releases; each
installation has another one in its data folder, with its regional releases.

Promises: a release folder appears complete or not at all, and never changes afterwards; `current` moves in
one step; the seq of an installation rises over all its regions, whoever publishes at the same time.
"""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CARD_NAME, CardFacts, render_card
from pestwatch.release.manifest import (
    BASE_REGION,
    GOLDEN_NAME,
    MANIFEST_NAME,
    MIN_APP,
    Golden,
    Manifest,
    canonical,
    check_files,
    describe_files,
    model_name,
    parse_manifest,
    sidecar_name,
)
from pestwatch.release.signing import (
    SIGNATURE_NAME,
    OnlineKey,
    Signature,
    Trust,
    Verified,
    make_base_key,
    parse_signature,
    verify,
)

CURRENT_NAME = "current.json"
# A season: after it a phone says that its model was not checked for long.
REGION_VALID_DAYS = 180
BASE_VALID_DAYS = 730


@dataclass(frozen=True)
class Release:
    """One release as it lies on a shelf.

    Args:
      folder: where its files are.
      content: the exact bytes of manifest.json.
      manifest: what they say.
      signature: what they are signed with; checked by `verified`, and by each phone.
    """

    folder: Path
    content: bytes
    manifest: Manifest
    signature: Signature

    def verified(self, trust: Trust) -> Verified:
        """Checks signature and files.

        Raises:
          Problem 422.20, 422.22: as signing.verify.
          Problem 422.21: a file is not the one that was signed.
        """
        verified = verify(self.content, self.signature, trust)
        check_files(verified.manifest, self.folder)
        return verified


def read_release(folder: Path) -> Release:
    """Reads a release folder; trusts nothing yet.

    Raises:
      Problem 404.1: there is no release in it.
      Problem 422.20: it cannot be understood.
    """
    try:
        content = (folder / MANIFEST_NAME).read_bytes()
        signature = parse_signature((folder / SIGNATURE_NAME).read_bytes())
    except OSError as error:
        raise Problem("404.1", name=folder.name) from error
    return Release(folder, content, parse_manifest(content), signature)


def releases(shelf: Path) -> Iterator[Release]:
    """Every release on a shelf, by region and version."""
    for manifest in sorted(shelf.glob(f"*/[!.]*/{MANIFEST_NAME}")):
        yield read_release(manifest.parent)


def find_release(region: str, version: str, *shelves: Path) -> Release:
    """One release by its name, from the first shelf that has it.

    Raises:
      Problem 404.1: no shelf has it.
    """
    return read_release(_find_folder(region, version, *shelves))


def _find_folder(region: str, version: str, *shelves: Path) -> Path:
    for shelf in shelves:
        folder = shelf / region / version
        if _is_plain(region) and _is_plain(version) and (folder / MANIFEST_NAME).is_file():
            return folder
    raise Problem("404.1", name=version)


def _is_plain(name: str) -> bool:
    """Names come from outside: one that could leave the shelf names nothing."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", name) is not None


def find_current(region: str, *shelves: Path) -> Release:
    """The release in use in a region: its own, else the base.

    Args:
      region: a district id, or "base".
      shelves: in the order of asking, for instance the installation's, then the project's.

    Raises:
      Problem 404.1: not even a base release is there.
    """
    return read_release(current_folder(region, *shelves))


def current_folder(region: str, *shelves: Path) -> Path:
    """Where the release in use in a region lies; as `find_current`, unread."""
    for wanted in (region, BASE_REGION):
        for shelf in shelves:
            version = current_version(shelf, wanted)
            if version is not None:
                return _find_folder(wanted, version, shelf)
    raise Problem("404.1", name=region)


def current_version(shelf: Path, region: str) -> str | None:
    """Which version of a region is in use; None when the shelf has none."""
    if not _is_plain(region):
        return None
    try:
        return str(json.loads((shelf / region / CURRENT_NAME).read_bytes())["version"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Problem("422.20", name=CURRENT_NAME, detail=f"it does not name the version in use of {region}") from error


def point_current(shelf: Path, region: str, version: str) -> None:
    """Puts a version that lies on the shelf into use, in one step."""
    find_release(region, version, shelf)
    handle, draft = tempfile.mkstemp(dir=shelf / region, prefix=".current")
    with os.fdopen(handle, "wb") as stream:
        stream.write(canonical({"version": version}) + b"\n")
    Path(draft).chmod(0o644)
    Path(draft).replace(shelf / region / CURRENT_NAME)


def next_version(region: str, day: datetime, *shelves: Path) -> str:
    """A name that no shelf has yet: <region>-<yyyymmdd>-<n>."""
    stem = f"{region}-{day:%Y%m%d}-"
    taken = {path.name for shelf in shelves for path in (shelf / region).glob(f"{stem}*")}
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem}{number}") not in taken)


def next_seq(shelf: Path) -> int:
    """One more than any release on the shelf: an installation's regions share one row of numbers."""
    return max((release.manifest.seq for release in releases(shelf)), default=0) + 1


def publish(
    shelf: Path, region: str, version: str, candidate: Candidate, online: OnlineKey, *, now: datetime
) -> Release:
    """Signs a regional release, puts it on the installation's shelf and into use.

    Args:
      shelf: DATA/releases.
      region: a district id.
      version: its name, as of next_version.
      candidate: what training left.
      online: the installation's online key.
      now: whole seconds, UTC.

    Raises:
      Problem 422.20: files or names do not make a release.
      Problem 422.24: the version exists.
    """
    with _only_publisher(shelf):
        content = _manifest(region, version, candidate, next_seq(shelf), now, REGION_VALID_DAYS)
        release = _put(shelf, content, online.sign(content), candidate)
        point_current(shelf, region, version)
    return release


def publish_base(shelf: Path, keys_dir: Path, version: str, candidate: Candidate, *, now: datetime) -> Release:
    """Signs a base release with a key pair made for it; the private half is gone when this returns.

    Args:
      shelf: mobile_models/releases.
      keys_dir: mobile_models/keys, where the public half goes.
      version: its name, base-<yyyymmdd>-<n>.
      candidate: what training left: every size, the gate, small.weights.npz for retraining.
      now: whole seconds, UTC.

    Raises:
      Problem 422.20, 422.24: as publish.
    """
    with _only_publisher(shelf):
        content = _manifest(BASE_REGION, version, candidate, next_seq(shelf), now, BASE_VALID_DAYS)
        key, public = make_base_key(version, now, BASE_VALID_DAYS)
        release = _put(shelf, content, Signature(key.public.key_id, key.sign(content)), candidate)
        keys_dir.mkdir(parents=True, exist_ok=True)
        (keys_dir / f"{public.key_id}.json").write_bytes(canonical(public) + b"\n")
        point_current(shelf, BASE_REGION, version)
    return release


def restore(shelf: Path, region: str, earlier: Release, online: OnlineKey, *, now: datetime) -> Release:
    """Rolls a region back: an earlier release's `small`, its own or the base's, comes again under a new name and a higher seq.

    Only the version inside the sidecar changes, so that later counts say which release made them.

    Args:
      shelf: DATA/releases.
      region: the region to roll back.
      earlier: what it should count with again.
      online: the installation's online key.
      now: whole seconds, UTC.
    """
    old = earlier.manifest
    version = next_version(region, now, shelf)
    names = (model_name("small"), sidecar_name("small"), GOLDEN_NAME)
    files = {name: (earlier.folder / name).read_bytes() for name in names}
    files[sidecar_name("small")] = canonical(json.loads(files[sidecar_name("small")]) | {"version": version})
    again = Candidate(
        files,
        {"small": old.golden.counts["small"]},
        {"small": old.metrics.get("small", {})},
        CardFacts(f"The model of {old.version} again: the region was rolled back to it. Its own card says more."),
        old.version if old.region == BASE_REGION else old.base_version,
    )
    return publish(shelf, region, version, again, online, now=now)


def _manifest(region: str, version: str, candidate: Candidate, seq: int, now: datetime, valid_days: int) -> bytes:
    """The bytes to sign; refused here when they would be refused on a phone."""
    manifest = Manifest(
        region=region,
        version=version,
        seq=seq,
        created_at=now,
        expires_at=now + timedelta(days=valid_days),
        min_app=MIN_APP,
        base_version=candidate.base_version,
        files=describe_files(candidate.files),
        golden=Golden(GOLDEN_NAME, dict(candidate.golden_counts)),
        metrics=dict(candidate.metrics),
    )
    content = canonical(manifest)
    parse_manifest(content)
    return content


def _put(shelf: Path, content: bytes, signature: Signature, candidate: Candidate) -> Release:
    """Writes the folder beside its place, then moves it there."""
    manifest = parse_manifest(content)
    place = shelf / manifest.region / manifest.version
    if place.exists():
        raise Problem("422.24", version=manifest.version)
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=".draft"))
    try:
        card = render_card(manifest, candidate.facts).encode()
        made = {CARD_NAME: card, MANIFEST_NAME: content, SIGNATURE_NAME: canonical(signature)}
        for name, data in {**candidate.files, **made}.items():
            (draft / name).write_bytes(data)
        draft.chmod(0o755)
        draft.rename(place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return read_release(place)


@contextmanager
def _only_publisher(shelf: Path) -> Iterator[None]:
    """Holds a lock on the shelf: two trainers must not take the same seq."""
    shelf.mkdir(parents=True, exist_ok=True)
    with (shelf / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
