"""Trains the two peers of the counter once and stores them as int8 files: the recipe.

    python -m bench.peers.train --photos DIR --peer detector       # from the top of the repository
    python -m bench.peers.train --photos DIR --peer regression

Same as the counter's: the photos and their shares, pasted insects, augmentation, batch, Adam with its schedule, the running mean of the
weights, forgiveness beside gappy marks, calibration and export (mobile_models/recipes/base.toml, pestwatch/vision/family.py).
Different, all in the peers' favour:

- They start from the whole of MobileNetV2's ImageNet features to stride 16, like `base`; `small` starts from narrowed ones.
- They are told the scale (compare.py), and so they train around that scale only.
- Threshold and overlap of the detector, and a factor per species of the regression, are picked on the photos where the counter
  picks its thresholds; for the detector's overlap that is one choice more than the counter has.

Budget: one thread, at most 8 minutes of processor time each; what was used stands in peers.toml. The counter's sizes train
longer (base.toml), and `small` and `nano` learn from `base` besides: the peers are one training each, not the best that could
be had. The regression was trained anew after a first run whose answers were too large to be learnt in its steps (seen on val and
on training photos). Nothing is chosen on test_trap.
"""

import argparse
import json
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pestwatch.shelf import models_dir, recount_file
from pestwatch.vision.augment import CROP_PX
from pestwatch.vision.dataset import Example, Point, at_counting_size, counting_ratio
from pestwatch.vision.encoder import FULL, load_imagenet_weights
from pestwatch.vision.family import Material, training_material
from pestwatch.vision.model import freeze_encoder, normalise
from pestwatch.vision.preprocess import OUTSIDE
from pestwatch.vision.quantize import calibration_tiles
from pestwatch.vision.recipe import Settings, read_recipe, threshold_sets
from pestwatch.vision.recount import read_recount
from pestwatch.vision.slim import slim
from pestwatch.vision.train import training_crop

from .boxes import anchors, decoded, suppressed, targets
from .compare import COUNT_UNIT, HERE, LEAST_Q, SPECIES, Detector, Regression, regression_ratio
from .networks import DETECTOR_TILE_PX, REGRESSION_TILE_PX, build_detector, build_regression

# Of two boxes while counted moths are placed; the one in use is picked on the exported file.
MOST_OVERLAP = 40
OVERLAPS_TRIED = (20, 30, 40, 50, 60, 70)
THRESHOLDS_TRIED = range(LEAST_Q, 200, 4)
GAINS_TRIED = tuple(round(0.5 + 0.02 * place, 2) for place in range(76))
CALIBRATION_TILES = 60
FloatArray = npt.NDArray[np.float32]
Batch = tuple[FloatArray, ...]


@dataclass(frozen=True)
class Plan:
    """What one peer learns from and how.

    Args:
      material: the counter's own training photos, shares and insects to paste.
      settings: the counter's own, but for views from far away and from near, which it needs to find the scale and a peer does not.
      steps: optimiser steps.
      seed: of every choice.
      train_from: the first block of the encoder that learns.
      place_every_steps: how often the detector places moths that were counted but not marked.
    """

    material: Material
    settings: Settings
    steps: int
    seed: int
    train_from: int
    place_every_steps: int

    def for_regression(self, whole: Example, *, must_fit: bool) -> Settings:
        """Distances around the length at which the regression counts.

        Args:
          whole: the photo to cut a crop from.
          must_fit: the photo must lie in the crop as a whole, for its moths are known by number only.
        """
        nearer = regression_ratio(whole) / counting_ratio(whole)
        distances = self.settings.distances
        low, high = (factor * nearer for factor in distances.usual)
        if must_fit:
            high = CROP_PX / max(whole.image.shape[:2]) / counting_ratio(whole)
        return replace(self.settings, distances=replace(distances, usual=(low, high)))

    def drawn(self, rng: np.random.Generator) -> list[int]:
        """The photos of one batch."""
        odds = np.array(self.material.weights)
        return [int(place) for place in rng.choice(len(odds), self.settings.batch, p=odds / odds.sum())]


