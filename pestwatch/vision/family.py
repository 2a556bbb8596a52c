"""The family of three, one after another: `base` from ImageNet's weights, the others narrowed from it and taught by it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pestwatch.vision.dataset import (
    GNORAB,
    HELIAR,
    NOCTUID_LARGE,
    Example,
    helicoverpa_funnel,
    medfly_delta,
    tuta_delta,
)
from pestwatch.vision.encoder import FULL, load_imagenet_weights
from pestwatch.vision.model import build_counter, load_float, save_float, weights_path
from pestwatch.vision.narrow import narrow_encoder
from pestwatch.vision.paste import Patch, patches
from pestwatch.vision.recipe import Recipe, Settings
from pestwatch.vision.shape import FAMILY, Shape
from pestwatch.vision.teacher import Teacher
from pestwatch.vision.train import Check, Progress, fit, place_counted

# Moths of which a frame holds this many lie in heaps; heaps are few and hard.
HEAP = 50


@dataclass(frozen=True)
class Material:
    """What training draws from.

    Args:
      examples: training photos.
      weights: how often each is drawn, relative.
      patches: insects to paste onto paper.
    """

    examples: Sequence[Example]
    weights: Sequence[float]
    patches: Sequence[Patch]


def training_material(photos: Path, recipe: Recipe, leave_out: Collection[str] = ()) -> Material:
    """The training photos of the base line; only train splits are read.

    Args:
      photos: folder of the photo sets.
      recipe: its [data] section holds the shares.
      leave_out: traps, such as tuta/T1, phones or whole sets, such as medfly_delta, that this training must not see;
        for measuring what an unseen one costs.
    """
    share = recipe.data
    sets: tuple[tuple[str, list[Example], Callable[[Example], float]], ...] = (
        (
            "tuta_delta",
            tuta_delta(photos, "train"),
            lambda e: (
                share["noctuid_boost"] if e.true_counts[NOCTUID_LARGE] else 1.0 if e.points else share["blank_boost"]
            ),
        ),
        (
            "helicoverpa_funnel",
            helicoverpa_funnel(photos, "train"),
            lambda e: share["heap_boost"] if e.true_counts[HELIAR] >= HEAP else 1.0,
        ),
        ("plodia_funnel", helicoverpa_funnel(photos, "train_plodia"), lambda _: 1.0),
        ("medfly_delta", medfly_delta(photos, held_out=False), lambda _: 1.0),
    )
    examples: list[Example] = []
    weights: list[float] = []
    for name, found, weigh in sets:
        kept = [] if name in leave_out else [e for e in found if e.trap not in leave_out and e.phone not in leave_out]
        raw = [weigh(example) for example in kept]
        examples += kept
        weights += [share[name] * weight / sum(raw) for weight in raw]
    return Material(examples, weights, _mixed_patches(examples, recipe))


def _mixed_patches(examples: Sequence[Example], recipe: Recipe) -> list[Patch]:
    """Small moths, large ones and flies in the shares of the recipe; the few are drawn again and again."""
    found = patches([e for e in examples if e.is_gappy or e.by_catch], large=frozenset({NOCTUID_LARGE}))
    rng = np.random.default_rng(recipe.seed)
    mixed: list[Patch] = []
    for species, count in ((GNORAB, 600), (NOCTUID_LARGE, 250), (None, 560)):
        of_kind = [patch for patch in found if patch.species == species]
        if of_kind:
            mixed += [of_kind[int(place)] for place in rng.integers(len(of_kind), size=count)]
    return mixed


def start_narrow(base: Any, shape: Shape) -> Any:
    """A network of a smaller shape with the strongest channels of the base, its head random."""
    model = build_counter(shape)
    narrow_encoder(base, FULL, model, shape)
    return model


def placed_by(teacher: Any, material: Material, settings: Settings) -> Material:
    """Photos with a count but no places get the places that the teacher finds, once and for all."""
    return replace(
        material, examples=[place_counted(teacher, example, settings.counted_moth_px) for example in material.examples]
    )


def train_size(
    name: str,
    recipe: Recipe,
    material: Material,
    work: Path,
    progress: Progress | None = None,
    check: Check | None = None,
    steps: int | None = None,
) -> Path:
    """Trains one network of the family and leaves its weights in the work folder.

    Args:
      name: nano, small or base; the smaller two need the base's weights in `work`.
      recipe: of the base line.
      material: what to learn from.
      work: where <name>.weights.npz goes.
      progress: told every ten steps.
      check: shown the network every hundred steps.
      steps: instead of the recipe's rounds, for trying.

    Returns:
      The file of the weights.
    """
    plan = recipe.sizes[name]
    keras.utils.set_random_seed(recipe.seed)
    teacher = None
    if name == FULL.name:
        model = build_counter(FULL)
        load_imagenet_weights(model)
    else:
        base = load_float(FULL, weights_path(work, FULL.name))
        model = start_narrow(base, FAMILY[name])
        material = placed_by(base, material, recipe.settings)
        teacher = Teacher(base)
    done = 0
    for number, each in enumerate(plan.rounds if steps is None else (replace(plan.rounds[0], steps=steps),)):
        fit(
            model,
            material.examples,
            each.steps,
            recipe.seed + number,
            plan.train_from,
            progress=_from(done, progress),
            check=_from(done, check),
            weights=material.weights,
            settings=each.settings if teacher is None else replace(each.settings, place_every_steps=0),
            patches=material.patches,
            teacher=teacher,
        )
        done += each.steps
    work.mkdir(parents=True, exist_ok=True)
    path = weights_path(work, name)
    save_float(model, path)
    return path


def _from(done: int, tell: Callable[[int, Any], None] | None) -> Callable[[int, Any], None] | None:
    """The same listener, told of the steps of former rounds too."""
    return None if tell is None else lambda step, what: tell(done + step, what)
