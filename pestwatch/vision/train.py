"""Examples to a trained float network.

Every random choice follows the seed, but TensorFlow sums in an order of its own: two runs agree
closely, not bit for bit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pestwatch.vision.augment import CROP_PX, training_crop
from pestwatch.vision.dataset import Example, Point
from pestwatch.vision.model import freeze_encoder, normalise
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.preprocess import STRIDE_PX
from pestwatch.vision.recipe import Settings

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[int, float], None]
"""Called with the steps done and the mean loss since the last call."""

PROGRESS_EVERY = 10
# A peak must reach this value to become the place of a counted but unmarked moth.
PLACE_FROM_Q = 20
GRID = CROP_PX // STRIDE_PX


def fit(
    model: Any,
    examples: Sequence[Example],
    steps: int,
    seed: int,
    trainable: Literal["head", "all"] = "head",
    *,
    progress: Progress | None = None,
    weights: Sequence[float] | None = None,
    settings: Settings | None = None,
) -> None:
    """Trains the network in place.

    A photo that was counted but not marked teaches through its count: as many moths as were counted are
    placed on the strongest peaks of the network so far, first those already known. Until then its
    unmarked area is neither moth nor background.

    Args:
      model: as of build_counter or load_float.
      examples: photos of training traps.
      steps: optimiser steps.
      seed: of every choice made here.
      trainable: "head" keeps the encoder and its statistics still.
      progress: told every ten steps.
      weights: how often each example is drawn, relative; equal when None.
      settings: the recipe's.
    """
    settings = settings or Settings()
    freeze_encoder(model, frozen=trainable == "head")
    rate = keras.optimizers.schedules.CosineDecay(
        settings.peak_rate / settings.warm_up_steps,
        max(1, steps - settings.warm_up_steps),
        warmup_target=settings.peak_rate,
        warmup_steps=settings.warm_up_steps,
    )
    step = _compiled_step(model, keras.optimizers.Adam(rate, clipnorm=5.0))
    placed = list(examples)
    odds = None if weights is None else np.asarray(weights) / np.sum(weights)
    losses: list[float] = []
    for done, batch in enumerate(_prefetched(placed, steps, seed, odds, settings), start=1):
        losses.append(float(step(*batch)))
        if settings.place_every_steps and done % settings.place_every_steps == 0:
            placed[:] = [place_counted(model, example, settings.counted_moth_px) for example in examples]
        if progress is not None and done % PROGRESS_EVERY == 0:
            progress(done, float(np.mean(losses)))
            losses.clear()


def _compiled_step(model: Any, optimizer: Any) -> Any:
    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: Any, targets: Any, cares: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = focal_loss(model(images, training=True), targets, cares)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def focal_loss(heat: Any, targets: Any, cares: Any) -> Any:
    """Penalty-reduced focal loss on centre maps.

    Args:
      heat: (b, g, g, s) float32 in (0, 1), the network's output.
      targets: (b, g, g, s) float32 in [0, 1], exactly 1 on each centre.
      cares: (b, g, g, s) float32, 0 where nothing is known.

    Returns:
      Scalar: the sum divided by the centres + 1.

    Source: Zhou et al. 2019, arXiv 1904.07850, equation 1 (alpha 2, beta 4).
    """
    heat = tf.clip_by_value(heat, 1e-4, 1 - 1e-4)
    centres = tf.cast(targets >= 1.0, tf.float32) * cares
    hit = centres * tf.square(1 - heat) * tf.math.log(heat)
    background = (cares - centres) * tf.pow(1 - targets, 4.0) * tf.square(heat) * tf.math.log(1 - heat)
    return -tf.reduce_sum(hit + background) / (tf.reduce_sum(centres) + 1)


def target_maps(crop: Example, grid: int, species: int) -> tuple[FloatArray, FloatArray]:
    """Draws what the network should answer for one crop.

    Args:
      crop: its points are drawn as Gaussians of 0.14 lengths, overlaps take the greater value.
      grid: cells per side, g.
      species: channels, s.

    Returns:
      Targets (g, g, s) in [0, 1] and cares (g, g, s) in {0, 1}: 0 for silent species, and for a counted species
      away from its known moths when some moth of the whole photo has no place.
    """
    targets = np.zeros((grid, grid, species), np.float32)
    cells = np.arange(grid, dtype=np.float32)
    for point in crop.points:
        column, row = (min(grid - 1, int(side // STRIDE_PX)) for side in (point.x_px, point.y_px))
        spread = max(0.14 * point.length_px / STRIDE_PX, 0.55)
        across = np.exp(-((cells - column) ** 2) / (2 * spread**2))
        down = np.exp(-((cells - row) ** 2) / (2 * spread**2))
        channel = targets[:, :, point.species]
        np.maximum(channel, np.outer(down, across).astype(np.float32), out=channel)
    cares = np.ones_like(targets)
    for index in crop.silent:
        cares[:, :, index] = 0
    return targets, cares


def _with_gaps_silenced(whole: Example, cares: FloatArray, targets: FloatArray) -> FloatArray:
    """Takes no stand on the unmarked area of species of which a moth has no place yet."""
    if whole.counts is None:
        return cares
    for species, count in enumerate(whole.counts):
        if sum(point.species == species for point in whole.points) < count:
            cares[:, :, species] *= targets[:, :, species] > 0.01
    return cares


def _batches(
    examples: Sequence[Example], steps: int, seed: int, odds: npt.NDArray[np.float64] | None, settings: Settings
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Yields images (b, 256, 256, 3) in [-1, 1], targets and cares (b, 64, 64, s)."""
    rng = np.random.default_rng(seed)
    species = len(examples[0].true_counts)
    for _ in range(steps):
        images, targets, cares = [], [], []
        for index in rng.choice(len(examples), settings.batch, p=odds):
            whole = examples[index]
            crop = training_crop(whole, rng, settings.scale)
            target, care = target_maps(crop, GRID, species)
            images.append(normalise(crop.image))
            targets.append(target)
            cares.append(_with_gaps_silenced(whole, care, target))
        yield np.stack(images), np.stack(targets), np.stack(cares)


