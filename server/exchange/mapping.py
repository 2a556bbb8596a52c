"""How the columns of another system's table become the fields of an observation: a TOML file, read and checked.

Only columns that a mapping names are ever read: the names, telephone numbers and positions of a form stay where they are.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from pestwatch.errors import Problem
from pestwatch.sync.protocol import SpeciesKey

SHIPPED = Path(__file__).parent / "mappings"
KINDS = ("odk", "plain")
"""The mappings that are shipped, by name."""
Column = Annotated[str, Meta(min_length=1)]
Columns = Column | list[Column]
"""One column, or several of which the first that is filled in counts."""
Field = Literal[
    "trap",
    "trap_name",
    "taken_at",
    "pest",
    "crop",
    "trap_type",
    "count",
    "nights",
    "emptied_at",
    "emptied",
    "lure_age_days",
    "taluka",
    "village",
]


class FieldMapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One form's mapping.

    Args:
      source: the form's name; with an id it names an observation for ever, so it must not change between imports.
      id: what tells submissions apart and survives their editing; without it, trap and time do.
      fields: which column says what.
      counts: columns that count one species each, by species key; beside or instead of `pest` and `count`.
      constants: what holds for every row where its column is missing or empty.
      words: what the form's own words mean, by field.
      skip: rows that have one of these words in a column are left out.
      zone: of times that name none.
    """

    source: Annotated[str, Meta(pattern=r"^[\w][\w .:/-]{0,79}$")]
    id: Columns = []
    fields: dict[Field, Columns]
    counts: dict[SpeciesKey, Columns] = {}
    constants: dict[Field, str] = {}
    words: dict[Field, dict[str, str]] = {}
    skip: dict[Column, list[str]] = {}
    zone: Annotated[str, Meta(pattern=r"^[+-]\d\d:\d\d$")] = "+05:30"

    def said(self, field: Field, cells: Mapping[str, str]) -> str:
        """What a row says about a field, in our words; empty if nothing."""
        written = first_filled(self.fields.get(field, []), cells) or self.constants.get(field, "")
        return self.words.get(field, {}).get(written, written)

    def column(self, field: str) -> str:
        """The column that a person has to look at when a field is wrong."""
        columns = self.fields.get(field) or self.counts.get(field)  # type: ignore[call-overload]
        return next(_listed(columns), field) if columns else field

    def read_columns(self) -> list[str]:
        """Every column that is read, normalised, in the mapping's order."""
        groups = [self.id, *self.fields.values(), *self.counts.values(), *([column] for column in self.skip)]
        return list(dict.fromkeys(normal(column) for group in groups for column in _listed(group)))

    def is_skipped(self, cells: Mapping[str, str]) -> bool:
        """Whether a row is one of those that `skip` names."""
        return any(cells.get(normal(column), "") in words for column, words in self.skip.items())


def read_mapping(content: bytes, name: str) -> FieldMapping:
    """Reads a mapping.

    Raises:
      Problem 422.41: it cannot be used; the detail says where.
    """
    try:
        mapping = msgspec.toml.decode(content, type=FieldMapping)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("422.41", name=name, detail=str(error)) from error
    missing = {"trap", "taken_at"} - mapping.fields.keys()
    if missing:
        raise Problem("422.41", name=name, detail=f"[fields] lacks {' and '.join(sorted(missing))}")
    return mapping


def shipped_mapping(kind: str) -> FieldMapping:
    """One of the mappings that come with pestwatch: `odk` or `plain`."""
    path = SHIPPED / f"{kind}.toml"
    return read_mapping(path.read_bytes(), path.name)


def renamed(mapping: FieldMapping, source: str) -> FieldMapping:
    """The same mapping for a form of another name.

    Raises:
      Problem 422.41: that cannot be a form's name.
    """
    fields = {**msgspec.to_builtins(mapping), "source": source}
    try:
        return msgspec.convert(fields, FieldMapping)
    except msgspec.ValidationError as error:
        raise Problem("422.41", name=source, detail=str(error)) from error


def normal(column: str) -> str:
    """One spelling for a question's path: Central's CSV joins groups with `-`, Kobo and OData with `/`."""
    return re.sub(r"[-/]", "/", column.strip())


def first_filled(columns: Columns, cells: Mapping[str, str]) -> str:
    """The first of some columns that says something, else nothing."""
    return next((said for column in _listed(columns) if (said := cells.get(normal(column), "").strip())), "")


def _listed(columns: Columns) -> Iterator[str]:
    yield from [columns] if isinstance(columns, str) else columns
