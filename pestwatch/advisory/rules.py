"""Readings of one trap -> Advice: level, reasons and what to look at. Never prose, never a product.

The order of the ladder is fixed: a trap threshold starts an inspection, and only a confirmed sample
of plants leads further. A pest without a trap threshold is watched by its trend and never coloured by the trap; what was
counted on the plants is heard whatever the trap says (docs/adr/0014-plants-decide.md). No data is never green, and neither is a catch that may have reached the threshold: a model's number is as good as its
interval, and what lies in it is said to be unsure.

Twin: field/src/advice/rules.ts, held by tests/golden/advice.json.
Source: levels and counting intervals are this project's own design, to be confirmed by agronomists;
the thresholds carry their sources in pestwatch/domain/thresholds.toml.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pestwatch.domain.catch import catch_rate
from pestwatch.domain.observation import Reading, settled
from pestwatch.domain.tally import USUAL_SAMPLE, Inspection, newest_finished, plant_rule
from pestwatch.domain.threshold import Threshold, threshold_for
from pestwatch.domain.trap import is_lure_doubtful

__all__ = ["Advice", "Inspection", "Reading", "Said", "advise"]

Level = Literal["no-data", "watch", "green", "yellow", "orange", "red"]

STALE_DAYS = 14
"""A count older than this says nothing about today."""
AGAIN_DAYS_LOW = 4
"""Twice a week, as scouts of Maharashtra's CROPSAP count. Source: ncipm.icar.gov.in."""
AGAIN_DAYS_NEAR = 2
RISING_READINGS = 3
# Catches that differ by less than this share count as the same.
SAME_SHARE = 0.2
HEARD_DAYS = 7
"""Damage that was counted on the plants is acted on for a week, whatever the trap says; then it is looked for again."""
SOUND_DAYS = 1
"""Sound plants speak for the count beside which they were looked at, up to a day before it, and for none after."""
NIGHT_SLACK_DAYS = 0.25
"""Nobody comes at the same minute each day: six hours early do not cost a night, six hours unseen do not break a run."""

LOOK: dict[tuple[str, str], str] = {
    ("PECTGO", "cotton"): "look_bolls_flowers",
    ("HELIAR", "cotton"): "look_cotton_plants",
    ("GNORAB", "tomato"): "look_tomato_mines",
    ("LAPHFR", "maize"): "look_maize_w",
    ("SCIRIN", "rice"): "look_rice_eggs",
}
"""What to look at first, by pest and crop; any other gets look_plants."""


CONFIRMED = frozenset({"confirmed", "sample_confirmed"})
"""The sentences that say so."""


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

    @property
    def is_confirmed(self) -> bool:
        """Whether damage that needs action was counted on the plants."""
        return any(said.id in CONFIRMED for said in self.messages)

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


@dataclass(frozen=True)
class _Sample:
    """What the plants say now; `verdict` is None as long as nobody has looked."""

    verdict: Literal["confirmed", "not_confirmed", "seen"] | None
    said: tuple[Said, ...] = ()


def advise(
    pest: str,
    crop: str,
    readings: Sequence[Reading],
    now: datetime,
    *,
    state: str | None = None,
    inspections: Sequence[Inspection] = (),
    lure_life_days: int | None = None,
) -> Advice:
    """Advises on one trap.

    Args:
      pest: the species that its lure draws.
      crop: where it hangs.
      readings: in any order; the newest by the time of counting decides.
      now: aware instant; a stale count is no data.
      state: key such as IN-MH; a state's own threshold goes before India's.
      inspections: what people found on the plants, in any order.
      lure_life_days: how long the lure's packet says that it lasts.
    """
    readings = settled(readings)
    threshold = threshold_for("trap", pest, crop, state)
    sample = _sample(pest, inspections, readings, now)
    level, rate, messages = _advise(pest, crop, threshold, readings, now, state, sample, lure_life_days)
    if sample.verdict == "confirmed":
        if level == "red":
            messages = (messages[0], *sample.said, *messages[1:])
        else:
            # Plants decide, not the trap: what was found on them is never talked down by a low catch.
            level, messages = "orange", (Said("sample_confirmed"), *sample.said, *messages)
    return Advice(pest, crop, level, rate, threshold, messages)


