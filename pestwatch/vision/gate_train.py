"""Teaches the photo gate, exports it and sets its thresholds, as mobile_models/recipes/gate.toml says.

The thresholds come from traps and pictures without a trap that taught nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pestwatch.vision.dataset import tuta_delta
from pestwatch.vision.gate import GATE_SIDE_PX, NEVER_Q, REASONS, PhotoGate, Reason, gate_tile
from pestwatch.vision.gate_network import build_gate, with_imagenet
from pestwatch.vision.gate_recipe import GateRecipe, Round, teaching_traps, validation_traps
from pestwatch.vision.gate_shots import Pool, pool, shots, whole_liners
from pestwatch.vision.junk import MOST_TAUGHT, junk_pictures
from pestwatch.vision.light import Limits
from pestwatch.vision.model import normalise
from pestwatch.vision.preprocess import Sizes
from pestwatch.vision.quantize import to_int8

CALIBRATION_SHOTS = 80
FRESH_SEED = 100
"""So far apart are the seeds of two rounds' shots."""
SMOOTHED = 0.02
"""Truth is taught as 0.01 and 0.99: sharper answers would only be surer of the shots, not of photos."""
LEAST_THRESHOLD_Q = 64
LEAST_REJECT_Q = 230
# Reasons that make a photo useless; the others are counted and marked.
REJECTING: frozenset[Reason] = frozenset({"not_a_trap", "too_dark", "too_bright", "too_blurred"})


def fit(
    model: Any,
    pools: Sequence[Pool],
    plan: Round,
    batch: int,
    rng: np.random.Generator,
    progress: Callable[[int, float], None] = lambda _step, _loss: None,
) -> None:
    """Teaches a network for one round.

    Args:
      model: of build_gate.
      pools: the shots of this round and of those before; about the same number is taken of each.
      plan: steps and rate.
      batch: shots per step.
      rng: of the choice of shots.
      progress: told the step and the mean loss since it was told last.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, plan.steps, warmup_target=plan.peak_rate, warmup_steps=min(60, plan.steps // 4)
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01)

    @tf.function  # type: ignore[untyped-decorator]
    def step(images: Any, truth: Any, says: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = tf.reshape(model(images, training=True), tf.shape(truth))
            wanted = truth * (1 - SMOOTHED) + SMOOTHED / 2
            losses = keras.ops.binary_crossentropy(wanted, scores) * says
            loss = tf.reduce_sum(losses) / tf.reduce_sum(says)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    losses = []
    for number in range(1, plan.steps + 1):
        drawn = [pools[int(place)] for place in rng.integers(len(pools), size=batch)]
        chosen = [(one, int(rng.integers(len(one.tiles)))) for one in drawn]
        images = np.stack([_mirrored(one.tiles[place], rng) for one, place in chosen])
        truth = np.stack([one.truth[place] for one, place in chosen])
        says = np.stack([one.says[place] for one, place in chosen])
        losses.append(float(step(normalise(images), truth, says)))
        if number % 100 == 0:
            progress(number, float(np.mean(losses)))
            losses.clear()


def _mirrored(tile: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Never so that the grey comes to lie left of the photo or above it: the phone puts it right or below."""
    has_grey_right, has_grey_below = (tile[:, -1] == 128).all(), (tile[-1] == 128).all()
    if not has_grey_right and rng.random() < 0.5:
        tile = tile[:, ::-1]
    if not has_grey_below and rng.random() < 0.5:
        tile = tile[::-1]
    return tile


def export(model: Any, taught: Pool) -> bytes:
    """Converts the network: (1, 160, 160, 3) uint8 RGB -> (1, 1, 1, r) uint8, scale 1/256."""
    fixed = build_gate(batch=1)
    fixed.set_weights(model.get_weights())
    tiles = list(taught.tiles[:CALIBRATION_SHOTS])
    tiles[0] = tiles[0].copy()
    tiles[0][0, :2] = ((0, 0, 0), (255, 255, 255))  # the input's scale must be that of bytes
    return to_int8(fixed, tiles)


