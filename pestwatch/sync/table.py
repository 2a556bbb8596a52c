"""A list of alike documents as a table: names once or never, numbers and times as differences.

Promises: `from_table(to_table(rows, usual), usual) == rows` for whatever JSON can say, fields that nobody here knows
included. Where a message has such a list, it may have the table instead. field/src/sync/table.ts is the twin;
docs/sync.md draws it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from pestwatch.errors import Problem

MAX_ROWS = 200
MAX_COLUMNS = 250
MAX_DOTS = 8
ABSENT: Final[list[Any]] = []
"""The entry of a row that lacks this field; a field that is itself a list or an object so stands in a list of one."""
Usual = Sequence[tuple[str, Any]]
"""Names that need not be spelled, with the value that a column has which is not there."""

FACTS: Final[Usual] = (
    ("seq", ABSENT),
    ("kind", "observation"),
    ("at", ABSENT),
    ("body.trap", ABSENT),
    ("body.taken_at", ABSENT),
    ("body.source", "photo"),
    ("body.counts.HELIAR", ABSENT),
    ("body.counts.GNORAB", ABSENT),
    ("body.counts.NOCTUID_LARGE", ABSENT),
    ("body.intervals.HELIAR", ABSENT),
    ("body.intervals.GNORAB", ABSENT),
    ("body.nights", ABSENT),
    ("body.emptied", True),
    ("body.lure_age_days", ABSENT),
    ("body.model", ABSENT),
    ("body.gate.verdict", "good"),
    ("body.gate.reason", None),
    ("body.photo", None),
    ("body.photo_consent", False),
    ("body.decoded_scale", 1),
    ("body.observation", ABSENT),
)
"""Of version 1 for good: a name more or less, or in another place, is another version."""
ITEMS: Final[Usual] = (("seq", ABSENT), ("status", "stored"), ("problem", None))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_EXACT = 2**53
_Home = dict[str, Any] | None


def to_table(rows: Sequence[Any], usual: Usual) -> dict[str, Any] | None:
    """Writes a list as a table; None if it cannot be one: a row is no object, or has a name with a dot in it."""
    columns: dict[str, list[Any]] = {name: [] for name, _ in usual}
    for place, row in enumerate(rows):
        for name, value in _leaves(row):
            if name is None:
                return None
            entries = columns.setdefault(name, [])
            entries += [ABSENT] * (place - len(entries))
            entries.append([value] if isinstance(value, list | dict) else value)
    if len(columns) > MAX_COLUMNS:
        return None
    for entries in columns.values():
        entries.extend([ABSENT] * (len(rows) - len(entries)))
    told: list[Any] = []
    for place, (name, value) in enumerate(usual):
        sources = [columns[source] for source, _ in usual[:place]]
        is_usual = _all_are(value, columns[name])
        told.append(None if is_usual else _column(columns[name], sources))
    while told and told[-1] is None:
        told.pop()
    names = {name for name, _ in usual}
    others = {name: _column(entries, []) for name, entries in columns.items() if name not in names}
    return {"rows": len(rows), "usual": told} | ({"columns": others} if others else {})


class Spelled(Protocol):
    """What a message has in the place of a list."""

    @property
    def rows(self) -> int:
        """How many rows."""

    @property
    def usual(self) -> list[Any]:
        """Columns whose names are known, in their order."""

    @property
    def columns(self) -> Mapping[str, Any]:
        """The other columns."""


def from_table(table: Spelled, usual: Usual) -> list[dict[str, Any]]:
    """Reads a table as the list that it stands for.

    Raises:
      Problem 400.1: it is no table.
      Problem 413.1: it has too many rows.
    """
    count, told = table.rows, table.usual
    if count > MAX_ROWS or len(table.columns) > MAX_COLUMNS:
        raise Problem("413.1", size_bytes=count, limit_bytes=MAX_ROWS)
    if len(told) > len(usual):
        raise Problem("400.1", detail="its table has more columns than there are names")
    try:
        known: list[list[Any]] = []
        rows = _Rows(count)
        for place, (name, value) in enumerate(usual):
            column = told[place] if place < len(told) else None
            known.append([value] * count if column is None else _entries(column, count, known))
            if column is not None or value is not ABSENT:
                rows.put(name, known[-1])
        for name, column in table.columns.items():
            rows.put(name, _entries(column, count, known))
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise Problem("400.1", detail=f"its table cannot be read: {error}"[:200]) from error
    return rows.made


class _Rows:
    """Rows that columns are put into, one column after the other."""

    def __init__(self, count: int) -> None:
        self.made: list[dict[str, Any]] = [{} for _ in range(count)]
        self._homes: dict[str, list[_Home]] = {"": list(self.made)}

    def put(self, name: str, entries: list[Any]) -> None:
        """Gives each row its entry under a name such as body.counts.HELIAR."""
        if name.count(".") > MAX_DOTS:
            raise ValueError("too deep")
        above, _, key = name.rpartition(".")
        homes = self._homes.get(above) or self._homes.setdefault(above, [None] * len(self.made))
        for place, entry in enumerate(entries):
            if entry is ABSENT:
                continue
            home = homes[place]
            if home is None:
                home = self._new_home(above, place)
            if key in home:
                raise ValueError(name)
            home[key] = entry[0] if type(entry) is list else entry

    def _new_home(self, path: str, place: int) -> dict[str, Any]:
        """Puts an object into a row for the names that begin with `path`."""
        above, _, key = path.rpartition(".")
        homes = self._homes.get(above) or self._homes.setdefault(above, [None] * len(self.made))
        home = homes[place]
        if home is None:
            home = self._new_home(above, place)
        if key in home:
            raise ValueError(path)
        made: dict[str, Any] = {}
        home[key] = made
        self._homes[path][place] = made
        return made


def _leaves(row: Any, above: str = "") -> Iterator[tuple[str | None, Any]]:
    """Names and values of a row; the name None: it has no place in a table."""
    if not isinstance(row, dict):
        yield None, row
        return
    for key, value in row.items():
        if not key or "." in key or above.count(".") >= MAX_DOTS:
            yield None, value
        elif isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield above + key, value


def _column(entries: list[Any], sources: list[list[Any]]) -> Any:
    """The shortest spelling of a column; one that ends early repeats its last entry."""
    present = [entry for entry in entries if entry is not ABSENT]
    spellings: list[Any] = [_cut(entries)]
    if present and all(isinstance(entry, str) and _is_instant(entry) for entry in present):
        spellings = [{"t": _cut(_differences(entries, _seconds))}]
    elif present and all(type(entry) is int and abs(entry) < _EXACT for entry in present):
        spellings.append({"+": _cut(_differences(entries, int))})
    for place, source in enumerate(sources):
        if _same(source, entries):
            spellings.append({"of": place})
        elif (mapped := _mapped(source, entries)) is not None:
            spellings.append({"of": place, "is": mapped})
    return min(spellings, key=lambda spelling: len(msgspec.json.encode(spelling)))


def _cut(entries: list[Any]) -> list[Any]:
    end = len(entries)
    while end > 1 and _key(entries[end - 2]) == _key(entries[end - 1]):
        end -= 1
    return entries[:end]


def _all_are(value: Any, entries: list[Any]) -> bool:
    if isinstance(value, list):
        return all(entry is value for entry in entries)
    return set(map(type, entries)) <= {type(value)} and entries.count(value) == len(entries)


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(_is_same, one, other))


def _is_same(one: Any, other: Any) -> bool:
    return one is other or _key(one) == _key(other)


def _key(entry: Any) -> tuple[type, Any]:
    """Compared with its type: True is no 1, and 1.0 is none either."""
    return type(entry), msgspec.json.encode(entry) if isinstance(entry, list) else entry


def _mapped(source: list[Any], entries: list[Any]) -> list[Any] | None:
    """What the column says for each value of `source`, in the order in which they first come; None: not always the same."""
    found: dict[tuple[type, Any], Any] = {}
    for value, entry in zip(source, entries, strict=True):
        if not _is_same(found.setdefault(_key(value), entry), entry):
            return None
    return list(found.values())


def _differences(entries: list[Any], number: Callable[[Any], int]) -> list[Any]:
    told: list[Any] = []
    before = 0
    for entry in entries:
        if entry is ABSENT:
            told.append(ABSENT)
            continue
        now = number(entry)
        told.append(now - before)
        before = now
    return told


def _is_instant(text: str) -> bool:
    try:
        return _INSTANT.fullmatch(text) is not None and _instant(_seconds(text)) == text
    except ValueError:  # such as the 30th of February
        return False


def _seconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)


def _instant(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19] + "Z"


def _entries(column: Any, count: int, known: list[list[Any]]) -> list[Any]:
    """A column's entry for each row."""
    if isinstance(column, list):
        return _filled(column, count)
    if "of" in column:
        source = known[column["of"]]
        if "is" not in column:
            return source
        keys = [_key(value) for value in source]
        firsts = list(dict.fromkeys(keys))
        mapping = dict(zip(firsts, _filled(column["is"], len(firsts)), strict=True))
        return [mapping[key] for key in keys]
    kind, spell = ("t", _instant) if "t" in column else ("+", int)
    entries: list[Any] = []
    before = 0
    for entry in _filled(column[kind], count):
        if entry is ABSENT:
            entries.append(ABSENT)
            continue
        if type(entry) is not int:
            raise ValueError(entry)
        before += entry
        entries.append(spell(before))
    return entries


def _filled(told: Any, count: int) -> list[Any]:
    """Every entry as told, the last one repeated; the empty list becomes ABSENT, the very same."""
    if not isinstance(told, list) or len(told) > count or (count and not told):
        raise ValueError("a column of another length")
    kinds = set(map(type, told))
    if dict in kinds or (list in kinds and any(len(entry) > 1 for entry in told if type(entry) is list)):
        raise TypeError("a list or an object that stands alone")
    entries = [ABSENT if entry == [] else entry for entry in told] if list in kinds else told
    return entries + entries[-1:] * (count - len(entries))
