"""Folds facts into state; commutative and idempotent, so that order and repetition of arrival do not matter.

Observations never conflict: each is a fact of its own. Two things can be said twice about the same subject, and for
these the rules stand here: a trap's description (the newest by corrected time wins) and the number of insects in an
observation (an officer's recount before the farmer's before the phone's).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

Rank = tuple[bool, datetime, int]


class Recount(Protocol):
    """What `standing_recount` needs to know of a correction."""

    @property
    def by(self) -> str:
        """`officer` or `farmer`."""

    @property
    def made_at(self) -> datetime:
        """Corrected time."""

    @property
    def server_seq(self) -> int:
        """Order of arrival; breaks ties."""


R = TypeVar("R", bound=Recount)


def description_wins(new: tuple[datetime, int], old: tuple[datetime, int] | None) -> bool:
    """Says whether a trap's description replaces the one that stands.

    Args:
      new: corrected time and sequence number of the description that arrived.
      old: the same of the one that stands, None if there is none.
    """
    return old is None or new > old


def standing_recount(recounts: Iterable[R]) -> R | None:
    """The recount that counts: the newest of an officer, else the newest of the farmer, else None (the phone's stands)."""
    return max(recounts, key=_rank, default=None)


def _rank(recount: Recount) -> Rank:
    return recount.by == "officer", recount.made_at, recount.server_seq
