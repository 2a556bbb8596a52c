"""The pictures below a folder: found by path or by name, and by nothing that leads out of the folder."""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from pestwatch.vision.labels.labelled import Unreadable
from pestwatch.vision.preprocess import DAMAGE, ORIENTATION_TAG

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
EXIF_IFD = 0x8769
TAKEN_TAG = 0x9003
# EXIF orientations that swap width and height.
SIDEWAYS = frozenset({5, 6, 7, 8})


class Header(NamedTuple):
    """What a picture's first bytes say: width and height as stored, px; its turn; when it was taken, or empty."""

    stored: tuple[int, int]
    is_sideways: bool
    taken_at: str

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height after the turn that EXIF asks for."""
        return (self.stored[1], self.stored[0]) if self.is_sideways else self.stored


class Pictures:
    """An index of the pictures below a folder.

    Args:
      folder: searched to the bottom; links that lead out of it are left out.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = folder.resolve()
        self.names: dict[str, Path] = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in SUFFIXES and path.resolve().is_relative_to(root)
        }
        self._by_name: dict[str, list[str]] = {}
        for name in self.names:
            self._by_name.setdefault(PurePosixPath(name).name, []).append(name)

    def find(self, told: str, beside: str = "") -> str:
        """The picture that a label file means.

        Args:
          told: a path, an address or a bare name, as the label file writes it.
          beside: folder of the label file, below ours.

        Returns:
          Its name in `names`.

        Raises:
          Unreadable: there is none, or several of that name.
        """
        told = told.replace("\\", "/")
        for place in ((PurePosixPath(beside) / told).as_posix(), told):
            if place in self.names:
                return place
        same_name = self._by_name.get(PurePosixPath(told).name, [])
        longer = [name for name in same_name if told.endswith(name) or name.endswith(f"/{told}")]
        found = longer if len(longer) == 1 else same_name
        if len(found) != 1:
            raise Unreadable("its picture is not in the folder" if not found else "several pictures have this name")
        return found[0]

    def header(self, name: str) -> Header:
        """Reads the head of a picture, without decoding it.

        Raises:
          Unreadable: it is no picture.
        """
        try:
            with Image.open(self.names[name]) as picture:
                exif = picture.getexif()
                taken_at = str(exif.get_ifd(EXIF_IFD).get(TAKEN_TAG, ""))
                return Header(picture.size, exif.get(ORIENTATION_TAG) in SIDEWAYS, taken_at)
        except (*DAMAGE, Image.DecompressionBombError) as error:
            raise Unreadable("it is not a picture, or a damaged one") from error


def turned(header: Header, size: tuple[int, int]) -> bool:
    """Whether boxes drawn on a picture of this size lie on the upright photo.

    Raises:
      Unreadable: the size is the photo's neither upright nor as stored.
    """
    if size == header.upright:
        return True
    if size == header.stored:
        return False
    width, height = header.upright
    raise Unreadable(f"its labels are for {size[0]} x {size[1]} pixels, it has {width} x {height}")
