from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pestwatch.retraining.job import Mark, Photo, Recount, SelectionPlan
from pestwatch.retraining.selection import held_out_traps, is_complete, select

START = datetime(2026, 11, 1, tzinfo=UTC)
PLAN = SelectionPlan(held_out_share=0.3, later_share=1.0, max_training_photos=1000)
FIVE = {"GNORAB": 5, "HELIAR": 0, "NOCTUID_LARGE": 0}
TRAPS = [f"{device}/trap{number}" for device in range(20) for number in range(5)]


def photo(number: int, trap: str, **recount: Any) -> Photo:
    given = {"counts": FIVE, "by": "officer", "marks": (Mark(0.5, 0.5, "GNORAB"),) * 5} | recount
    return Photo(f"{number:064x}", "photos/x.jpg", trap, START + timedelta(days=number), Recount(**given))


def region_of(traps: list[str], **recount: Any) -> list[Photo]:
    return [photo(number, trap, **recount) for number, trap in enumerate(traps)]


@given(st.lists(st.sampled_from(TRAPS), max_size=60), st.integers(1, 12), st.floats(0, 1))
def test_no_trap_teaches_and_judges(traps: list[str], min_traps: int, share: float) -> None:
    plan = SelectionPlan(share, 0.5, 1000)
    chosen = select("IN-MH-500", region_of(traps), plan, min_traps)
    assert not {p.trap for p in chosen.training} & {p.trap for p in chosen.held_out}
    assert len(chosen.training) + len(chosen.held_out) + chosen.unused == len(traps)


@given(st.sets(st.sampled_from(TRAPS)), st.sets(st.sampled_from(TRAPS)))
def test_a_trap_set_apart_stays_so_when_others_join(before: set[str], joined: set[str]) -> None:
    """With enough traps the hash alone decides."""
    assert held_out_traps("IN-MH-500", before, 0.3, 0) == held_out_traps("IN-MH-500", before | joined, 0.3, 0) & before


def test_about_the_share_of_traps_is_set_apart_and_regions_differ() -> None:
    apart = held_out_traps("IN-MH-500", TRAPS, 0.3, 2)
    assert 20 <= len(apart) <= 40
    assert apart != held_out_traps("IN-TS-532", TRAPS, 0.3, 2)


def test_in_a_small_region_enough_traps_are_set_apart_to_judge() -> None:
    assert len(held_out_traps("IN-MH-500", TRAPS[:4], 0.0, 2)) == 2


def test_only_officers_recounts_are_used() -> None:
    chosen = select("IN-MH-500", region_of(TRAPS, by="farmer"), PLAN, 2)
    assert (chosen.training, chosen.held_out, chosen.unused) == ((), (), len(TRAPS))


def test_recounts_without_marks_judge_and_do_not_teach() -> None:
    chosen = select("IN-MH-500", region_of(TRAPS, marks=None), PLAN, 2)
    assert not chosen.training
    assert chosen.held_out_traps >= 20


def test_an_empty_trap_needs_no_marks_to_teach() -> None:
    assert is_complete(photo(1, "1/a", counts=dict.fromkeys(FIVE, 0), marks=None))
    assert not is_complete(photo(1, "1/a", marks=(Mark(0.1, 0.1, "GNORAB"),)))


def test_photos_with_a_pest_that_is_not_counted_from_photos_are_left_out() -> None:
    """A pink bollworm would teach that small moths are background."""
    others = region_of(TRAPS, counts=FIVE | {"PECTGO": 2})
    assert select("IN-MH-500", others, PLAN, 2).unused == len(TRAPS)
    assert select("IN-MH-500", region_of(TRAPS, counts=FIVE | {"PECTGO": 0}), PLAN, 2).unused == 0
    assert select("IN-MH-500", region_of(TRAPS, counts={"PECTGO": 0}), PLAN, 2).unused == len(TRAPS)


def test_only_the_latest_photos_judge() -> None:
    chosen = select("IN-MH-500", region_of(TRAPS), SelectionPlan(0.3, 0.5, 1000), 2)
    assert min(p.taken_at for p in chosen.held_out) >= START + timedelta(days=50)
    assert min(p.taken_at for p in chosen.training) < START + timedelta(days=10)


def test_the_newest_photos_teach_when_there_are_too_many() -> None:
    everything = select("IN-MH-500", region_of(TRAPS), PLAN, 2)
    chosen = select("IN-MH-500", region_of(TRAPS), SelectionPlan(0.3, 1.0, 10), 2)
    assert chosen.training == everything.training[-10:]


def test_a_photo_recounted_twice_counts_once_with_the_later_recount() -> None:
    first, second = photo(1, "1/a"), photo(1, "1/a", counts=dict.fromkeys(FIVE, 0), marks=())
    chosen = select("IN-MH-500", [first, second], SelectionPlan(0.0, 1.0, 10), 0)
    assert chosen.training == (second,)


def test_nothing_is_chosen_from_nothing() -> None:
    assert select("IN-MH-500", [], PLAN, 2).unused == 0
