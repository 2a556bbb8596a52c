"""A count of one trap as rules and roll-ups see it, whoever counted: photo or person.

Refuses to give a rate for a rejected photo or an unknown exposure.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pestwatch.domain.catch import LEAST_NIGHTS, catch_rate

Verdict = Literal["good", "doubtful", "rejected"]
"""What the photo gate says of a photo."""


@dataclass(frozen=True)
class Reading:
    """One count of one trap.

    Args:
      taken_at: aware instant.
      count: insects of the trap's own pest since it was emptied.
      nights: trap-nights of exposure; None when unknown.
      gate: the photo gate's verdict; None for a count by hand.
      lure_age_days: None when unknown.
      interval: least and greatest count that go with what a model counted; None when a person counted, or nobody knows.
      emptied: whether the trap was emptied then.
    """

    taken_at: datetime
    count: int
    nights: float | None
    gate: Verdict | None = None
    lure_age_days: int | None = None
    interval: tuple[int, int] | None = None
    emptied: bool = False

    @property
    def rate(self) -> float | None:
        """Catch per trap-night, or None when it may not be used."""
        return None if self.gate == "rejected" else catch_rate(self.count, self.nights)

    @property
    def since(self) -> datetime:
        """When the nights of this count began; the instant of counting when they are unknown."""
        return self.taken_at - timedelta(days=self.nights or 0)


def settled(readings: Iterable[Reading]) -> list[Reading]:
    """Readings in the order of time, with the nights that the trap can really have caught.

    A forgotten count that is written down later was not known when the next one was made: if the trap was emptied then,
    the next one's nights begin there. Less than a night's difference is only people who come at another hour.
    """
    found: list[Reading] = []
    emptied_at: datetime | None = None
    for one in sorted(readings, key=lambda one: one.taken_at):
        nights = one.nights
        if emptied_at is not None and nights is not None:
            possible = (one.taken_at - emptied_at).total_seconds() / 86400
            if possible >= LEAST_NIGHTS and nights - possible >= 1:
                nights = math.floor(possible + 0.5)
        found.append(replace(one, nights=nights))
        emptied_at = one.taken_at if one.emptied else emptied_at
    return found