def _sample(pest: str, inspections: Sequence[Inspection], readings: Sequence[Reading], now: datetime) -> _Sample:
    """What the plants say: damage for a week, soundness only beside the last count, half a look nothing."""
    own = [
        one
        for one in inspections
        if one.inspected_at > now - timedelta(days=HEARD_DAYS)
        and ((rule := plant_rule(one.rule)) is None or rule.species == pest)
    ]
    finished = newest_finished(own)
    serious = [one for one in finished if one.outcome() == "serious"]
    if serious:
        return _Sample("confirmed", (_found(serious[-1]), Said("kvk")))
    last = readings[-1].taken_at if readings else None
    beside = [one for one in own if last is None or one.inspected_at >= last - timedelta(days=SOUND_DAYS)]
    looked = newest_finished(beside)
    if looked:
        is_sound = any(one.outcome() == "sound" for one in looked)
        return _Sample("not_confirmed" if is_sound else "seen", (_found(looked[-1]),))
    if beside:
        begun = max(beside, key=lambda one: one.inspected_at)
        rule = plant_rule(begun.rule)
        sample = rule.sample if rule else USUAL_SAMPLE
        return _Sample(None, (Said("sample_more", {"looked": begun.looked, "sample": sample}),))
    return _Sample(None)


def _found(one: Inspection) -> Said:
    rule = plant_rule(one.rule)
    kind = "found_insects" if rule and rule.each else "found_damage"
    return Said(kind, {"looked": one.looked, "found": one.found})


def _advise(
    pest: str,
    crop: str,
    threshold: Threshold | None,
    readings: Sequence[Reading],
    now: datetime,
    state: str | None,
    sample: _Sample,
    told_life_days: int | None,
) -> tuple[Level, float | None, tuple[Said, ...]]:
    """Level, catch rate and sentences, before damage on the plants is put first."""
    if not readings:
        return "no-data", None, (Said("first_count"),)
    last = readings[-1]
    rate = last.rate
    has_doubtful_lure = is_lure_doubtful(pest, last.lure_age_days, told_life_days)
    missing = _why_no_data(last, now, has_doubtful_lure=has_doubtful_lure)
    if missing is not None or rate is None:
        return "no-data", None, (missing or Said("empty_first"),)

    if threshold:
        level, messages = _judge(threshold, readings, sample)
    else:
        level, messages = "watch", _watch(readings)
    is_calm = level == "green" or (level == "watch" and last.count == 0)
    if is_calm and last.gate == "doubtful":
        # A dark or blurred photo hides moths: few of them in it are no sign of safety until a person has looked.
        return "no-data", None, (Said("photo_again"), Said("doubtful_photo"))
    messages = (*messages, *_next_steps(level, last, sample, _inspection(pest, crop, state)))
    if last.gate == "doubtful":
        messages = (Said("doubtful_photo"), *messages)
    if has_doubtful_lure:
        messages = (*messages, Said("change_lure"))
    return level, rate, messages


def _next_steps(level: Level, last: Reading, sample: _Sample, inspection: tuple[Said, ...]) -> tuple[Said, ...]:
    """To the plants, to the officer, and back to the trap; of a calm trap the reason has said it already."""
    steps: tuple[Said, ...] = ()
    if level in {"orange", "watch"}:
        to_the_plants = inspection if sample.verdict is None else ()
        found = () if sample.verdict == "confirmed" else sample.said
        steps = (*to_the_plants, *found, Said("ask_officer"))
    if level in {"orange", "red"}:
        return (*steps, Said("count_tomorrow"))
    return (*steps, _again(AGAIN_DAYS_LOW, last)) if level == "watch" else steps


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