def pick_thresholds(
    good_q: npt.NDArray[np.int64], bad_q: npt.NDArray[np.int64], whole_q: npt.NDArray[np.int64], pass_share: float
) -> tuple[list[int], list[int]]:
    """Sets from which score on a photo is doubtful, and from which it is rejected.

    First no good photo is doubtful. Then that reason's threshold is lowered, again and again, which finds most bad photos for each
    good one that it wrongs, as long as pass_share of the good ones pass.

    Args:
      good_q: (n, r) scores of good photos.
      bad_q: (m, r) scores of bad ones, whatever is wrong with them.
      whole_q: (k, r) scores of whole liners: all of them must pass, for that is what most photos show.
      pass_share: of the good ones that no reason may reach.

    Returns:
      threshold_q and reject_q, per reason.
    """
    highest = good_q.max(axis=0)
    least_q = np.maximum(whole_q.max(axis=0) + 1, LEAST_THRESHOLD_Q)
    threshold_q = np.maximum(highest + 1, least_q)
    may_wrong = int((1 - pass_share) * len(good_q))
    while True:
        passing, missed = (scores_q[(scores_q < threshold_q).all(axis=1)] for scores_q in (good_q, bad_q))
        room = may_wrong - (len(good_q) - len(passing))
        best, best_worth = None, 0.0
        for place in range(len(REASONS)):
            ranked = np.sort(passing[:, place])[::-1]
            for wronged in range(1, room + 1):
                lower = max(int(ranked[wronged]) + 1, int(least_q[place]))
                lost = np.count_nonzero(ranked >= lower)
                worth = np.count_nonzero(missed[:, place] >= lower) / max(1, lost)
                if lost <= room and worth > best_worth:
                    best, best_worth = (place, lower), worth
        if best is None:
            break
        threshold_q[best[0]] = best[1]
    surest = np.maximum(np.minimum(highest + 1, 255), LEAST_REJECT_Q)
    rejects = np.array([reason in REJECTING for reason in REASONS])
    reject_q = np.where(rejects, np.maximum(surest, threshold_q), NEVER_Q)
    return [int(value) for value in threshold_q], [int(value) for value in reject_q]


def make_gate_sidecar(
    version: str, model: bytes, threshold_q: Sequence[int], reject_q: Sequence[int], limits: Limits
) -> dict[str, Any]:
    """Describes a gate's file: gate.json beside gate.tflite."""
    return {
        "v": 2,
        "name": "gate",
        "version": version,
        "side_px": GATE_SIDE_PX,
        "reasons": list(REASONS),
        "threshold_q": list(threshold_q),
        "reject_q": list(reject_q),
        "limits": asdict(limits),
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }


def make(
    recipe: GateRecipe, photos: Path, junk: Path, progress: Callable[[int, float], None] = lambda _step, _loss: None
) -> tuple[bytes, dict[str, Any]]:
    """Makes shots, teaches, exports and sets the thresholds.

    Args:
      recipe: what to do.
      photos: folder of the photo sets.
      junk: folder of pictures without a trap.
      progress: as in fit.

    Returns:
      gate.tflite and the parsed gate.json, of version "base" until a release names it.
    """
    scenes = junk_pictures(junk, recipe.taught, recipe.seed, most=MOST_TAUGHT)
    keras.utils.set_random_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = build_gate()
    with_imagenet(model)
    pools: list[Pool] = []
    for number, plan in enumerate(recipe.rounds):
        pools.append(pool(shots(teaching_traps(photos), scenes, plan.shots, recipe.seed + FRESH_SEED * number)))
        fit(model, pools, plan, recipe.batch, rng, progress)
    content = export(model, pools[-1])
    silent = make_gate_sidecar("base", content, [NEVER_Q] * len(REASONS), [NEVER_Q] * len(REASONS), recipe.limits)
    gate = PhotoGate(content, silent)
    unseen = junk_pictures(junk, recipe.validation, recipe.seed)
    shown = pool(shots(validation_traps(photos), unseen, recipe.validation_shots, recipe.seed + 1))
    scores_q = np.array([gate.scores_q(tile) for tile in shown.tiles])
    is_bad = shown.truth.any(axis=1)
    liners = whole_liners(tuta_delta(photos, "val"), recipe.seed)
    whole_q = np.array([gate.scores_q(gate_tile(Sizes(liner.image))) for liner in liners])
    threshold_q, reject_q = pick_thresholds(scores_q[~is_bad], scores_q[is_bad], whole_q, recipe.pass_share)
    return content, make_gate_sidecar("base", content, threshold_q, reject_q, recipe.limits)
