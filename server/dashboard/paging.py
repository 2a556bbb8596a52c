"""Long lists in pages, so that every page stays small enough for a slow line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

SIZE = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list.

    Args:
      items: what is shown.
      number: of this page, from 1.
      pages: how many there are, at least 1.
    """

    items: Sequence[T]
    number: int
    pages: int


def page_of(items: Sequence[T]) -> Page[T]:
    """The page that the request's `page` asks for; one that is none becomes the nearest."""
    pages = max(1, -(-len(items) // SIZE))
    wanted = request.args.get("page", 1, type=int)
    number = min(max(wanted, 1), pages)
    return Page(items[(number - 1) * SIZE : number * SIZE], number, pages)
