"""A trap and its lure: whether its silence can be trusted."""

from pestwatch.domain.species import SPECIES, SpeciesId


def is_lure_doubtful(pest: SpeciesId | str, lure_age_days: int | None) -> bool:
    """Whether a trap may be empty only because its lure has stopped to draw.

    Args:
      pest: the species that the trap is for; one that is caught without a lure is never doubtful.
      lure_age_days: days since the lure was put in; None when nobody knows, which is as bad as old.

    Source: lure lives in pestwatch/domain/species.py; failed lures read as "no pest" in Adilabad 2016,
    http://www.thehindu.com/news/cities/Hyderabad/Did-pink-bollworm-spread-due-to-failure-of-pest-traps/article16696410.ece
    """
    life_days = SPECIES[SpeciesId(pest)].lure_life_days
    return life_days is not None and (lure_age_days is None or lure_age_days > life_days)
