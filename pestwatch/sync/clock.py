"""A phone's clock against the server's: offset, corrected time, and whether to believe it.

Promises: nothing is ever rejected for its time alone. Phones that lost their battery say 1980, and their counts are as
good as any; they are stored with the time corrected, and flagged. Source: akvo/akvo-flow#266, kobotoolbox/kobocat#243.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self

NETWORK_DELAY = timedelta(minutes=2)
"""Differences below this are the link's, not the clock's; a guess above the slowest sync over 2G."""
BELIEVED = timedelta(days=1)
"""Beyond this the farmer is asked to set the clock, and times are flagged."""
OLDEST = timedelta(days=400)
"""A count that waited longer than a year for a connection more likely has a wrong date; a guess."""


class CorrectedTime(NamedTuple):
    """When something happened by the server's clock."""

    at: datetime
    is_doubtful: bool


@dataclass(frozen=True)
class PhoneClock:
    """What one message tells about the clock of the phone that sent it.

    Args:
      offset: the server's time minus the phone's, when the message arrived.
      received_at: when it arrived, by the server's clock.
      oldest: what is longer ago is more likely a wrong date.
    """

    offset: timedelta
    received_at: datetime
    oldest: timedelta = OLDEST

    @classmethod
    def read(cls, sent_at: datetime, received_at: datetime) -> Self:
        """Compares the time of sending, by the phone, with the time of arrival."""
        return cls(received_at - sent_at, received_at)

    @property
    def offset_ms(self) -> int:
        """Milliseconds to add to the phone's clock."""
        return self.offset // timedelta(milliseconds=1)

    @property
    def is_wrong(self) -> bool:
        """Whether the farmer should set the clock."""
        return abs(self.offset) > BELIEVED

    def corrected(self, at_phone: datetime) -> CorrectedTime:
        """Moves an instant of the phone's clock to ours; what would lie in the future happened just now.

        Args:
          at_phone: aware instant by the phone's clock.
        """
        try:
            at = at_phone if abs(self.offset) <= NETWORK_DELAY else at_phone + self.offset
        except OverflowError:  # a clock in the year 1 or 9999
            return CorrectedTime(self.received_at, is_doubtful=True)
        in_future = at > self.received_at + NETWORK_DELAY
        too_old = at < self.received_at - self.oldest
        return CorrectedTime(min(at, self.received_at), is_doubtful=self.is_wrong or in_future or too_old)
