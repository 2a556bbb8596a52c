"""A look at the plants in fixed numbers: what to look at, how many, how many of them are serious, and what was found.

An economic threshold is about plants; a trap only says when to look. A tally that was not finished says nothing,
unless enough was found already: then the rest cannot talk it down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from pestwatch.domain.threshold import Threshold, thresholds

Part = Literal["flower", "boll", "plant", "fruiting_part", "fruit", "leaf", "hill", "tiller", "square_metre"]
PARTS: tuple[Part, ...] = get_args(Part)
Outcome = Literal["serious", "sound", "seen", "unfinished"]
"""`seen`: looked at to the end, but nobody gives a number to hold it against."""

USUAL_PART: Part = "plant"
USUAL_SAMPLE = 20
"""Where no source says what to look at: as many plants as for bollworms in cotton. Source: this project, to be confirmed."""


@dataclass(frozen=True)
class Inspection:
    """What a person found on the plants beside a trap.

    Args:
      inspected_at: aware instant.
      rule: id of the plant threshold whose method was used; None when there is none.
      part: what was looked at, one after another.
      looked: at how many.
      found: how many of them were damaged; where the rule counts insects on each, how many insects or eggs in all.
    """

    inspected_at: datetime
    rule: str | None
    part: str
    looked: int
    found: int

    def outcome(self) -> Outcome:
        """What it says by its own rule; a rule of a newer version, which is not known here, is none."""
        rule = plant_rule(self.rule)
        if rule is None:
            return "seen" if self.looked >= USUAL_SAMPLE else "unfinished"
        if self.found * rule.sample >= rule.serious * max(self.looked, rule.sample):
            return "serious"
        return "sound" if self.looked >= rule.sample else "unfinished"


def plant_rule(rule: str | None) -> Threshold | None:
    """A plant threshold by its id."""
    return next((row for row in thresholds() if row.id == rule and row.kind == "plant" and row.is_usable), None)


def plant_rules(pest: str, crop: str, state: str | None) -> list[Threshold]:
    """The plant thresholds to look by, one for each part of the plant: the state's own before India's."""
    fitting = [
        row
        for row in thresholds()
        if row.kind == "plant" and row.species == pest and row.is_usable and row.applies_to(crop, state)
    ]
    by_part: dict[str, Threshold] = {}
    for row in sorted(fitting, key=lambda row: not row.states):
        by_part.setdefault(row.part, row)
    return list(by_part.values())


def newest_finished(inspections: Iterable[Inspection]) -> list[Inspection]:
    """The last finished look at each part of the plants, oldest first."""
    newest: dict[str, Inspection] = {}
    for one in sorted(inspections, key=lambda one: one.inspected_at):
        if one.outcome() != "unfinished":
            newest[one.part] = one
    return sorted(newest.values(), key=lambda one: one.inspected_at)
