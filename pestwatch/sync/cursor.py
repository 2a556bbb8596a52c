"""The cursor of a pull: how far a phone knows what is new, in a form that it only hands back."""


def write_cursor(last: int) -> str:
    """The cursor after change number `last`; phones only hand it back."""
    return f"1.{last:x}"


def read_cursor(cursor: str | None) -> int:
    """The change number that a cursor stands for; 0, which is the beginning, if it cannot be read.

    A phone that lost its cursor, or kept one of another version, gets everything again rather than an error.
    """
    version, _, last = (cursor or "").partition(".")
    try:
        return max(0, int(last, 16)) if version == "1" and len(last) < 16 else 0
    except ValueError:
        return 0