def _judge(threshold: Threshold, readings: Sequence[Reading], sample: _Sample) -> tuple[Level, tuple[Said, ...]]:
    """Level against a trap threshold, and the sentence that says why."""
    last = readings[-1]
    least, greatest = last.interval or (last.count, last.count)

    def reaches(count: int, share: float = 1) -> bool:
        return _share_of(threshold, last, count) >= share

    if reaches(last.count):
        reasons: tuple[Said, ...] = (Said("parasitoids"),) if threshold.role == "release_parasitoids" else ()
        if sample.verdict == "confirmed":
            return ("red", (Said("confirmed"), *reasons)) if _has_lasted(threshold, readings) else ("orange", reasons)
        if sample.verdict is not None:
            return "orange", (Said("sample_low"), *reasons) if sample.verdict == "not_confirmed" else reasons
        doubt = () if reaches(least) else (Said("maybe_below"),)
        return "orange", (Said("inspect_today"), *doubt, *reasons)
    if reaches(greatest) and sample.verdict is None:
        return "yellow", (Said("maybe_reached"),)
    if reaches(last.count, 0.5) or reaches(greatest):
        return "yellow", (Said("near", {"days": AGAIN_DAYS_NEAR}),)
    if _is_rising(readings):
        surely = _are_apart(readings[-RISING_READINGS], last)
        return "yellow", (Said("rising" if surely else "rising_maybe", {"days": AGAIN_DAYS_NEAR}),)
    return "green", (_low(last),)


def _share_of(threshold: Threshold, reading: Reading, count: int) -> float:
    """So many insects in the nights of a reading, as a share of the threshold; one without nights counts per visit."""
    rate, per_night = catch_rate(count, reading.nights), threshold.value_per_night
    return count / threshold.value_min if rate is None or per_night is None else rate / per_night


def _has_lasted(threshold: Threshold, readings: Sequence[Reading]) -> bool:
    """Whether the latest unbroken run at the threshold spans as many nights as it asks for.

    A count over several nights stands for each of them by its mean; nights that nobody counted break the run.
    """
    if threshold.consecutive == 1:
        return True
    slack = timedelta(days=NIGHT_SLACK_DAYS)
    end = start = readings[-1].taken_at
    for reading in reversed(readings):
        if reading.rate is None or _share_of(threshold, reading, reading.count) < 1 or reading.taken_at < start - slack:
            break
        start = min(start, reading.since)
    return end - start + slack >= timedelta(days=threshold.consecutive)


def _is_rising(readings: Sequence[Reading]) -> bool:
    rates = [reading.rate for reading in readings[-RISING_READINGS:]]
    known = [rate for rate in rates if rate is not None]
    return len(known) == RISING_READINGS and known[0] < known[1] < known[2]


def _watch(readings: Sequence[Reading]) -> tuple[Said, ...]:
    """The trend of a pest without a trap threshold, said as surely as the counts allow."""
    known = [reading for reading in readings if reading.rate is not None]
    if len(known) < 2:
        return (Said("no_trap_number"),)
    before, after = (reading.rate or 0 for reading in known[-2:])
    if abs(after - before) <= SAME_SHARE * max(before, after):
        trend = "trend_same"
    elif _are_apart(*known[-2:]):
        trend = "trend_up" if after > before else "trend_down"
    else:
        # Two counts that may be the same: a rise is still looked into, a fall comforts nobody.
        trend = "trend_maybe_up" if after > before else "trend_same"
    return (Said(trend), Said("no_trap_number"))


def _are_apart(one: Reading, other: Reading) -> bool:
    """Whether what the two counts may be leaves no rate that both could have."""
    (a, b), (c, d) = (
        tuple(count / (reading.nights or 1) for count in reading.interval or (reading.count, reading.count))
        for reading in (one, other)
    )
    return b < c or d < a


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
