"""Readings of one trap -> Advice: level, reasons and what to look at. Never prose, never a product.

The order of the ladder is fixed: a trap threshold starts an inspection, and only a confirmed sample
of plants leads further. A pest without a trap threshold is watched by its trend and never coloured.
No data is never green.

Twin: field/src/advice/rules.ts, held by tests/golden/advice.json.
Source: levels and counting intervals are this project's own design, to be confirmed by agronomists;
the thresholds carry their sources in pestwatch/domain/thresholds.toml.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pestwatch.domain.catch import catch_rate
from pestwatch.domain.species import SPECIES, SpeciesId
from pestwatch.domain.threshold import Threshold, threshold_for

Level = Literal["no-data", "watch", "green", "yellow", "orange", "red"]
PlantSample = Literal["confirmed", "not_confirmed"]

STALE_DAYS = 14
"""A count older than this says nothing about today."""
AGAIN_DAYS_LOW = 4
"""Twice a week, as scouts of Maharashtra's CROPSAP count. Source: ncipm.icar.gov.in."""
AGAIN_DAYS_NEAR = 2
RISING_READINGS = 3
# Catches that differ by less than this share count as the same.
SAME_SHARE = 0.2

LOOK: dict[tuple[str, str], str] = {
    ("PECTGO", "cotton"): "look_bolls_flowers",
    ("HELIAR", "cotton"): "look_cotton_plants",
    ("GNORAB", "tomato"): "look_tomato_mines",
    ("LAPHFR", "maize"): "look_maize_w",
    ("SCIRIN", "rice"): "look_rice_eggs",
}
"""What to look at first, by pest and crop; any other gets look_plants."""


@dataclass(frozen=True)
class Reading:
    """One count of one trap.

    Args:
      taken_at: aware instant.
      count: insects of the trap's own pest since it was emptied.
      nights: trap-nights of exposure; None when unknown.
      gate: the photo gate's verdict; None for a count by hand.
      lure_age_days: None when unknown.
    """

    taken_at: datetime
    count: int
    nights: float | None
    gate: Literal["good", "doubtful", "rejected"] | None = None
    lure_age_days: int | None = None

    @property
    def rate(self) -> float | None:
        """Catch per trap-night, or None when it may not be used."""
        return None if self.gate == "rejected" else catch_rate(self.count, self.nights)


@dataclass(frozen=True)
class Said:
    """One sentence by its id, with its parameters."""

    id: str
    params: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Advice:
    """What to tell the farmer; structured, so that each language says it in its own words."""

    pest: str
    crop: str
    level: Level
    catch_rate: float | None
    threshold: Threshold | None
    messages: tuple[Said, ...]

    def to_json(self) -> dict[str, Any]:
        """The Advice of the protocol."""
        threshold = self.threshold and {
            "id": self.threshold.id,
            "value_per_night": _one_decimal(self.threshold.value_per_night),
            "source": self.threshold.source,
        }
        return {
            "pest": self.pest,
            "crop": self.crop,
            "level": self.level,
            "catch_rate": _one_decimal(self.catch_rate),
            "threshold": threshold,
            "messages": [{"id": said.id, "params": said.params} for said in self.messages],
        }


def advise(
    pest: str,
    crop: str,
    readings: Sequence[Reading],
    now: datetime,
    *,
    state: str | None = None,
    plant_sample: PlantSample | None = None,
) -> Advice:
    """Advises on one trap.

    Args:
      pest: the species that its lure draws.
      crop: where it hangs.
      readings: oldest first.
      now: aware instant; a stale count is no data.
      state: key such as IN-MH; a state's own threshold goes before India's.
      plant_sample: what the farmer or officer found on the plants since the catch rose.
    """
    threshold = threshold_for("trap", pest, crop, state)
    if not readings:
        return Advice(pest, crop, "no-data", None, threshold, (Said("first_count"),))
    last = readings[-1]
    rate = last.rate
    asks_for_lure = (Said("change_lure"),) if _is_lure_doubtful(pest, last) else ()

    missing = _why_no_data(last, now, has_doubtful_lure=bool(asks_for_lure))
    if missing is not None or rate is None:
        return Advice(pest, crop, "no-data", None, threshold, (missing or Said("empty_first"),))

    level, messages = _judge(threshold, readings, rate, plant_sample) if threshold else ("watch", _watch(readings))
    if level in {"orange", "red", "watch"}:
        messages = (*messages, *_inspection(pest, crop, state), Said("ask_officer"))
    if level in {"orange", "watch"}:
        messages = (*messages, Said("count_tomorrow") if level == "orange" else _again(AGAIN_DAYS_LOW, last))
    if last.gate == "doubtful":
        messages = (Said("doubtful_photo"), *messages)
    return Advice(pest, crop, level, rate, threshold, (*messages, *asks_for_lure))


