"""Recordings by people: i18n/<locale>/voice/<key>.wav (or .opus, .ogg, .m4a, .mp3), each with its speaker and licence.

A recording goes before the synthesizer. One whose speaker or licence nobody has written down is left out.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from pestwatch import i18n

ENDINGS = {".wav", ".opus", ".ogg", ".m4a", ".mp3"}


def voice_folder(locale: str) -> Path:
    """Where the recordings of a language lie."""
    return i18n.CATALOGUES / locale / "voice"


def recordings(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The usable recordings by the key of their text, and a sentence about each that is not.

    Args:
      folder: holds them, and speakers.csv with the columns file, speaker, licence.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)
    known = _speakers(folder / "speakers.csv")
    left_out = [
        f"{path.name}: speakers.csv does not name its speaker and licence" for path in files if not known.get(path.name)
    ]
    return {path.stem: path for path in files if known.get(path.name)}, left_out


def _speakers(table: Path) -> Mapping[str, bool]:
    if not table.exists():
        return {}
    with table.open(encoding="utf-8", newline="") as rows:
        return {row["file"]: bool(row.get("speaker") and row.get("licence")) for row in csv.DictReader(rows)}