def read_plan(name: str, photos: Path, steps: int | None) -> Plan:
    """The plan of peers.toml for one peer, on the counter's own recipe."""
    table = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    recipe = read_recipe(models_dir() / "recipes" / "base.toml")
    near = replace(recipe.settings, distances=replace(recipe.settings.distances, far_share=0.0))
    return Plan(training_material(photos, recipe), near, steps or table[name]["steps"], **table["train"])


def detector_sample(whole: Example, rng: np.random.Generator, plan: Plan, grid: FloatArray) -> Batch:
    """Image, scores (n, s), cares (n, s), boxes (n, 3), and 1 where insects may lie without a mark."""
    crop, image = training_crop(whole, rng, plan.settings, plan.material.patches)
    scores, cares, boxes = targets(crop.points, grid, SPECIES)
    for species in range(SPECIES):
        if species in whole.silent:
            cares[:, species] = 0
        elif _unplaced(whole, species) > 0:
            cares[:, species] *= scores[:, species]
    return normalise(image), scores, cares, boxes, np.float32(whole.is_gappy)


def regression_sample(whole: Example, rng: np.random.Generator, plan: Plan) -> Batch:
    """Image, counts (s,) in the crop, and cares (s,)."""
    by_number = any(_unplaced(whole, species) > 0 for species in range(SPECIES))
    crop, image = training_crop(whole, rng, plan.for_regression(whole, must_fit=by_number), plan.material.patches)
    counts = whole.true_counts if by_number else replace(crop, counts=None).true_counts
    cares = np.array([species not in whole.silent for species in range(SPECIES)], np.float32)
    return normalise(image), np.array(counts, np.float32), cares


def _unplaced(whole: Example, species: int) -> int:
    return whole.true_counts[species] - sum(point.species == species for point in whole.points)


def detector_loss(answers: Any, scores: Any, cares: Any, boxes: Any, gappy: Any, forgiven: Any) -> Any:
    """Focal loss on the scores and Huber's on the matched boxes, per matched anchor.

    Source: Lin et al. 2017, arXiv 1708.02002 (alpha 0.25, gamma 2).
    """
    found, shifts = joined(answers)
    found = tf.clip_by_value(found, 1e-4, 1 - 1e-4)
    hit = -0.25 * scores * tf.square(1 - found) * tf.math.log(found)
    false = -0.75 * (1 - scores) * tf.square(found) * tf.math.log(1 - found)
    sure = tf.stop_gradient(tf.cast(found > 0.4, tf.float32))
    false *= 1 - forgiven * gappy[:, None, None] * sure
    matched = tf.reduce_max(scores, axis=-1)
    off = tf.abs(shifts - boxes)
    huber = tf.reduce_sum(tf.where(off < 1, 0.5 * off * off, off - 0.5), axis=-1)
    return (tf.reduce_sum((hit + false) * cares) + 0.25 * tf.reduce_sum(huber * matched)) / (tf.reduce_sum(matched) + 1)


def joined(answers: Any) -> tuple[Any, Any]:
    """The network's four answers -> scores (b, n, s) and boxes (b, n, 3), in the order of anchors."""
    batch = tf.shape(answers[0])[0]
    scores = tf.concat([tf.reshape(part, (batch, -1, SPECIES)) for part in answers[0::2]], axis=1)
    boxes = tf.concat([tf.reshape(part, (batch, -1, 3)) for part in answers[1::2]], axis=1)
    return scores, boxes


def regression_loss(found: Any, counts: Any, cares: Any, _forgiven: Any) -> Any:
    """Huber's loss in units of what chance does to a count, its square root; it has no background to forgive."""
    in_crop = found * COUNT_UNIT * (CROP_PX / REGRESSION_TILE_PX) ** 2
    off = tf.abs(in_crop - counts) / tf.sqrt(counts + 1) * cares
    return tf.reduce_mean(tf.where(off < 1, 0.5 * off * off, off - 0.5))


