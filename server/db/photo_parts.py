"""Photos that are still arriving, one for each phone: on disk, or in the bucket, where the photos lie too.

On disk as <data>/uploads/<phone>.<sha256>; in the bucket as uploads/<phone>/<sha256>/<begin>-<end>, an object for each part,
so that any web machine goes on where another one ended.

Promises: what is here of a photo only grows, part by part, each where the one before it ended; two connections at once do
not spoil it. Nothing is locked while a slow link is listened to. Each phone has a half photo of its own, so nobody's bytes
can get into somebody else's. A part that is lost shows in the length, or else in the hash at the end, and is sent again.
"""

import fcntl
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from pestwatch.errors import Problem
from server.config import Settings
from server.db.bucket import in_words, open_bucket, put

KEPT_FOR = timedelta(days=7)
"""A phone that was away for longer begins its photo again."""
MOST_SLICES = 200
"""Parts of one half photo in a bucket: 12 MB in the parts that phones send. Beyond that, on links that break all the time,
they are made one."""
FOLDER = "uploads"


class PhotoParts(Protocol):
    """The half photos of an installation."""

    def arrived_bytes(self, device: int, sha256: str) -> int:
        """How much of a photo is here; 0 if nothing."""

    def append(self, device: int, sha256: str, offset: int, part: bytes) -> int:
        """Adds a part; a phone that begins a photo gives up the one that it had begun before.

        Returns:
          How much is here now.

        Raises:
          Problem 409.2: the part does not begin where the former one ended.
        """

    def whole(self, device: int, sha256: str) -> bytes:
        """Everything that is here of a photo."""

    def forget(self, device: int, sha256: str) -> None:
        """Lets go of a photo that is complete, or was none."""

    def forget_phone(self, device: int, *, but: str | None = None) -> None:
        """Lets go of everything that a phone has begun, except one photo."""

    def forget_old(self, now: datetime) -> int:
        """Lets go of what no phone has gone on with for a week; answers how many."""


