"""How well and how fast the base in use counts. Claim: far better than guessing, at little more than the network's own time.

    python bench/count.py [--quick] [--photos DIR]

Prints one table per question and, on the last line, all figures as JSON. A guess is what the training photos hold on
average. Speed is a ratio to the bare network on the same tiles in the same run: milliseconds on this machine
say nothing about a phone.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from pestwatch.cli import current_base
from pestwatch.vision.dataset import Example, tuta_delta
from pestwatch.vision.evaluate import Metrics, measure
from pestwatch.vision.infer import Counter
from pestwatch.vision.preprocess import shrink, tiles
from pestwatch.vision.recipe import measuring_sets

TARGETS = {"val": "GNORAB", "test_trap": "GNORAB", "test_noctuid": "NOCTUID_LARGE", "funnel_val": "HELIAR"}


def counted(counter: Counter, examples: Sequence[Example]) -> Metrics:
    counts = [tuple(counter.count_image(example.image).counts.values()) for example in examples]
    return measure(counter.labels, examples, counts)


def accuracy(counter: Counter, sets: dict[str, Sequence[Example]], photos: Path) -> dict[str, Any]:
    found = {name: counted(counter, examples) for name, examples in sets.items()}
    print(f"{'set':13} {'species':14} photos insects    MAE   WAPE   bias     R2")
    for name, species in TARGETS.items():
        row = found[name].per_species[species]
        print(
            f"{name:13} {species:14} {row.n:6} {row.insects:7} {row.mae:6.2f} {row.wape:6.3f} {row.bias:6.2f} {row.r2:6.2f}"
        )
    false = {species: row.mae for species, row in found["by_catch"].per_species.items()}
    print("false moths per by-catch photo:", ", ".join(f"{rate:.2f} {species}" for species, rate in false.items()))
    usual = float(np.mean([example.true_counts[0] for example in tuta_delta(photos, "train")]))
    true = np.array([example.true_counts[0] for example in sets["test_trap"]])
    guess = float(np.abs(true - usual).sum() / true.sum())
    print(f"a guess of {usual:.0f} moths on every photo of test_trap: WAPE {guess:.3f}")
    return {
        "sets": {name: metrics.to_json()["per_species"] for name, metrics in found.items()},
        "false_moths_per_by_catch_photo": false,
        "guess_wape_test_trap": guess,
    }


def resized(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(image: np.ndarray) -> np.ndarray:
        size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))

    return change


CONDITIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda image: image,
    "half the light": lambda image: (image * 0.5).astype(np.uint8),
    "half the contrast": lambda image: (64 + image * 0.5).astype(np.uint8),
    "yellow light": lambda image: (image * np.array([1.0, 0.9, 0.6])).astype(np.uint8),
    "blur of 1 px": lambda image: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1))),
    "scale 0.7": resized(0.7),
    "scale 1.4": resized(1.4),
    "scale 2": resized(2.0),
}


def robustness(counter: Counter, examples: Sequence[Example]) -> dict[str, float]:
    print("test_trap under other conditions, WAPE of GNORAB")
    found = {}
    for name, change in CONDITIONS.items():
        changed = [
            replace(example, image=change(example.image), points=(), counts=example.true_counts) for example in examples
        ]
        found[name] = counted(counter, changed).per_species["GNORAB"].wape or 0.0
        print(f"  {name:18} {found[name]:.3f}")
    return found


def speed(counter: Counter, examples: Sequence[Example], rounds: int) -> dict[str, float]:
    """Interleaved rounds, minima, one thread."""
    whole, bare = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        for example in examples:
            counter.count_image(example.image)
        whole.append(time.perf_counter() - started)
        windows = [tile.pixels for example in examples for tile in tiles(shrink(example.image))]
        started = time.perf_counter()
        for pixels in windows:
            counter.heat(pixels)
        bare.append(time.perf_counter() - started)
    ratio = min(whole) / min(bare)
    per_photo = 1000 * min(whole) / len(examples)
    print(f"a photo takes {ratio:.2f} x the bare network ({per_photo:.1f} ms on this machine, one thread)")
    return {"ratio_to_bare_network": ratio, "ms_per_photo_here": per_photo}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, fewer conditions: under 60 seconds")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS"))
    arguments = parser.parse_args()
    if arguments.photos is None:
        print("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        print(json.dumps({"bench": "count", "skipped": "no photos"}))
        return
    photos = Path(arguments.photos)
    counter = Counter.from_release(current_base())
    sets = measuring_sets(photos)
    figures: dict[str, Any] = {"bench": "count", "model": counter.version, **accuracy(counter, sets, photos)}
    trap = list(sets["test_trap"])
    figures["conditions"] = robustness(counter, trap[:12] if arguments.quick else trap)
    figures["speed"] = speed(counter, trap[:12], 3 if arguments.quick else 20)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
