"""A count of one trap as rules and roll-ups see it, whoever counted: photo or person.

Refuses to give a rate for a rejected photo or an unknown exposure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pestwatch.domain.catch import catch_rate

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
    """

    taken_at: datetime
    count: int
    nights: float | None
    gate: Verdict | None = None
    lure_age_days: int | None = None
    interval: tuple[int, int] | None = None

    @property
    def rate(self) -> float | None:
        """Catch per trap-night, or None when it may not be used."""
        return None if self.gate == "rejected" else catch_rate(self.count, self.nights)

    @property
    def since(self) -> datetime:
        """When the nights of this count began; the instant of counting when they are unknown."""
        return self.taken_at - timedelta(days=self.nights or 0)
