"""From the labels of others to our keys. A label that nobody has explained is refused, never guessed."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pestwatch.domain.species import SPECIES
from pestwatch.errors import Problem

BY_CATCH = "by_catch"
"""What a label means that is no pest of ours: its boxes are background."""

KNOWN: Mapping[str, str] = {
    # BOLLWM, doi 10.48550/arXiv.2304.00763
    "pbw": "PECTGO",
    "abw": "HELIAR",
    # the three photo sets
    "tuta_absoluta": "GNORAB",
    "noctuid_moth": "NOCTUID_LARGE",
    "fruitfly": BY_CATCH,
} | {name.lower().replace(" ", "_"): key for key, s in SPECIES.items() for name in (key, s.scientific)}
"""Labels understood without a map, in lower case with underscores: keys, Latin names, and those of public sets."""


class SpeciesMap:
    """Translates labels.

    Args:
      told: label as the source writes it -> key of a species, or by_catch; goes before what is known anyway.

    Raises:
      Problem 422.5: a value is neither.
    """

    def __init__(self, told: Mapping[str, str] | None = None) -> None:
        self._told = dict(told or {})
        for label, key in self._told.items():
            if key != BY_CATCH and key not in SPECIES:
                detail = f"{key} is neither {BY_CATCH} nor one of {', '.join(SPECIES)}"
                raise Problem("422.5", field=label, detail=detail)

    def keys(self, labels: Iterable[str]) -> dict[str, str]:
        """Label -> key for all labels of a source.

        Raises:
          Problem 422.31: names every label that is not understood.
        """
        found = {label: self._told.get(label, KNOWN.get(label.strip().lower().replace(" ", "_"))) for label in labels}
        unknown = sorted(label for label, key in found.items() if key is None)
        if unknown:
            raise Problem("422.31", labels=", ".join(unknown))
        return {label: key for label, key in found.items() if key is not None}


def read_species_map(path: Path) -> SpeciesMap:
    """Reads a TOML file of lines such as `"pink bollworm" = "PECTGO"`.

    Raises:
      Problem 422.33: it is no such file.
      Problem 422.5: as SpeciesMap.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem("422.33", name=path.name, detail=str(error)) from error
    return SpeciesMap({label: str(key) for label, key in table.items()})
