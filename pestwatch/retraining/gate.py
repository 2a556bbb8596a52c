"""Promote or refuse, with the reason. Every gate leaves a row, the passed ones too.

The region's gate compares two models on the same held-out photos and resamples traps, not photos: photos of one trap
err together, and resampling them singly would take chance for progress.

Source: bench/gate_power.py, 1,000 simulated hold-outs: with 30 photos of 10 traps a model that is 10 % worse passes
in 2 % of runs, one that is 20 % better in 36 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pestwatch.retraining import messages
from pestwatch.retraining.job import GatePlan, GateRow
from pestwatch.retraining.messages import message
from pestwatch.retraining.selection import Selection

# One-sided; below 30 traps even resampling traps is too hopeful, so that the certainty asked for is doubled.
ALPHA = 0.05
ALPHA_FEW_TRAPS = 0.025
FEW_TRAPS = 30

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """Errors of two models on the same photos, in insects per photo.

    Args:
      current: (n,) of the model in use.
      candidate: (n,) of the new one.
      traps: (n) trap of each photo.
    """

    current: Sequence[float]
    candidate: Sequence[float]
    traps: Sequence[str]


def judge_selection(selection: Selection, plan: GatePlan, min_insects: int) -> list[GateRow]:
    """Is there enough to learn from and to judge by? Asked before anything is trained.

    Args:
      selection: what there is.
      plan: what is needed.
      min_insects: of one species at least, to teach it.
    """
    most, judged = max(selection.training_insects.values()), sum(selection.held_out_insects.values())
    asked = [
        ("training photos", len(selection.training), plan.min_training_photos, messages.TOO_FEW_TRAINING),
        ("training traps", selection.training_traps, plan.min_training_traps, messages.TOO_FEW_TRAINING_TRAPS),
        ("held-out photos", len(selection.held_out), plan.min_photos, messages.TOO_FEW_HELD_OUT),
        ("held-out traps", selection.held_out_traps, plan.min_traps, messages.TOO_FEW_HELD_OUT_TRAPS),
        ("training insects", most, min_insects, messages.TOO_FEW_INSECTS),
        ("held-out insects", judged, plan.min_held_out_insects, messages.TOO_FEW_HELD_OUT_INSECTS),
    ]
    rows = []
    for name, found, needed, refusal in asked:
        passed = found >= needed
        sentence = messages.ENOUGH if passed else refusal
        missing: dict[str, Any] = {} if passed else {"missing": needed - found}
        rows.append(GateRow.of(name, passed, message(sentence, found=found, needed=needed, **missing)))
    return rows


def judge_region(errors: Paired, plan: GatePlan, seed: int) -> GateRow:
    """Better on the region's held-out photos, and not just by luck worse in truth.

    Passes when the candidate's error is lower, and the upper end of the difference, resampling traps, is below
    `worse_share` of the present error.
    """
    current, candidate = np.asarray(errors.current, np.float64), np.asarray(errors.candidate, np.float64)
    photos, traps = len(current), len(set(errors.traps))
    present = float(current.mean())
    if present == 0:
        return GateRow.of("region", False, message(messages.NOTHING_TO_GAIN, photos=photos))
    upper = upper_difference(candidate - current, errors.traps, plan.resamples, seed)
    passed = float(candidate.mean()) < present and upper < plan.worse_share * present
    found = message(
        messages.REGION,
        photos=photos,
        traps=traps,
        current=present,
        candidate=float(candidate.mean()),
        upper=round(100 * upper / present),
        margin=round(100 * plan.worse_share),
    )
    return GateRow.of("region", passed, found)


def upper_difference(differences: FloatArray, traps: Sequence[str], resamples: int, seed: int) -> float:
    """Upper end of the mean difference per photo, by a bootstrap over traps.

    Args:
      differences: (n,) candidate's error - present error.
      traps: trap of each photo.
      resamples: how often traps are drawn.
      seed: of the draws.

    Returns:
      The 95 % quantile of the resampled means, with fewer than 30 traps the 97.5 % quantile.
    """
    names = sorted(set(traps))
    of_trap = np.array([names.index(trap) for trap in traps])
    sums = np.bincount(of_trap, weights=differences, minlength=len(names))
    photos = np.bincount(of_trap, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    means = sums[drawn].sum(axis=1) / photos[drawn].sum(axis=1)
    alpha = ALPHA if len(names) >= FEW_TRAPS else ALPHA_FEW_TRAPS
    return float(np.quantile(means, 1 - alpha))


def judge_guard(current: Sequence[float], candidate: Sequence[float], plan: GatePlan) -> GateRow:
    """Not worse than a little on drawn photos of everything that the base counts: the head must not forget."""
    present, new = float(np.mean(current)), float(np.mean(candidate))
    limit = max(present * (1 + plan.guard_worse_share), present + plan.guard_slack)
    found = message(messages.GUARD, photos=len(current), current=present, candidate=new, limit=limit)
    return GateRow.of("guard", new <= limit, found)


def judge_golden(current: dict[str, int], candidate: dict[str, int], plan: GatePlan) -> GateRow:
    """About the same counts on the golden picture: a broken file counts nothing, or everything."""
    difference = sum(abs(candidate[species] - count) for species, count in current.items())
    found = message(messages.GOLDEN, difference=difference, limit=plan.golden_slack)
    return GateRow.of("golden picture", difference <= plan.golden_slack, found)


def judge_size(size_bytes: int, plan: GatePlan) -> GateRow:
    """No larger than a phone on a slow line can take."""
    found = message(messages.SIZE, size_bytes=size_bytes, limit_bytes=plan.max_bytes)
    return GateRow.of("size", size_bytes <= plan.max_bytes, found)
