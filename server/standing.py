"""How each trap stands now: its readings in order, the advice that follows, and who has fallen silent.

The dashboard shows it and the advisory task sends it; both ask here, so they never differ.
Promises: no data is its own answer and never a low catch; what a person counted goes before what a phone counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy.orm import Session

from pestwatch.advisory import rules
from pestwatch.advisory.rules import Advice, Reading, advise
from pestwatch.domain.observation import settled
from pestwatch.domain.places import state_of
from server.db import catches, devices
from server.db.catches import Catch, TrapId
from server.db.inspections import inspections_by_trap
from server.db.tables import Device, Inspection, Trap

SILENT_DAYS = 7
"""Scouts count twice a week: a trap without a count for a week has missed two."""
LOOK_BACK = timedelta(days=70)
"""Ten weeks of counts: the trend needs three readings, the chart eight weeks."""

Group = Literal["inspect", "near", "silent", "watch", "low"]
GROUPS: tuple[Group, ...] = ("inspect", "near", "silent", "watch", "low")
"""In the order in which an officer should look."""
_OF_LEVEL: Mapping[str, Group] = {
    "red": "inspect",
    "orange": "inspect",
    "yellow": "near",
    "watch": "watch",
    "green": "low",
}


@dataclass(frozen=True)
class Standing:
    """One trap, now."""

    trap: Trap
    device: Device
    readings: Sequence[Reading]
    advice: Advice
    last: Catch | None
    inspected: Inspection | None
    days_since_count: int | None
    days_since_sync: int | None

    @property
    def id(self) -> TrapId:
        """The trap's name everywhere."""
        return TrapId(self.trap.device_id, self.trap.trap)

    @property
    def group(self) -> Group:
        """Where the trap belongs on the officer's list."""
        if self.advice.is_confirmed:
            return "inspect"
        if self.days_since_count is None or self.days_since_count > SILENT_DAYS:
            return "silent"
        return _OF_LEVEL.get(self.advice.level, "silent")


def standings(session: Session, region: str, now: datetime) -> list[Standing]:
    """Every trap of a region as it stands, most urgent first; traps of revoked phones are left out.

    Args:
      session: reading is enough.
      region: district id.
      now: aware instant.
    """
    phones = {device.id: device for device in devices.devices_of(session, region) if device.revoked_at is None}
    counted = by_trap(catches.catch_rows(session, region, now - LOOK_BACK))
    looked = inspections_by_trap(session, region, now - LOOK_BACK)
    found = [
        _stand(trap, phones[trap.device_id], counted.get(id_, ()), looked.get(id_, ()), region, now)
        for trap in catches.traps_of(session, region)
        if trap.device_id in phones and (id_ := TrapId(trap.device_id, trap.trap))
    ]
    return sorted(found, key=_urgency)


def by_trap(rows: Iterable[Catch]) -> dict[TrapId, list[Catch]]:
    """Catches by trap, in the order in which they came."""
    found: dict[TrapId, list[Catch]] = defaultdict(list)
    for row in rows:
        found[row.trap].append(row)
    return found


def reading(row: Catch) -> Reading | None:
    """A catch as the rules read it; None when nobody has counted the trap's own pest.

    A person's recount frees a photo from the gate's verdict: it was about the photo, and a person has seen through it.
    Nor has it an interval: that says how far the model goes wrong. A rejected photo that nobody has counted stays a reading,
    so that the count before it does not go on standing for today.
    """
    if row.is_uncounted_photo:
        return Reading(row.taken_at, 0, row.nights, "rejected", row.lure_age_days)
    if row.count is None:
        return None
    if row.counted_by != "phone":
        return Reading(row.taken_at, row.count, row.nights, None, row.lure_age_days, emptied=row.emptied)
    gate = cast("Literal['good', 'doubtful', 'rejected'] | None", row.gate_verdict)
    interval = cast("tuple[int, int] | None", row.intervals.get(row.pest))
    return Reading(row.taken_at, row.count, row.nights, gate, row.lure_age_days, interval, row.emptied)


def whole_exposures(rows: Iterable[Catch]) -> Iterator[Catch]:
    """Usable counts; of a trap's counts that include each other, because it was not emptied, the last.

    Args:
      rows: of any traps, each trap's in the order of time; one count for each trap is held back, no more.
    """
    held: dict[TrapId, Catch] = {}
    for row in rows:
        found = reading(row)
        if found is None or found.rate is None:
            continue
        before = held.get(row.trap)
        nights = row.nights
        if before is not None and (earlier := reading(before)) is not None:
            nights = settled([earlier, found])[-1].nights
        if before is not None and (before.emptied or (nights or 0) <= (before.nights or 0)):
            yield before
        held[row.trap] = replace(row, nights=nights)
    yield from held.values()


def _stand(
    trap: Trap, device: Device, rows: Sequence[Catch], looked: Sequence[Inspection], region: str, now: datetime
) -> Standing:
    own = [(row, found) for row in rows if row.pest == trap.pest and (found := reading(row)) is not None]
    readings = [found for _, found in own]
    last = own[-1][0] if own else None
    return Standing(
        trap=trap,
        device=device,
        readings=readings,
        advice=advise(
            trap.pest,
            trap.crop,
            readings,
            now,
            state=state_of(trap.district or region),
            inspections=[rules.Inspection(i.inspected_at, i.rule, i.part, i.looked, i.found) for i in looked],
            lure_life_days=trap.lure_life_days,
        ),
        last=last,
        inspected=looked[-1] if looked else None,
        days_since_count=max(0, (now - last.taken_at).days) if last else None,
        days_since_sync=None if device.last_seen_at is None else max(0, (now - device.last_seen_at).days),
    )


def _urgency(standing: Standing) -> tuple[int, bool, float, str]:
    share = standing.advice.catch_rate or 0.0
    limit = standing.advice.threshold and standing.advice.threshold.value_per_night
    return (
        GROUPS.index(standing.group),
        standing.advice.level != "red",
        -(share / limit if limit else share),
        standing.trap.name,
    )
