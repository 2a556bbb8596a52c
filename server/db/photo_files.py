"""The photos that farmers agreed to send, addressed by the SHA-256 under which the phone announced them.

On disk as <photos>/ab/cdef…, or in an S3-compatible bucket as ab/cdef…; the settings say which. Promises: a photo appears
complete or not at all, and is stored before its row is; keeping it twice is harmless. What lies here was read by
`server/pictures.py` and may be shorter than what was announced; `photos.stored_sha256` says what it hashes to.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pestwatch.errors import Problem
from server.config import Settings
from server.db.bucket import in_words, open_bucket, put


class PhotoFiles(Protocol):
    """Where photos lie."""

    def keep(self, sha256: str, content: bytes) -> None:
        """Stores a photo."""

    def read(self, sha256: str) -> bytes:
        """A photo's bytes.

        Raises:
          Problem 404.1: it is not here.
        """

    def place(self, sha256: str, path: Path) -> bool:
        """Puts a photo into a file of that name; False: it is not here."""

    def remove(self, sha256: str) -> None:
        """Takes a photo away; harmless if it is not here."""


class DiskPhotos:
    """Photos in a folder.

    Args:
      folder: made when the first photo comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, sha256: str, content: bytes) -> None:
        """Stores a photo; it and its name are on the disk when this returns."""
        place = self._path(sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=place.parent, prefix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(place)
        finally:
            Path(draft).unlink(missing_ok=True)
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, sha256: str) -> bytes:
        """A photo's bytes.

        Raises:
          Problem 404.1: it is not here.
        """
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise Problem("404.1", name=sha256[:12]) from error

    def place(self, sha256: str, path: Path) -> bool:
        """A second name for the same bytes where the disk allows it, else a copy; False: the photo is not here."""
        kept = self._path(sha256)
        if not kept.exists():
            return False
        try:
            os.link(kept, path)
        except OSError:
            shutil.copyfile(kept, path)
        return True

    def remove(self, sha256: str) -> None:
        """Takes a photo away."""
        self._path(sha256).unlink(missing_ok=True)
        with suppress(OSError):
            self._path(sha256).parent.rmdir()

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]


class BucketPhotos:
    """Photos in a bucket of anything that speaks the S3 protocol.

    Args:
      settings: which bucket, where, and with whose key.
    """

    def __init__(self, settings: Settings) -> None:
        self._bucket = open_bucket(settings)

    def keep(self, sha256: str, content: bytes) -> None:
        """Stores a photo; the store says so before this returns.

        Raises:
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        put(self._bucket, self._name(sha256), content)

    def read(self, sha256: str) -> bytes:
        """A photo's bytes.

        Raises:
          Problem 404.1: it is not here.
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        try:
            with in_words():
                return bytes(self._bucket.get(self._name(sha256)).bytes())
        except FileNotFoundError as error:
            raise Problem("404.1", name=sha256[:12]) from error

    def place(self, sha256: str, path: Path) -> bool:
        """Fetches a photo into a file; False: it is not here.

        Raises:
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        try:
            path.write_bytes(self.read(sha256))
        except Problem as problem:
            if problem.status != 404:
                raise
            return False
        return True

    def remove(self, sha256: str) -> None:
        """Takes a photo away.

        Raises:
          Problem 503.4: the store cannot be reached, or refuses us.
        """
        with suppress(FileNotFoundError), in_words():
            self._bucket.delete(self._name(sha256))

    @staticmethod
    def _name(sha256: str) -> str:
        return f"{sha256[:2]}/{sha256[2:]}"


def open_photo_files(settings: Settings) -> PhotoFiles:
    """The photos of an installation."""
    return BucketPhotos(settings) if settings.s3_bucket else DiskPhotos(settings.photos_dir)