def fit(model: Any, loss: Any, samples: Callable[[int], Iterator[Batch]], plan: Plan) -> None:
    """The counter's optimiser, schedule and mean of the weights, on one thread.

    Args:
      model: of networks.py; it ends with the running mean of its weights.
      loss: (answers, *rest of the batch, forgiven share) -> scalar.
      samples: step -> the samples of one batch.
      plan: settings and steps.
    """
    settings, steps = plan.settings, plan.steps
    rate = keras.optimizers.schedules.CosineDecay(
        settings.peak_rate / settings.warm_up_steps,
        steps - settings.warm_up_steps,
        warmup_target=settings.peak_rate,
        warmup_steps=settings.warm_up_steps,
    )
    optimizer = keras.optimizers.Adam(rate, clipnorm=5.0, use_ema=True, ema_momentum=settings.mean_decay**0.25)

    @tf.function(reduce_retracing=True)
    def step(images: Any, rest: Any, forgiven: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(model(images, training=True), *rest, forgiven)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
        return value

    losses: list[float] = []
    for done in range(1, steps + 1):
        images, *rest = (tf.constant(np.stack(part)) for part in zip(*samples(done), strict=True))
        forgiven = settings.forgive if done > settings.forgive_after * steps else 0.0
        losses.append(float(step(images, rest, tf.constant(forgiven, tf.float32))))
        if done % 20 == 0:
            print(f"step {done} of {steps}, loss {np.mean(losses):.3f}, {time.process_time():.0f} CPU-s", flush=True)
            losses.clear()
    optimizer.finalize_variable_values(model.trainable_variables)


def placed(model: Any, whole: Example) -> Example:
    """Gives the unmarked moths of a counted photo the detector's surest boxes as places, as the counter's training does."""
    if whole.counts is None or len(whole.points) >= sum(whole.counts):
        return whole
    image = at_counting_size(whole)
    ratio = max(image.shape) / max(whole.image.shape)
    side_px = -(-max(image.shape) // 16) * 16
    framed = np.full((side_px, side_px, 3), OUTSIDE, np.uint8)
    framed[: image.shape[0], : image.shape[1]] = image
    scores, shifts = joined(model(normalise(framed)[None], training=False))
    squares = decoded(np.asarray(shifts[0]), anchors(side_px))
    points = list(whole.points)
    for box in suppressed((np.asarray(scores[0]) * 255).astype(np.uint8), squares, LEAST_Q, MOST_OVERLAP):
        point = Point(
            (box.x1 + box.x2) / 2 / ratio, (box.y1 + box.y2) / 2 / ratio, box.species, (box.x2 - box.x1) / ratio
        )
        is_free = all(
            np.hypot(point.x_px - p.x_px, point.y_px - p.y_px) > p.length_px / 4
            for p in points
            if p.species == box.species
        )
        missing = whole.true_counts[box.species] - sum(p.species == box.species for p in points)
        if missing > 0 and is_free:
            points.append(point)
    return replace(whole, points=tuple(points))


def export(build: Any, model: Any, examples: Sequence[Example], tile_px: int) -> bytes:
    """Full int8 with uint8 edges, calibrated like the counter."""
    fixed = build(FULL, tile_px)
    fixed.set_weights(model.get_weights())
    tiles = calibration_tiles(examples, CALIBRATION_TILES, tile_px)
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([normalise(tile)[None]] for tile in tiles)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return slim(bytes(converter.convert()))


def train_detector(plan: Plan) -> Any:
    """The detector; every so often it places the moths that were counted but not marked."""
    model, rng, grid = build_detector(FULL), np.random.default_rng(plan.seed), anchors(CROP_PX)
    load_imagenet_weights(model)
    freeze_encoder(model, plan.train_from)
    known = list(plan.material.examples)

    def samples(done: int) -> Iterator[Batch]:
        if done % plan.place_every_steps == 0:
            known[:] = [placed(model, example) for example in plan.material.examples]
        for place in plan.drawn(rng):
            yield detector_sample(known[place], rng, plan, grid)

    fit(model, detector_loss, samples, plan)
    return model


def train_regression(plan: Plan) -> Any:
    """The regression; a count needs no places."""
    model, rng = build_regression(FULL), np.random.default_rng(plan.seed)
    load_imagenet_weights(model)
    freeze_encoder(model, plan.train_from)

    def samples(_: int) -> Iterator[Batch]:
        for place in plan.drawn(rng):
            yield regression_sample(plan.material.examples[place], rng, plan)

    fit(model, regression_loss, samples, plan)
    return model


def picking_sets(photos: Path) -> Sequence[Sequence[Example]]:
    """Per species, the photos on which the counter picks its own thresholds."""
    recipe = read_recipe(models_dir() / "recipes" / "base.toml")
    return threshold_sets(photos, read_recount(recount_file()), recipe.seed)


def pick_detector(content: bytes, photos: Path) -> dict[str, Any]:
    """Thresholds per species and the greatest overlap of two boxes: least error on the photos where the counter picks its own."""
    peer = Detector(content, {"threshold_q": [], "most_overlap": 0})
    sets = [
        [(e.true_counts[species], peer.looked(e)) for e in part] for species, part in enumerate(picking_sets(photos))
    ]
    tried = []
    for most_overlap in OVERLAPS_TRIED:
        thresholds, error = [], 0.0
        for species, part in enumerate(sets):
            true = np.array([count for count, _ in part])
            found = [
                np.array([box.value for box in peer.boxes(looked, most_overlap) if box.species == species])
                for _, looked in part
            ]
            counted = {least: np.array([(values >= least).sum() for values in found]) for least in THRESHOLDS_TRIED}
            errors = {least: int(np.abs(counts - true).sum()) for least, counts in counted.items()}
            thresholds.append(min(errors, key=lambda least: errors[least]))
            error += min(errors.values()) / true.sum()
        tried.append((error, most_overlap, thresholds))
    _, most_overlap, thresholds = min(tried)
    return {"threshold_q": thresholds, "most_overlap": most_overlap}


def pick_regression(content: bytes, photos: Path) -> dict[str, Any]:
    """A factor per species, picked on the same photos: what a threshold is to the others."""
    peer, gain = Regression(content, {"gain": [1.0] * SPECIES}), []
    for species, examples in enumerate(picking_sets(photos)):
        true = np.array([example.true_counts[species] for example in examples])
        found = np.array([peer.raw(example)[species] for example in examples])
        gain.append(min(GAINS_TRIED, key=lambda factor: float(np.abs(np.rint(found * factor) - true).sum())))
    return {"gain": gain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--peer", choices=("detector", "regression"), required=True)
    parser.add_argument("--steps", type=int, help="instead of the recipe's: for a rehearsal")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    plan = read_plan(arguments.peer, arguments.photos, arguments.steps)
    keras.utils.set_random_seed(plan.seed)
    started = time.process_time()
    train, build, pick, tile_px = {
        "detector": (train_detector, build_detector, pick_detector, DETECTOR_TILE_PX),
        "regression": (train_regression, build_regression, pick_regression, REGRESSION_TILE_PX),
    }[arguments.peer]
    model = train(plan)
    print(f"{arguments.peer}: {plan.steps} steps in {time.process_time() - started:.0f} CPU-seconds")
    arguments.out.mkdir(parents=True, exist_ok=True)
    content = export(build, model, plan.material.examples, tile_px)
    (arguments.out / f"{arguments.peer}.tflite").write_bytes(content)
    settings = pick(content, arguments.photos)
    (arguments.out / f"{arguments.peer}.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
