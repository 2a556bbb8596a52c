"""What wants to become a release: files, what they count, how well, and how they came to be.

Training leaves it in a folder; whoever holds a key reads it there. The two need not be the same process or machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from pestwatch.errors import Problem
from pestwatch.release.card import CardFacts
from pestwatch.release.manifest import Counts, Size, canonical, role_of

CARD_FACTS_NAME = "card.json"


class _CardFile(msgspec.Struct, frozen=True):
    """card.json: everything but the files."""

    golden_counts: dict[Size, Counts]
    metrics: dict[str, dict[str, Any]]
    facts: CardFacts
    base_version: str | None = None


@dataclass(frozen=True)
class Candidate:
    """An unsigned release.

    Args:
      files: name -> content: small.tflite, small.json and golden.png; of a base also the other sizes, the gate,
        small.weights.npz and the pictures of the card, card-*.png.
      golden_counts: what each of these very models counts on golden.png.
      metrics: size -> evaluation -> errors, as pestwatch.vision.evaluate writes them; gate -> what was measured -> figure.
      facts: for the model card.
      base_version: the base release that it started from; None for a base.
    """

    files: Mapping[str, bytes]
    golden_counts: Mapping[Size, Counts]
    metrics: Mapping[str, dict[str, Any]]
    facts: CardFacts
    base_version: str | None = None

    def write(self, folder: Path) -> None:
        """Leaves the candidate in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        card = _CardFile(dict(self.golden_counts), dict(self.metrics), self.facts, self.base_version)
        (folder / CARD_FACTS_NAME).write_bytes(canonical(card))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Takes a candidate from the folder where training left it.

        Raises:
          Problem 422.20: card.json is missing or cannot be understood.
        """
        try:
            card = msgspec.json.decode((folder / CARD_FACTS_NAME).read_bytes(), type=_CardFile)
        except (OSError, msgspec.DecodeError) as error:
            raise Problem("422.20", name=CARD_FACTS_NAME, detail=str(error)) from error
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if role_of(path.name)}
        return cls(files, card.golden_counts, card.metrics, card.facts, card.base_version)
