"""The cursor of a pull: how far a phone knows what is new, and in which era; a form that it only hands back."""

from typing import NamedTuple

NEVER_RESTORED = 0
UNREADABLE = -1


class Cursor(NamedTuple):
    """How far a phone knows what is new.

    Args:
      last: number of the last change; 0 is the beginning.
      era: the second since 1970 in which the server that gave it out was last restored from a backup; 0: never; None: the
        phone has no cursor. Source: ADR 0022.
    """

    last: int
    era: int | None


def write_cursor(last: int, era: int = NEVER_RESTORED) -> str:
    """The cursor after change number `last`; phones only hand it back. Before a first restore it costs no byte more."""
    return f"1.{last:x}.{era:x}" if era else f"1.{last:x}"


def read_cursor(cursor: str | None) -> Cursor:
    """What a cursor stands for; the beginning, of no era there ever was, if it cannot be read.

    A phone that kept a cursor of another version gets everything again rather than an error.
    """
    if cursor is None:
        return Cursor(0, None)
    version, *numbers = cursor.split(".")
    try:
        if version == "1" and len(numbers) in {1, 2} and all(0 < len(number) < 16 for number in numbers):
            last, era = (int(number, 16) for number in [*numbers, f"{NEVER_RESTORED}"][:2])
            if min(last, era) >= 0:
                return Cursor(last, era)
    except ValueError:
        pass
    return Cursor(0, UNREADABLE)
