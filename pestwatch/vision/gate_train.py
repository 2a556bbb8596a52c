"""Teaches the photo gate, exports it and sets its thresholds, as mobile_models/recipes/gate.toml says.

The thresholds come from photos of traps that taught nothing: so many of them must pass. Junk takes no part in choosing.
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

from pestwatch.vision.gate import GATE_SIDE_PX, NEVER_Q, REASONS, PhotoGate, Reason
from pestwatch.vision.gate_network import build_gate, with_imagenet
from pestwatch.vision.gate_recipe import GateRecipe, teaching_traps, validation_traps
from pestwatch.vision.gate_shots import GOOD, Pool, pool, shots
from pestwatch.vision.junk import junk_pictures
from pestwatch.vision.light import Limits
from pestwatch.vision.model import normalise
from pestwatch.vision.quantize import to_int8

CALIBRATION_SHOTS = 80
SMOOTHED = 0.02
"""Truth is taught as 0.01 and 0.99: sharper answers would only be surer of the shots, not of photos."""
LEAST_THRESHOLD_Q = 64
LEAST_REJECT_Q = 230
# Reasons that make a photo useless; the others are counted and marked.
REJECTING: frozenset[Reason] = frozenset({"not_a_trap", "too_dark", "too_bright", "too_blurred"})


def fit(taught: Pool, recipe: GateRecipe, progress: Callable[[int, float], None] = lambda _step, _loss: None) -> Any:
    """Teaches a network.

    Args:
      taught: the shots.
      recipe: steps, batch, rate and seed.
      progress: told the step and the mean loss since it was told last.

    Returns:
      keras.Model as of build_gate.
    """
    keras.utils.set_random_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = build_gate()
    with_imagenet(model)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, recipe.steps, warmup_target=recipe.peak_rate, warmup_steps=min(60, recipe.steps // 4)
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
    for number in range(1, recipe.steps + 1):
        chosen = rng.integers(len(taught.tiles), size=recipe.batch)
        images = np.stack([_mirrored(taught.tiles[place], rng) for place in chosen])
        losses.append(float(step(normalise(images), taught.truth[chosen], taught.says[chosen])))
        if number % 100 == 0:
            progress(number, float(np.mean(losses)))
            losses.clear()
    return model


def _mirrored(tile: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Across, where no grey lies right of the photo: the phone never puts it left."""
    is_wide = not (tile[0, -1] == tile[-1, -1]).all() or not (tile[0, -1] == 128).all()
    return tile[:, ::-1] if is_wide and rng.random() < 0.5 else tile


def export(model: Any, taught: Pool) -> bytes:
    """Converts the network: (1, 160, 160, 3) uint8 RGB -> (1, 1, 1, r) uint8, scale 1/256."""
    fixed = build_gate(batch=1)
    fixed.set_weights(model.get_weights())
    tiles = list(taught.tiles[:CALIBRATION_SHOTS])
    tiles[0] = tiles[0].copy()
    tiles[0][0, :2] = ((0, 0, 0), (255, 255, 255))  # the input's scale must be that of bytes
    return to_int8(fixed, tiles)


def pick_thresholds(scores_q: npt.NDArray[np.int64], pass_share: float) -> tuple[list[int], list[int]]:
    """Sets from which score on a photo is doubtful, and from which it is rejected.

    Every reason may wrong the same share of good photos, as many as leave pass_share of them in peace.

    Args:
      scores_q: (n, r) of good photos.
      pass_share: of them that no reason may reach.

    Returns:
      threshold_q and reject_q, per reason.
    """
    ranked = np.sort(scores_q, axis=0)[::-1]
    threshold_q = np.full(len(REASONS), NEVER_Q)
    for wronged in range(len(ranked)):
        lower = np.maximum(ranked[wronged] + 1, LEAST_THRESHOLD_Q)
        if (scores_q < lower).all(axis=1).mean() < pass_share:
            break
        threshold_q = lower
    surest = np.maximum(np.minimum(ranked[0] + 1, 255), LEAST_REJECT_Q)
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
    scenes = junk_pictures(junk, recipe.taught, recipe.seed)
    taught = pool(shots(teaching_traps(photos), scenes, recipe.shots, recipe.seed))
    content = export(fit(taught, recipe, progress), taught)
    silent = make_gate_sidecar("base", content, [NEVER_Q] * len(REASONS), [NEVER_Q] * len(REASONS), recipe.limits)
    gate = PhotoGate(content, silent)
    good = shots(validation_traps(photos), scenes, recipe.validation_shots, recipe.seed + 1, {GOOD: 1.0})
    scores_q = np.array([gate.scores_q(tile) for tile in pool(good).tiles])
    threshold_q, reject_q = pick_thresholds(scores_q, recipe.pass_share)
    return content, make_gate_sidecar("base", content, threshold_q, reject_q, recipe.limits)