def _prefetched(
    examples: Sequence[Example], steps: int, seed: int, odds: npt.NDArray[np.float64] | None, settings: Settings
) -> Any:
    """The batches, made two ahead by tf.data while the network trains."""
    species = len(examples[0].true_counts)
    maps = tf.TensorSpec((settings.batch, GRID, GRID, species), tf.float32)
    images = tf.TensorSpec((settings.batch, CROP_PX, CROP_PX, 3), tf.float32)
    stream = tf.data.Dataset.from_generator(
        lambda: _batches(examples, steps, seed, odds, settings), output_signature=(images, maps, maps)
    )
    return stream.prefetch(2)


def place_counted(model: Any, example: Example, moth_px: float) -> Example:
    """Gives the unmarked moths of a counted photo the network's strongest peaks as places.

    Args:
      model: the network so far.
      example: returned as it is when every moth has a place.
      moth_px: length of a placed moth, and twice the least distance between two.

    Returns:
      The example with up to its count of points per species; never more.
    """
    if example.counts is None:
        return example
    height, width, _ = example.image.shape
    points = list(example.points)
    heat: npt.NDArray[np.uint8] | None = None
    for species, count in enumerate(example.counts):
        missing = count - sum(point.species == species for point in points)
        if missing <= 0:
            continue
        if heat is None:
            heat = heat_of(model, example.image)
        for peak in sorted(_peaks_of(heat, species), reverse=True):
            value_free = all(
                (peak[1] - p.x_px) ** 2 + (peak[2] - p.y_px) ** 2 > (moth_px / 4) ** 2
                for p in points
                if p.species == species
            )
            if missing and value_free and peak[1] < width and peak[2] < height:
                points.append(Point(peak[1], peak[2], species, moth_px))
                missing -= 1
    return replace(example, points=tuple(points))


def _peaks_of(heat: npt.NDArray[np.uint8], species: int) -> list[tuple[int, float, float]]:
    """(value, x_px, y_px) of each peak of one species."""
    thresholds = [PLACE_FROM_Q] * heat.shape[2]
    return [
        (peak.value, (peak.column + 0.5) * STRIDE_PX, (peak.row + 0.5) * STRIDE_PX)
        for peak in find_peaks(heat, thresholds)
        if peak.species == species
    ]


def heat_of(model: Any, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Runs the float network on a whole picture of any size.

    Returns:
      (g, g', s) uint8, 256 x probability, like the int8 file's output.
    """
    height, width, _ = image.shape
    bottom, right = (-height % 16, -width % 16)
    framed = np.pad(image, ((0, bottom), (0, right), (0, 0)), constant_values=128)
    heat = np.asarray(model(normalise(framed)[None], training=False)[0])
    return np.minimum(heat * 256, 255).astype(np.uint8)
