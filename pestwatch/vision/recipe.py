"""What to train, as a file: settings, shares of the photo sets, the photo gate.

Recipes live in mobile_models/recipes; `mobile_models/recipes/base.toml` states its commands and the score to expect.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pestwatch.vision.augment import Distances, relit
from pestwatch.vision.dataset import Example, helicoverpa_funnel, medfly_delta, tuta_delta
from pestwatch.vision.light import Limits
from pestwatch.vision.recount import Readings, recounted


@dataclass(frozen=True)
class Settings:
    """How to train; a recipe's [train] section.

    Args:
      batch: crops per step.
      peak_rate: Adam's learning rate after the warm-up; it falls to 0 along a cosine.
      warm_up_steps: steps of linear rise.
      distances: how far and near crops are seen.
      paste_share: share of the crops of paper that get insects of other photos.
      litter_share: share of those crops that get dirt.
      glare_share: share of all crops that get reflexes.
      forgive: share of the penalty dropped for sure finds beside gappy marks.
      forgive_after: share of the steps before the network is trusted with that.
      mean_decay: of the running mean of the weights, per four steps; 0 keeps the last step's weights.
      place_every_steps: how often the moths of count-only photos are placed anew; 0 trusts the given points.
      counted_moth_px: length assumed for a moth that was counted but not marked.
    """

    batch: int = 8
    peak_rate: float = 1.5e-3
    warm_up_steps: int = 40
    distances: Distances = field(default_factory=Distances)
    paste_share: float = 0.4
    litter_share: float = 0.3
    glare_share: float = 0.2
    forgive: float = 0.8
    forgive_after: float = 0.3
    mean_decay: float = 0.98
    place_every_steps: int = 120
    counted_moth_px: float = 50.0


@dataclass(frozen=True)
class Round:
    """One training from warm-up to a learning rate of 0.

    Args:
      steps: optimiser steps.
      settings: how.
    """

    steps: int
    settings: Settings


@dataclass(frozen=True)
class SizePlan:
    """How long and how deep one network of the family trains.

    Args:
      rounds: one after another, on the same weights.
      train_from: the first block of the encoder that learns; None for the head alone.
    """

    rounds: tuple[Round, ...]
    train_from: int | None = 0

    @property
    def steps(self) -> int:
        """Of all rounds."""
        return sum(each.steps for each in self.rounds)


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe.

    Args:
      region: whom the model is for.
      seed: of every choice in training.
      sizes: [train.sizes], per network of the family.
      settings: the rest of [train].
      data: [data], relative shares of the photo sets.
      calibration_tiles: tiles that set the activation scales.
      limits: of the photo gate.
      card: [card], the words of the model card: summary, trained_on, limits, origin.
    """

    region: str
    seed: int
    sizes: Mapping[str, SizePlan]
    settings: Settings
    data: Mapping[str, float]
    calibration_tiles: int
    limits: Limits
    card: Mapping[str, Any]


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    train = dict(table["train"])
    seed = int(train.pop("seed"))
    plans = train.pop("sizes", {})
    distances: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in train.pop("distances", {}).items()
    }
    settings = Settings(distances=Distances(**distances), **train)
    return Recipe(
        region=table["region"],
        seed=seed,
        sizes={name: _size_plan(plan, settings) for name, plan in plans.items()},
        settings=settings,
        data=table.get("data", {}),
        calibration_tiles=table.get("quantize", {}).get("calibration_tiles", 60),
        limits=Limits(**table.get("gate", {})),
        card=table.get("card", {}),
    )


def _size_plan(plan: Mapping[str, Any], settings: Settings) -> SizePlan:
    rounds = [
        Round(
            differs["steps"], replace(settings, **{name: value for name, value in differs.items() if name != "steps"})
        )
        for differs in plan["rounds"]
    ]
    return SizePlan(tuple(rounds), plan.get("train_from", 0))


def measuring_sets(photos: Path, readings: Readings) -> dict[str, Sequence[Example]]:
    """The photos that a base model is measured on, none of them trained on; near duplicates are left out.

    Args:
      photos: folder of the photo sets.
      readings: the recount of `val` and `test_trap`, as of read_recount.
    """
    val, test_trap = tuta_delta(photos, "val"), tuta_delta(photos, "test_trap")
    return {
        "val": recounted(val, readings),
        "val_boxes": val,
        "test_trap": recounted(test_trap, readings),
        "test_trap_boxes": test_trap,
        "test_noctuid": tuta_delta(photos, "test_noctuid"),
        "funnel_val": helicoverpa_funnel(photos, "val"),
        "by_catch": medfly_delta(photos, held_out=True),
    }


def threshold_sets(photos: Path, readings: Readings, seed: int) -> tuple[Sequence[Example], ...]:
    """The photos on which each species' threshold is picked, in label order.

    Every photo comes twice, as it is and as another phone in other light would have taken it: a threshold that suits the
    two traps' own phone alone is too high for the next phone. GNORAB and HELIAR have photos for it that took no part in
    training. No large noctuid is left over: its threshold comes from liners that it was trained on, and is the least
    certain of the three. All must stay silent on by-catch.
    """
    by_catch = medfly_delta(photos, held_out=False)
    chosen = (
        [*recounted(tuta_delta(photos, "val"), readings), *by_catch],
        [*helicoverpa_funnel(photos, "val"), *by_catch],
        [*tuta_delta(photos, "train"), *by_catch],
    )
    return tuple(_also_relit(part, seed) for part in chosen)


def interval_sets(photos: Path, readings: Readings) -> tuple[Sequence[Example], ...]:
    """The photos on which each species' interval is set, in label order; no large noctuid is left over for it."""
    return recounted(tuta_delta(photos, "val"), readings), helicoverpa_funnel(photos, "val"), ()


def _also_relit(examples: Sequence[Example], seed: int) -> Sequence[Example]:
    rng = np.random.default_rng(seed)
    return [*examples, *(replace(example, image=relit(example.image, rng)) for example in examples)]
