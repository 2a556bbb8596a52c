"""Teaches the photo gate, exports it and sets its thresholds, as mobile_models/recipes/gate.toml says.

The thresholds come from photos of traps that taught nothing: so many of them must pass. Junk takes no part in choosing.
"""

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pestwatch.vision.dataset import Example, helicoverpa_funnel, medfly_delta, tuta_delta
from pestwatch.vision.gate import GATE_SIDE_PX, NEVER_Q, REASONS, PhotoGate, Reason
from pestwatch.vision.gate_network import build_gate, with_imagenet
from pestwatch.vision.gate_shots import GOOD, Pool, Shot, Traps, gate_tile, pool, shots
from pestwatch.vision.junk import junk_pictures
from pestwatch.vision.light import Limits
from pestwatch.vision.model import normalise
from pestwatch.vision.preprocess import Sizes
from pestwatch.vision.quantize import to_int8

# Trap photos that set the thresholds and teach nothing.
VALIDATION_GROUPS = frozenset({"medfly/photo1", "medfly/photo12", "medfly/photo16", "medfly/photo26"})
VALIDATION_DAYS = frozenset({"funnel/20220604"})
CALIBRATION_SHOTS = 80
SMOOTHED = 0.02
"""Truth is taught as 0.01 and 0.99: sharper answers would only be surer of the shots, not of photos."""
LEAST_THRESHOLD_Q = 64
LEAST_REJECT_Q = 230
# Reasons that make a photo useless; the others are counted and marked.
REJECTING: frozenset[Reason] = frozenset({"not_a_trap", "too_dark", "too_bright", "too_blurred"})


@dataclass(frozen=True)
class GateRecipe:
    """A parsed gate.toml.

    Args:
      seed: of every choice.
      steps: optimiser steps.
      batch: shots per step.
      peak_rate: Adam's learning rate after the warm-up; it falls to 0 along a cosine.
      shots: made for teaching; each is seen steps * batch / shots times.
      validation_shots: good photos made for the thresholds.
      pass_share: of those that must be called good.
      taught: sources of junk for teaching.
      held_out: sources of junk for measuring.
      limits: of the light.
    """

    seed: int
    steps: int
    batch: int
    peak_rate: float
    shots: int
    validation_shots: int
    pass_share: float
    taught: tuple[str, ...]
    held_out: tuple[str, ...]
    limits: Limits

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a recipe file."""
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        junk = {name: tuple(sources) for name, sources in table["junk"].items()}
        return cls(**table["train"], **table["thresholds"], **junk, limits=Limits(**table["limits"]))


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

    @tf.function
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
    version: str, model: bytes, threshold_q: Sequence[int], reject_q: Sequence[int], limits: Mapping[str, float]
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
        "limits": dict(limits),
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }
