"""Examples to a trained float network.

Same seed, same machine, same number of threads: same network, to the bit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

from pestwatch.vision.augment import CROP_PX, geometric_crop, photographed_anew
from pestwatch.vision.dataset import BY_CATCH_PX, Example, Point, counting_ratio
from pestwatch.vision.litter import littered
from pestwatch.vision.loss import focal_loss, length_loss
from pestwatch.vision.model import OUTPUTS, freeze_encoder, normalise
from pestwatch.vision.paste import Patch, paste
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.preprocess import STRIDE_PX
from pestwatch.vision.recipe import Settings
from pestwatch.vision.target import NO_MOTH, gap_map, target_maps, with_gaps_silenced
from pestwatch.vision.teacher import Lesson, Teacher, feature_loss, taught_loss, with_features

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[int, float], None]
"""Called with the steps done and the mean loss since the last call."""
Check = Callable[[int, Any], None]
"""Called with the steps done and the network as it is."""

PROGRESS_EVERY = 10
CHECK_EVERY = 100
# A peak must reach this value to become the place of a counted but unmarked moth.
PLACE_FROM_Q = 20
GRID = CROP_PX // STRIDE_PX
# Of the teacher's features beside its answers; 0, 2 and 6 were tried on 250 steps, and 6 was best in the funnel and on noctuids.
FEATURES_WEIGH = 6.0


class Batch(NamedTuple):
    """What one step sees.

    Args:
      images: (b, c, c, 3) float32 in [-1, 1], as another phone would have taken them.
      targets: (b, g, g, s + 1) in [0, 1]; last the lengths.
      cares: (b, g, g, s + 1), 0 where nothing is known, more than 1 where by-catch lies.
      gappy: (b, g, g), 1 where a moth may lie without a mark, -1 where there is certainly none.
      taught: (b, g, g, s + 1), what the teacher answers to the same crops as they were; zeros without one.
      features: (b, g, g, f), the features that it answers from; none without one.
    """

    images: FloatArray
    targets: FloatArray
    cares: FloatArray
    gappy: FloatArray
    taught: FloatArray
    features: FloatArray


def fit(
    model: Any,
    examples: Sequence[Example],
    steps: int,
    seed: int,
    train_from: int | None = None,
    *,
    progress: Progress | None = None,
    check: Check | None = None,
    weights: Sequence[float] | None = None,
    settings: Settings | None = None,
    patches: Sequence[Patch] = (),
    teacher: Teacher | None = None,
) -> None:
    """Trains the network in place.

    A photo that was counted but not marked teaches through its count: as many moths as were counted are
    placed on the strongest peaks of the network so far, first those already known. Until then its
    unmarked area is neither moth nor background. Where marks have gaps, what the network is sure of is forgiven.

    Args:
      model: as of build_counter or load_float; it ends with the running mean of its weights.
      examples: photos of training traps.
      steps: optimiser steps.
      seed: of every choice made here.
      train_from: the first block of the encoder that learns; those before it, or all when None, keep their weights and
        statistics.
      progress: told every ten steps.
      check: shown the network every hundred steps, to measure it; it must not change it.
      weights: how often each example is drawn, relative; equal when None.
      settings: the recipe's.
      patches: insects to paste onto photos of paper.
      teacher: a larger network whose answers and features count as much as the marks; None for none.
    """
    settings = settings or Settings()
    placed = list(examples)
    odds = None if weights is None else np.asarray(weights) / np.sum(weights)

    def after_step(done: int) -> None:
        if settings.place_every_steps and done % settings.place_every_steps == 0:
            placed[:] = [place_counted(model, example, settings.counted_moth_px) for example in examples]
        if check is not None and done % CHECK_EVERY == 0:
            check(done, model)

    stream = _prefetched(batches(placed, steps, seed, odds, settings, patches, teacher), settings.batch, teacher)
    learn(model, stream, steps, train_from, settings, teacher, progress=progress, after_step=after_step)


def learn(
    model: Any,
    stream: Iterable[Batch],
    steps: int,
    train_from: int | None,
    settings: Settings,
    teacher: Teacher | None = None,
    *,
    progress: Progress | None = None,
    after_step: Callable[[int], None] = lambda _: None,
) -> None:
    """Trains the network on batches that are ready, such as those that several networks are compared on.

    Args:
      model: ends with the running mean of its weights.
      stream: as of batches, at least `steps` of them.
      steps: optimiser steps.
      train_from: as of fit.
      settings: the recipe's.
      teacher: whose lessons the batches hold.
      progress: told every ten steps.
      after_step: called with the steps done.
    """
    freeze_encoder(model, train_from)
    rate = keras.optimizers.schedules.CosineDecay(
        settings.peak_rate / settings.warm_up_steps,
        max(1, steps - settings.warm_up_steps),
        warmup_target=settings.peak_rate,
        warmup_steps=settings.warm_up_steps,
    )
    step = _compiled_step(model, keras.optimizers.Adam(rate, clipnorm=5.0), teacher)
    mean = _RunningMean(model, settings.mean_decay)
    losses: list[float] = []
    for done, batch in enumerate(stream, start=1):
        forgiven = settings.forgive if done > settings.forgive_after * steps else 0.0
        losses.append(float(step(*batch, tf.constant(forgiven, tf.float32))))
        mean.update(done)
        after_step(done)
        if progress is not None and done % PROGRESS_EVERY == 0:
            progress(done, float(np.mean(losses)))
            losses.clear()
    mean.apply()


class _RunningMean:
    """The mean of the weights along the way: steadier on photos unlike the training's than the last step's weights.

    Source: Izmailov et al. 2018, arXiv 1803.05407; here with an exponential window.
    """

    EVERY = 4

    def __init__(self, model: Any, decay: float) -> None:
        self._variables = model.weights
        self._decay = decay
        self._means = [variable.numpy().copy() for variable in self._variables]

    def update(self, done: int) -> None:
        if self._decay == 0 or done % self.EVERY:
            return
        keep = min(self._decay, done / (done + 40))
        for mean, variable in zip(self._means, self._variables, strict=True):
            mean[...] = keep * mean + (1 - keep) * variable.numpy()

    def apply(self) -> None:
        if self._decay:
            for mean, variable in zip(self._means, self._variables, strict=True):
                variable.assign(mean)


def _compiled_step(model: Any, optimizer: Any, teacher: Teacher | None) -> Any:
    watched = with_features(model)
    # Between the student's features and the teacher's; thrown away with the step.
    adapter = keras.layers.Conv2D(teacher.channels if teacher else 1, 1, name="adapter")
    adapter.build(watched.output[1].shape)
    variables = model.trainable_variables + (adapter.trainable_variables if teacher else [])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: Any, targets: Any, cares: Any, gappy: Any, taught: Any, features: Any, forgiven: Any) -> Any:
        with tf.GradientTape() as tape:
            found, felt = watched(images, training=True)
            loss = focal_loss(found[..., :-1], targets[..., :-1], cares[..., :-1], gappy, forgiven)
            loss += 3.0 * length_loss(found[..., -1], targets[..., -1], cares[..., -1])
            if teacher is not None:
                loss += taught_loss(found, taught) + FEATURES_WEIGH * feature_loss(adapter(felt), features, taught)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def training_crop(
    whole: Example, rng: np.random.Generator, settings: Settings, patches: Sequence[Patch]
) -> tuple[Example, npt.NDArray[np.uint8]]:
    """One crop at a distance drawn around the one where the counter counts, with pasted insects.

    Args:
      whole: a training photo.
      rng: the source of every choice.
      settings: the recipe's.
      patches: insects for photos of paper.

    Returns:
      The crop as it was photographed, and its picture as another phone would have taken it.
    """
    factor = settings.distances.draw(rng, is_by_catch=bool(whole.by_catch) and not whole.points)
    magnification = factor * counting_ratio(whole)
    crop = geometric_crop(whole, rng, magnification)
    is_paper = whole.is_gappy or bool(whole.by_catch)
    if patches and is_paper and rng.random() < settings.paste_share:
        chosen = [patches[int(rng.integers(len(patches)))] for _ in range(int(rng.integers(1, 9)))]
        length_px = magnification * (whole.scale_px or BY_CATCH_PX)
        crop = paste(crop, chosen, rng, length_px * (1.0 if whole.points else float(np.exp(rng.uniform(-0.6, 0.3)))))
    if is_paper and rng.random() < settings.litter_share:
        crop = littered(crop, rng, magnification * (whole.scale_px or BY_CATCH_PX))
    return crop, photographed_anew(crop.image, rng, settings.glare_share)


def batches(
    examples: Sequence[Example],
    steps: int,
    seed: int,
    odds: npt.NDArray[np.float64] | None,
    settings: Settings,
    patches: Sequence[Patch] = (),
    teacher: Teacher | None = None,
) -> Iterator[Batch]:
    """Makes what steps see.

    Args:
      examples: read anew at every draw: places found meanwhile take part.
      steps: how many batches.
      seed: of every choice.
      odds: of each example; equal when None.
      settings: the recipe's.
      patches: insects to paste.
      teacher: its lessons come along.
    """
    rng = np.random.default_rng(seed)
    species = len(examples[0].true_counts)
    for _ in range(steps):
        images, plain, targets, cares, gaps = [], [], [], [], []
        for index in rng.choice(len(examples), settings.batch, p=odds):
            whole = examples[index]
            crop, image = training_crop(whole, rng, settings, patches)
            target, care = target_maps(crop, GRID, species)
            care = with_gaps_silenced(whole, care, target)
            images.append(normalise(image))
            plain.append(normalise(crop.image))
            targets.append(target)
            gaps.append(gap_map(crop, care))
            cares.append(care)
        wanted = np.stack(targets)
        gappy = np.stack(gaps)
        taught, features = teacher.lesson(np.stack(plain)) if teacher else _no_lesson(wanted)
        taught[gappy == NO_MOTH] = 0  # where flies lie, the marks know better than any teacher
        yield Batch(np.stack(images), wanted, np.stack(cares), gappy, taught, features)


def _no_lesson(wanted: FloatArray) -> Lesson:
    return Lesson(np.zeros_like(wanted), np.zeros((*wanted.shape[:-1], 0), np.float32))


def _prefetched(made: Iterator[Batch], batch: int, teacher: Teacher | None) -> Any:
    """The batches, made two ahead by tf.data while the network trains."""
    maps = tf.TensorSpec((batch, GRID, GRID, OUTPUTS), tf.float32)
    images = tf.TensorSpec((batch, CROP_PX, CROP_PX, 3), tf.float32)
    gaps = tf.TensorSpec((batch, GRID, GRID), tf.float32)
    features = tf.TensorSpec((batch, GRID, GRID, teacher.channels if teacher else 0), tf.float32)
    signature = (images, maps, maps, gaps, maps, features)
    return tf.data.Dataset.from_generator(lambda: made, output_signature=signature).prefetch(2)


def place_counted(model: Any, example: Example, moth_px: float) -> Example:
    """Gives the unmarked moths of a counted photo the network's strongest peaks as places.

    Args:
      model: the network so far.
      example: returned as it is when every moth has a place.
      moth_px: length of a placed moth, and four times the least distance between two.

    Returns:
      The example with up to its count of points per species; never more.
    """
    if example.counts is None or len(example.points) >= sum(example.counts):
        return example
    height, width, _ = example.image.shape
    ratio = counting_ratio(example)
    size = (max(16, round(width * ratio)), max(16, round(height * ratio)))
    heat = heat_of(model, np.asarray(Image.fromarray(example.image).resize(size, Image.Resampling.BILINEAR)))
    points = list(example.points)
    for species, count in enumerate(example.counts):
        missing = count - sum(point.species == species for point in points)
        for _, peak_x_px, peak_y_px in sorted(_peaks_of(heat, species), reverse=True):
            x_px, y_px = peak_x_px / ratio, peak_y_px / ratio
            is_free = all(
                (x_px - p.x_px) ** 2 + (y_px - p.y_px) ** 2 > (moth_px / 4) ** 2 for p in points if p.species == species
            )
            if missing > 0 and is_free and x_px < width and y_px < height:
                points.append(Point(x_px, y_px, species, moth_px))
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
      (g, g', s + 1) uint8 in 256ths, like the int8 file's output.
    """
    height, width, _ = image.shape
    bottom, right = (-height % 16, -width % 16)
    framed = np.pad(image, ((0, bottom), (0, right), (0, 0)), constant_values=128)
    heat = np.asarray(model(normalise(framed)[None], training=False)[0])
    return np.minimum(heat * 256, 255).astype(np.uint8)
