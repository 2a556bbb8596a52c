"""A trap and its lure: whether its silence can be trusted."""

from pestwatch.domain.species import SPECIES, SpeciesId


def lure_life_days(pest: SpeciesId | str, told_days: int | None = None) -> int | None:
    """After how many days a lure counts as old; None for a pest that is caught without one.

    Args:
      pest: the species that the trap is for.
      told_days: what the farmer reads on the packet. It stands where our own number is a guess; beside a sourced one
        only if it is shorter, because an old lure that is trusted hides moths.
    """
    species = SPECIES[SpeciesId(pest)]
    known = species.lure_life_days
    if known is None or told_days is None:
        return known
    return told_days if species.lure_life_is_guess else min(known, told_days)


def is_lure_doubtful(pest: SpeciesId | str, lure_age_days: int | None, told_days: int | None = None) -> bool:
    """Whether a trap may be empty only because its lure has stopped to draw.

    Args:
      pest: the species that the trap is for; one that is caught without a lure is never doubtful.
      lure_age_days: days since the lure was put in; None when nobody knows, which is as bad as old.
      told_days: how long the packet says that it lasts.

    Source: lure lives in pestwatch/domain/species.py; failed lures read as "no pest" in Adilabad 2016,
    http://www.thehindu.com/news/cities/Hyderabad/Did-pink-bollworm-spread-due-to-failure-of-pest-traps/article16696410.ece
    """
    life_days = lure_life_days(pest, told_days)
    return life_days is not None and (lure_age_days is None or lure_age_days > life_days)
