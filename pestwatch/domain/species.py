"""The closed vocabulary of pests; the order of the photo-counted ones is the model's label order.

Keys are EPPO codes; NOCTUID_LARGE stands for large noctuid moths that a photo does not tell apart.

Source: EPPO Global Database codes; crops and traps from the sources named in thresholds.toml.
"""

from dataclasses import dataclass
from typing import NewType

SpeciesId = NewType("SpeciesId", str)

PHOTO_COUNTED: tuple[SpeciesId, ...] = (SpeciesId("GNORAB"), SpeciesId("HELIAR"), SpeciesId("NOCTUID_LARGE"))
"""Counted from photos, because photos with known counts were at hand to measure the error."""


@dataclass(frozen=True)
class Species:
    """One pest, or a group that a photo does not tell apart.

    Args:
      key: EPPO code, or NOCTUID_LARGE.
      scientific: Latin name.
      name: English name; other languages in i18n/glossary.csv.
      crops: where a trap for it hangs; empty for a group that no lure draws.
      trap_types: what is used to catch it, the usual one first.
      lure_life_days: after so many days a lure counts as expired.
      lure_source: where the lure's life is said.
    """

    key: SpeciesId
    scientific: str
    name: str
    crops: tuple[str, ...]
    trap_types: tuple[str, ...]
    lure_life_days: int | None = None
    lure_source: str = ""

    @property
    def photo_counted(self) -> bool:
        """Whether the released models count it; else it is counted by hand."""
        return self.key in PHOTO_COUNTED

    @property
    def lure_life_is_guess(self) -> bool:
        """Whether no institution says how long a lure lasts, so that the packet knows better."""
        return self.lure_source.startswith(("guess", "vendor"))


def _species(
    key: str, scientific: str, name: str, crops: str, traps: str, lure_days: int | None = None, source: str = ""
) -> Species:
    return Species(SpeciesId(key), scientific, name, tuple(crops.split()), tuple(traps.split()), lure_days, source)


# New ones are appended: an SMS names a pest by its place (docs/sms.md).
# Where sources give a range of days the shorter end is taken: an old lure that is trusted hides moths.
SPECIES: dict[SpeciesId, Species] = {
    species.key: species
    for species in (
        _species(
            "PECTGO",
            "Pectinophora gossypiella",
            "Pink bollworm",
            "cotton",
            "delta funnel sleeve",
            15,
            "Gujarat, 15-21 days: https://krushivigyan.com/2025/09/cottonbolworm/",
        ),
        _species(
            "HELIAR",
            "Helicoverpa armigera",
            "American bollworm",
            "cotton tomato pigeonpea chickpea",
            "funnel sleeve",
            14,
            "NIPHM redgram package, 2-3 weeks: https://niphm.gov.in/IPMPackages/Redgram.pdf",
        ),
        _species(
            "GNORAB", "Tuta absoluta", "Tomato pinworm", "tomato", "delta water", 30, "guess, confirm with the supplier"
        ),
        _species(
            "LAPHFR",
            "Spodoptera frugiperda",
            "Fall armyworm",
            "maize",
            "funnel",
            40,
            "JAU kiosk: https://online.jau.in/kiosk/",
        ),
        _species(
            "SCIRIN",
            "Scirpophaga incertulas",
            "Yellow stem borer",
            "rice",
            "sleeve funnel",
            30,
            "guess, confirm with the supplier",
        ),
        _species(
            "PRODLI",
            "Spodoptera litura",
            "Tobacco caterpillar",
            "cotton cabbage tomato",
            "funnel sleeve",
            45,
            "vendor, about 45 days; confirm",
        ),
        _species(
            "EARIVI",
            "Earias vittella",
            "Spotted bollworm",
            "cotton okra",
            "delta funnel",
            45,
            "CICR folder Know Your Cotton Pests, 45-60 days",
        ),
        _species(
            "PLUTMA",
            "Plutella xylostella",
            "Diamondback moth",
            "cabbage",
            "delta water",
            30,
            "guess, confirm with the supplier",
        ),
        _species(
            "LEUIOR",
            "Leucinodes orbonalis",
            "Brinjal shoot and fruit borer",
            "brinjal",
            "water funnel",
            21,
            "Coimbatore trial, 21 days",
        ),
        _species(
            "DACUDO",
            "Bactrocera dorsalis",
            "Fruit fly",
            "other",
            "water funnel",
            30,
            "guess, confirm with the supplier",
        ),
        _species("BEMITA", "Bemisia tabaci", "Whitefly", "cotton", "sticky"),
        _species("EMPOBI", "Amrasca biguttula", "Jassid", "cotton okra brinjal", "sticky"),
        _species("NILALU", "Nilaparvata lugens", "Brown planthopper", "rice", "light"),
        _species("NOCTUID_LARGE", "Noctuidae", "Large noctuid moth", "", "delta funnel"),
    )
}

TRAPPED: tuple[SpeciesId, ...] = tuple(key for key, species in SPECIES.items() if species.crops)
"""Pests that a trap can be hung for; every one can be counted by hand."""

CROPS: tuple[str, ...] = (
    "cotton",
    "tomato",
    "maize",
    "rice",
    "pigeonpea",
    "chickpea",
    "okra",
    "brinjal",
    "cabbage",
    "other",
)
TRAP_TYPES: tuple[str, ...] = ("delta", "funnel", "sleeve", "water", "sticky", "light")
