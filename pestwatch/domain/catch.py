"""Counts over nights -> catch per trap-night, the only number that may be compared.

Refuses to evaluate without exposure: a count alone says nothing.
"""

from datetime import datetime

NIGHT_HOURS = 24.0
# A trap emptied this morning and counted at noon has stood no night; less than this is no exposure.
LEAST_NIGHTS = 0.5


def nights_between(emptied_at: datetime, counted_at: datetime) -> float | None:
    """Trap-nights from emptying to counting, as a fraction of days.

    Args:
      emptied_at: aware instant.
      counted_at: aware instant.

    Returns:
      Nights, or None when there was no whole exposure (counted before, or within half a day of, emptying).
    """
    nights = (counted_at - emptied_at).total_seconds() / 3600 / NIGHT_HOURS
    return nights if nights >= LEAST_NIGHTS else None


def catch_rate(count: int, nights: float | None) -> float | None:
    """Insects per trap and night.

    Args:
      count: insects since the trap was last emptied, >= 0.
      nights: trap-nights of exposure; None or too short when unknown.

    Returns:
      Catch per trap-night >= 0, or None when the exposure is unknown: never a guess.
    """
    if nights is None or nights < LEAST_NIGHTS:
        return None
    return count / nights