class DiskParts:
    """Half photos in a folder that every web process of the installation sees.

    Nothing is synced to the disk: what a power cut takes is sent again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arrived_bytes(self, device: int, sha256: str) -> int:
        """How much of a photo is here; 0 if nothing."""
        try:
            return self._path(device, sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, device: int, sha256: str, offset: int, part: bytes) -> int:
        """Adds a part; of two connections that bring the same one, the later is refused.

        Raises:
          Problem 409.2: the part does not begin where the former one ended.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if offset == 0:
            self.forget_phone(device, but=sha256)
        with self._path(device, sha256).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            arrived = os.fstat(file.fileno()).st_size
            if arrived != offset:
                raise Problem("409.2", offset=arrived)
            file.write(part)
        return arrived + len(part)

    def whole(self, device: int, sha256: str) -> bytes:
        """Everything that is here of a photo."""
        try:
            return self._path(device, sha256).read_bytes()
        except FileNotFoundError:
            return b""

    def forget(self, device: int, sha256: str) -> None:
        """Lets go of a photo that is complete, or was none."""
        self._path(device, sha256).unlink(missing_ok=True)

    def forget_phone(self, device: int, *, but: str | None = None) -> None:
        """Lets go of everything that a phone has begun, except one photo."""
        for path in self._folder.glob(f"{device}.*"):
            if path.name != f"{device}.{but}":
                path.unlink(missing_ok=True)

    def forget_old(self, now: datetime) -> int:
        """Lets go of what no phone has gone on with for a week; answers how many."""
        oldest, forgotten = (now - KEPT_FOR).timestamp(), 0
        for path in self._folder.glob("*.*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    forgotten += 1
        return forgotten

    def _path(self, device: int, sha256: str) -> Path:
        return self._folder / f"{device}.{sha256}"


class _Slice(NamedTuple):
    """A piece of a photo; two connections at once may bring pieces that overlap, which is harmless."""

    begin: int
    end: int
    name: str


class BucketParts:
    """Half photos in a bucket, each part an object of its own.

    Objects are only added, and how much is here is how far they reach without a gap: so it never shrinks, without a lock that
    machines would have to share. Of two connections that bring a part at once both may be taken, and the longer counts.

    Args:
      settings: which bucket.
    """

    def __init__(self, settings: Settings) -> None:
        self._bucket = open_bucket(settings)

    def arrived_bytes(self, device: int, sha256: str) -> int:
        """How much of a photo is here; 0 if nothing.

        Raises:
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        return _reach(self._slices(device, sha256))

    def append(self, device: int, sha256: str, offset: int, part: bytes) -> int:
        """Adds a part.

        Raises:
          Problem 409.2: the part does not begin where the former one ended.
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        if offset == 0:
            self.forget_phone(device, but=sha256)
        slices = self._slices(device, sha256)
        arrived = _reach(slices)
        if arrived != offset:
            raise Problem("409.2", offset=arrived)
        if len(slices) >= MOST_SLICES:
            self._make_one(device, sha256, slices)
        if part:
            put(self._bucket, f"{_folder(device, sha256)}/{offset}-{offset + len(part)}", part)
        return arrived + len(part)

    def whole(self, device: int, sha256: str) -> bytes:
        """Everything that is here of a photo.

        Raises:
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        content = bytearray()
        try:
            for piece in _row(self._slices(device, sha256)):
                with in_words():
                    content += bytes(self._bucket.get(piece.name).bytes())[len(content) - piece.begin :]
        except FileNotFoundError:  # another connection has completed it meanwhile
            return b""
        return bytes(content)

    def forget(self, device: int, sha256: str) -> None:
        """Lets go of a photo that is complete, or was none."""
        self._remove(piece.name for piece in self._slices(device, sha256))

    def forget_phone(self, device: int, *, but: str | None = None) -> None:
        """Lets go of everything that a phone has begun, except one photo."""
        self._remove(name for name, _ in self._listed(f"{FOLDER}/{device}") if name.split("/")[2] != but)

    def forget_old(self, now: datetime) -> int:
        """Lets go of what no phone has gone on with for a week; answers how many."""
        begun: dict[str, list[str]] = defaultdict(list)
        newest: dict[str, datetime] = {}
        for name, at in self._listed(FOLDER):
            half = name.rpartition("/")[0]
            begun[half].append(name)
            newest[half] = max(newest.get(half, at), at)
        old = [half for half, at in newest.items() if at < now - KEPT_FOR]
        for half in old:
            self._remove(begun[half])
        return len(old)

    def _make_one(self, device: int, sha256: str, slices: list[_Slice]) -> None:
        """The joined piece is there before the others go, so no machine ever sees less than before."""
        content = self.whole(device, sha256)
        name = f"{_folder(device, sha256)}/0-{len(content)}"
        put(self._bucket, name, content)
        self._remove(piece.name for piece in slices if piece.end <= len(content) and piece.name != name)

    def _slices(self, device: int, sha256: str) -> list[_Slice]:
        found = []
        for name, _ in self._listed(_folder(device, sha256)):
            if spans := re.fullmatch(r"([0-9]+)-([0-9]+)", name.rpartition("/")[2]):  # some stores list drafts, too
                found.append(_Slice(int(spans[1]), int(spans[2]), name))
        return found

    def _listed(self, folder: str) -> Iterator[tuple[str, datetime]]:
        with in_words():
            for page in self._bucket.list(folder):
                for found in page:
                    yield found["path"], found["last_modified"].astimezone(UTC)

    def _remove(self, names: Iterator[str] | list[str]) -> None:
        for name in list(names):
            with suppress(FileNotFoundError), in_words():
                self._bucket.delete(name)


def open_parts(settings: Settings) -> PhotoParts:
    """The half photos of an installation: where its photos lie, too."""
    return BucketParts(settings) if settings.s3_bucket else DiskParts(settings.uploads_dir)


def _folder(device: int, sha256: str) -> str:
    return f"{FOLDER}/{device}/{sha256}"


def _row(slices: list[_Slice]) -> Iterator[_Slice]:
    """The pieces that lead from the first byte as far as there is no gap."""
    reached = 0
    while True:
        piece = max((p for p in slices if p.begin <= reached < p.end), key=lambda p: p.end, default=None)
        if piece is None:
            return
        reached = piece.end
        yield piece


def _reach(slices: list[_Slice]) -> int:
    return max((piece.end for piece in _row(slices)), default=0)
