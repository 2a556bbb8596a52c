"""Photos that are still arriving: <data>/uploads/<phone>.<sha256>, one for each phone.

Promises: what is here of a photo only grows, part by part, each where the one before it ended; two connections at once do
not spoil it, for only one of them fits on. The lock is held for one write, never while a slow link is listened to. Each
phone has a half photo of its own, so nobody's bytes can get into somebody else's. Nothing is synced to the disk: a part
that a power cut takes shows in the length, or else in the hash at the end, and is sent again.
"""

import fcntl
import os
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pestwatch.errors import Problem

KEPT_FOR = timedelta(days=7)
"""A phone that was away for longer begins its photo again."""


class PhotoParts:
    """The half photos of an installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arrived_bytes(self, device: int, sha256: str) -> int:
        """How much of a photo is here; 0 if nothing."""
        try:
            return self._path(device, sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, device: int, sha256: str, offset: int, part: bytes) -> int:
        """Adds a part; a phone that begins a photo gives up the one that it had begun before.

        Returns:
          How much is here now.

        Raises:
          Problem 409.2: the part does not begin where the former one ended.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if offset == 0:
            for other in self._folder.glob(f"{device}.*"):
                if other != self._path(device, sha256):
                    other.unlink(missing_ok=True)
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
