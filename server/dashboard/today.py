"""First page: where does the officer go this morning? Traps at the threshold, near it, and silent ones first."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, render_template
from sqlalchemy.orm import Session

from server.config import current_time
from server.dashboard.troubles import troubles_of
from server.db import people
from server.db.catches import review_queue
from server.db.session import request_scope
from server.db.tables import Fact, Region, Sms
from server.standing import GROUPS, Group, Standing, standings

SHOWN = 12
"""Traps on the first page; the region's page has them all."""
QUEUE_LIMIT = 100
PROBLEM_LIMIT = 100


@dataclass(frozen=True)
class Card:
    """One region on the first page."""

    region: Region
    standings: list[Standing]
    numbers: dict[Group, int]
    to_review: int
    troubles: list[Fact | Sms]

    @property
    def first(self) -> list[Standing]:
        """The traps to go to."""
        return [standing for standing in self.standings if _is_urgent(standing)][:SHOWN]


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/", view_func=today)


def today() -> str:
    """The officer's regions as they stand."""
    now = current_time()
    with request_scope(read_only=True) as session:
        cards = [_card(session, region, now) for region in people.regions_for(session, g.staff)]
        return render_template("today.html", cards=cards, groups=GROUPS, now=now)


def _card(session: Session, region: Region, now: Any) -> Card:
    found = standings(session, region.id, now)
    counted = Counter(standing.group for standing in found)
    return Card(
        region,
        found,
        {group: counted[group] for group in GROUPS},
        len(review_queue(session, region.id, QUEUE_LIMIT)),
        troubles_of(session, region.id, PROBLEM_LIMIT),
    )


def _is_urgent(standing: Standing) -> bool:
    """Not the low ones; of those that are watched by their trend, the rising ones."""
    if standing.group == "watch":
        return any(said.id == "trend_up" for said in standing.advice.messages)
    return standing.group != "low"
