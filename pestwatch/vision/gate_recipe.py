"""What teaches the photo gate, as a file: mobile_models/recipes/gate.toml, and which trap photos teach, set and measure.

Splits go by trap, by photo of a liner and by day of the funnel; junk by the source of its pictures.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pestwatch.vision.dataset import helicoverpa_funnel, medfly_delta, tuta_delta
from pestwatch.vision.gate_shots import Traps
from pestwatch.vision.light import Limits

# Trap photos that set the thresholds and teach nothing.
VALIDATION_GROUPS = frozenset({"medfly/photo1", "medfly/photo12", "medfly/photo16", "medfly/photo26"})
VALIDATION_DAYS = frozenset({"funnel/20220604"})


@dataclass(frozen=True)
class Round:
    """A part of the teaching.

    Args:
      shots: made for it, beside those of the rounds before.
      steps: optimiser steps.
      peak_rate: Adam's learning rate after the warm-up; it falls to 0 along a cosine.
    """

    shots: int
    steps: int
    peak_rate: float


@dataclass(frozen=True)
class GateRecipe:
    """A parsed gate.toml.

    Args:
      seed: of every choice.
      batch: shots per step, of every round so far about the same number.
      rounds: one after another.
      validation_shots: made for the thresholds.
      pass_share: of the good ones among them that must be called good.
      taught: sources of junk for teaching.
      validation: sources of junk for the thresholds.
      held_out: sources of junk for measuring.
      limits: of the light.
    """

    seed: int
    batch: int
    rounds: tuple[Round, ...]
    validation_shots: int
    pass_share: float
    taught: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]
    limits: Limits

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a recipe file."""
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(
            seed=table["train"]["seed"],
            batch=table["train"]["batch"],
            rounds=tuple(Round(**part) for part in table["train"]["rounds"]),
            **table["thresholds"],
            taught=tuple(table["junk"]["taught"]),
            validation=tuple(table["junk"]["validation"]),
            held_out=tuple(table["junk"]["held_out"]),
            limits=Limits(**table["limits"]),
        )


def teaching_traps(photos: Path) -> Traps:
    """The trap photos that teach, by set."""
    flies = [example for example in medfly_delta(photos, held_out=False) if example.trap not in VALIDATION_GROUPS]
    frames = [*helicoverpa_funnel(photos, "train"), *helicoverpa_funnel(photos, "train_plodia")]
    return Traps.of(
        [tuta_delta(photos, "train"), flies], [frame for frame in frames if frame.trap not in VALIDATION_DAYS]
    )


def validation_traps(photos: Path) -> Traps:
    """The trap photos that set the thresholds: another liner, other fly photos, another day of the funnel."""
    flies = [example for example in medfly_delta(photos, held_out=False) if example.trap in VALIDATION_GROUPS]
    frames = [frame for frame in helicoverpa_funnel(photos, "train") if frame.trap in VALIDATION_DAYS]
    return Traps.of([tuta_delta(photos, "val"), flies], frames)


def held_out_traps(photos: Path) -> Traps:
    """The trap photos that measure: nothing was taught or chosen with them."""
    return Traps.of(
        [tuta_delta(photos, "test_trap"), tuta_delta(photos, "test_noctuid"), medfly_delta(photos, held_out=True)],
        helicoverpa_funnel(photos, "val"),
    )
