from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pestwatch.retraining.gate import (
    Paired,
    judge_golden,
    judge_guard,
    judge_region,
    judge_selection,
    judge_size,
    upper_difference,
)
from pestwatch.retraining.job import GatePlan, Photo, Recipe, Recount
from pestwatch.retraining.selection import Selection

from .conftest import ROOT

RECIPE = ROOT / "mobile_models" / "recipes" / "region.toml"


@pytest.fixture
def plan() -> GatePlan:
    return msgspec.toml.decode(Path(RECIPE).read_bytes(), type=Recipe).gate


def errors(ratio: float, traps: int, photos: int, seed: int = 0) -> Paired:
    """Both models err on the same photos; the candidate's errors are `ratio` times as great on average."""
    rng = np.random.default_rng(seed)
    of_trap = np.repeat(np.arange(traps), photos // traps)
    hard = rng.gamma(4, 1, traps)[of_trap]
    current, candidate = rng.poisson(hard), rng.poisson(hard * ratio)
    return Paired(current.tolist(), candidate.tolist(), [f"trap{number}" for number in of_trap])


def test_a_clearly_better_model_passes(plan: GatePlan) -> None:
    row = judge_region(errors(0.5, 20, 200), plan, seed=1)
    assert row.passed
    assert row.params["candidate"] < row.params["current"]


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.5])
def test_models_that_are_no_better_rarely_pass(plan: GatePlan, ratio: float) -> None:
    passed = [judge_region(errors(ratio, 20, 100, seed), plan, seed).passed for seed in range(40)]
    assert np.mean(passed) <= 0.25


def test_a_gain_on_one_trap_alone_does_not_pass(plan: GatePlan) -> None:
    """Ten photos of one trap are one witness."""
    current = [2.0] * 30
    candidate = [0.0] * 10 + [2.2] * 20
    traps = ["one"] * 10 + [f"trap{number // 10}" for number in range(20)]
    assert np.mean(candidate) < np.mean(current)
    assert not judge_region(Paired(current, candidate, traps), plan, seed=1).passed


def test_equal_counts_are_refused(plan: GatePlan) -> None:
    same = errors(1.0, 20, 100)
    assert not judge_region(Paired(same.current, same.current, same.traps), plan, seed=1).passed


def test_a_model_without_mistakes_has_nothing_to_gain(plan: GatePlan) -> None:
    row = judge_region(Paired([0, 0], [0, 0], ["a", "b"]), plan, seed=1)
    assert not row.passed
    assert "makes no mistake" in row.detail


def test_the_verdict_repeats_with_its_seed(plan: GatePlan) -> None:
    paired = errors(0.9, 12, 60)
    assert judge_region(paired, plan, seed=3) == judge_region(paired, plan, seed=3)


def test_photos_of_one_trap_widen_the_uncertainty() -> None:
    rng = np.random.default_rng(2)
    shared = np.repeat(rng.normal(0, 1, 10), 10)
    by_trap = upper_difference(shared, [f"t{place // 10}" for place in range(100)], 2000, seed=1)
    by_photo = upper_difference(shared, [f"t{place}" for place in range(100)], 2000, seed=1)
    assert by_trap > by_photo


def test_too_few_photos_are_refused_with_how_many_are_missing(plan: GatePlan) -> None:
    rows = judge_selection(Selection((), (), 3), plan, min_insects=60)
    assert [row.passed for row in rows] == [False] * 6
    assert [row.params["missing"] for row in rows] == [20, 5, 30, 10, 60, 60]
    assert "20 more photos need an officer's recount" in rows[0].detail


def test_photos_without_insects_neither_teach_nor_judge(plan: GatePlan) -> None:
    """A model that learns from flies alone forgets moths, and photos of flies alone would call that a gain."""
    when = datetime(2026, 11, 25, tzinfo=UTC)
    flies = [
        Photo(f"{number}", "x", f"1/{number}", when, Recount({"GNORAB": 0}, "officer", ())) for number in range(60)
    ]
    rows = judge_selection(Selection(tuple(flies[:30]), tuple(flies[30:]), 0), plan, min_insects=60)
    assert [row.name for row in rows if not row.passed] == ["training insects", "held-out insects"]


def test_the_guard_allows_a_little_and_no_more(plan: GatePlan) -> None:
    assert judge_guard([1.0, 3.0], [1.0, 3.2], plan).passed
    assert not judge_guard([1.0, 3.0], [1.0, 4.0], plan).passed
    assert judge_guard([0.0], [0.2], plan).passed


def test_the_golden_picture_and_the_size_have_limits(plan: GatePlan) -> None:
    assert judge_golden({"GNORAB": 9}, {"GNORAB": 12}, plan).passed
    assert not judge_golden({"GNORAB": 9}, {"GNORAB": 0}, plan).passed
    assert judge_size(416_330, plan).passed
    assert not judge_size(700_000, plan).passed


def test_every_row_has_a_sentence_for_translation_and_its_english(plan: GatePlan) -> None:
    for row in [
        judge_size(1, plan),
        judge_region(errors(0.9, 10, 30), plan, 1),
        *judge_selection(Selection((), (), 0), plan, 60),
    ]:
        assert row.message % row.params == row.detail