def _is_lure_doubtful(pest: str, last: Reading) -> bool:
    life_days = SPECIES[SpeciesId(pest)].lure_life_days
    return life_days is not None and (last.lure_age_days is None or last.lure_age_days > life_days)


def _why_no_data(last: Reading, now: datetime, *, has_doubtful_lure: bool) -> Said | None:
    """What keeps the last reading from saying anything, or None."""
    age_days = math.floor((now - last.taken_at).total_seconds() / 86400)
    if age_days > STALE_DAYS:
        return Said("count_now", {"days": age_days})
    if last.gate == "rejected":
        return Said("photo_again")
    if last.count == 0 and has_doubtful_lure:
        # Failed lures read as "no pest"; silence is not safety.
        return Said("change_lure")
    return None


def _judge(
    threshold: Threshold, readings: Sequence[Reading], rate: float, plant_sample: PlantSample | None
) -> tuple[Level, tuple[Said, ...]]:
    """Level against a trap threshold, and the sentence that says why."""
    last = readings[-1]
    share = _share_of(threshold, last, rate)
    if share >= 1:
        is_for_release = threshold.role == "release_parasitoids"
        if plant_sample == "confirmed" and not is_for_release and _has_lasted(threshold, readings):
            return "red", (Said("confirmed"),)
        reached = (Said("parasitoids"),) if is_for_release else ()
        return "orange", (Said("inspect_today"), *reached)
    if share >= 0.5:
        return "yellow", (Said("near", {"days": AGAIN_DAYS_NEAR}),)
    if _is_rising(readings):
        return "yellow", (Said("rising", {"days": AGAIN_DAYS_NEAR}),)
    return "green", (_low(last),)


def _share_of(threshold: Threshold, reading: Reading, rate: float) -> float:
    """The catch as a share of the threshold; a threshold without nights counts per visit."""
    per_night = threshold.value_per_night
    return reading.count / threshold.value_min if per_night is None else rate / per_night


def _has_lasted(threshold: Threshold, readings: Sequence[Reading]) -> bool:
    """Whether the latest unbroken run of readings at the threshold covers as many nights as it asks for."""
    nights = 0.0
    for reading in reversed(readings):
        if reading.rate is None or _share_of(threshold, reading, reading.rate) < 1:
            break
        nights += reading.nights or 0.0
    return nights >= threshold.consecutive


def _is_rising(readings: Sequence[Reading]) -> bool:
    rates = [reading.rate for reading in readings[-RISING_READINGS:]]
    known = [rate for rate in rates if rate is not None]
    return len(known) == RISING_READINGS and known[0] < known[1] < known[2]


def _watch(readings: Sequence[Reading]) -> tuple[Said, ...]:
    """The trend of a pest without a trap threshold."""
    known = [reading.rate for reading in readings if reading.rate is not None]
    if len(known) < 2:
        return (Said("no_trap_number"),)
    before, after = known[-2], known[-1]
    if abs(after - before) <= SAME_SHARE * max(before, after):
        return (Said("trend_same"), Said("no_trap_number"))
    return (Said("trend_up" if after > before else "trend_down"), Said("no_trap_number"))


def _inspection(pest: str, crop: str, state: str | None) -> tuple[Said, ...]:
    """Rung 1 of the ladder: what to look at, and what a sample means."""
    rule = threshold_for("plant", pest, crop, state)
    look = Said(LOOK.get((pest, crop), "look_plants"))
    return (look, Said(f"plant_{rule.id}")) if rule else (look,)


def _low(last: Reading) -> Said:
    return Said("zero" if last.count == 0 else "low", {"days": AGAIN_DAYS_LOW})


def _again(days: int, last: Reading) -> Said:
    return Said("zero" if last.count == 0 else "count_again", {"days": days})


def _one_decimal(value: float | None) -> float | None:
    """Rounds half up, as the phone does."""
    return None if value is None else math.floor(value * 10 + 0.5) / 10
