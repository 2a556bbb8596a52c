"""Which way of narrowing gives the best `small`: a short search under hard limits, and its Pareto front.

    python bench/search.py [--quick] [--photos DIR] [--work build/base] [--candidates 8] [--steps 200]

Draws ways to narrow `base` (shape.Compound) at random, throws away those over a limit of bytes, multiply-accumulates or
peak activation memory, and trains what is left for a short while: narrowed from the trained base, taught by it, same
crops, same seed. Judged by the mean of the errors on `val` (GNORAB, recounted) and on the funnel's `val` (HELIAR) at the scale of
their labels, float network, best thresholds of its own: good for an order, too kind for a figure. The winner's Compound is written into shape.py by hand; results lie in
mobile_models/recipes/search.json, which --quick prints.

Source: Fedorov et al. 2019, arXiv 1905.12107 (SpArSe: search under hard limits, report the front).
"""

import argparse
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pestwatch.shelf import models_dir, recount_file
from pestwatch.vision.shape import FAMILY, STEP, Compound, Cost, Shape, cost, scaled

# A file shrinks to four fifths in brotli, and 160 kB of that may travel.
MOST_BYTES = 195_000
MOST_MACS = 400_000_000
MOST_PEAK_BYTES = 4_300_000
# Two such steps make `nano`, which has limits of its own.
NANO_MOST_BYTES = 100_000
NANO_MOST_PEAK_BYTES = 256_000
# Bytes per weight of an exported file, scales and operators included: what `small` came to.
BYTES_PER_WEIGHT = 1.5
OUTPUTS = 4
CHOICES: dict[str, tuple[float, ...]] = {
    "stream": (0.6, 0.75, 1.0),
    "fine": (0.25, 0.34, 0.45),
    "middle": (0.4, 0.5, 0.65, 0.8),
    "coarse": (0.7, 0.85, 1.0),
    "head": (0.5, 0.67, 0.84, 1.0),
    "blocks": (0, 1),
}


def candidates(count: int, seed: int) -> list[tuple[Compound, Shape, Cost]]:
    """The family's present way first, then others within the limits that use at least four fifths of the work allowed."""
    rng = np.random.default_rng(seed)
    small = FAMILY["small"]
    found = {str(small): (STEP, small, cost(small, OUTPUTS))}
    while len(found) < count:
        drawn = {name: rng.choice(values).item() for name, values in CHOICES.items()}
        step = Compound(**(drawn | {"blocks": int(drawn["blocks"])}))
        shape = scaled("small", -1, step)
        took = cost(shape, OUTPUTS)
        nano = cost(scaled("nano", -2, step, tile_px=FAMILY["nano"].tile_px), OUTPUTS)
        fits = (
            took.weights * BYTES_PER_WEIGHT <= MOST_BYTES
            and took.peak_bytes <= MOST_PEAK_BYTES
            and nano.weights * BYTES_PER_WEIGHT <= NANO_MOST_BYTES
            and nano.peak_bytes <= NANO_MOST_PEAK_BYTES
        )
        if fits and 0.8 * MOST_MACS <= took.macs <= MOST_MACS:
            found[str(shape)] = (step, shape, took)
    return list(found.values())


def front(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that no other beats in error, bytes, work and memory at once."""
    keys = ("error", "bytes", "macs", "peak_bytes")

    def beaten(row: dict[str, Any]) -> bool:
        return any(
            all(other[key] <= row[key] for key in keys) and any(other[key] < row[key] for key in keys) for other in rows
        )

    return sorted((row for row in rows if not beaten(row)), key=lambda row: float(row["error"]))


def search(photos: Path, work: Path, count: int, steps: int, seed: int) -> list[dict[str, Any]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    from pestwatch.vision.dataset import GNORAB, HELIAR, helicoverpa_funnel, tuta_delta
    from pestwatch.vision.encoder import FULL
    from pestwatch.vision.family import placed_by, start_narrow, training_material
    from pestwatch.vision.glance import glance, judging_set
    from pestwatch.vision.model import load_float, weights_path
    from pestwatch.vision.recipe import read_recipe
    from pestwatch.vision.recount import read_recount, recounted
    from pestwatch.vision.teacher import Teacher
    from pestwatch.vision.train import batches, learn

    recipe = read_recipe(models_dir() / "recipes" / "base.toml")
    base = load_float(FULL, weights_path(work, FULL.name))
    teacher = Teacher(base)
    material = placed_by(base, training_material(photos, recipe), recipe.settings)
    settings = replace(recipe.settings, place_every_steps=0)
    readings = read_recount(recount_file())
    liners = judging_set(recounted(tuta_delta(photos, "val"), readings), GNORAB)
    funnels = judging_set(helicoverpa_funnel(photos, "val"), HELIAR)
    odds = np.asarray(material.weights) / np.sum(material.weights)
    # Made once: every candidate sees the very same crops, with the same answers of the teacher.
    made = list(batches(material.examples, steps, seed, odds, settings, material.patches, teacher))
    rows = []
    for step, shape, took in candidates(count, seed):
        keras.utils.set_random_seed(seed)
        model = start_narrow(base, shape)
        started = time.perf_counter()
        learn(model, made, steps, 0, settings, teacher)
        seconds = time.perf_counter() - started
        errors = glance(model, liners, GNORAB), glance(model, funnels, HELIAR)
        rows.append(
            {
                "step": asdict(step),
                "error": round(float(np.mean(errors)), 4),
                "val_wape": round(errors[0], 4),
                "funnel_wape": round(errors[1], 4),
                "bytes": round(took.weights * BYTES_PER_WEIGHT),
                "macs": took.macs,
                "peak_bytes": took.peak_bytes,
                "seconds": round(seconds),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="print what the last full search found")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS") or None)
    parser.add_argument("--work", type=Path, default=Path("build/base"), help="where base.weights.npz lies")
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=8)
    arguments = parser.parse_args()
    stored = models_dir() / "recipes" / "search.json"
    if arguments.quick and not stored.exists():
        print("Skipped: no full run was stored yet.")
        print(json.dumps({"bench": "search", "skipped": "nothing stored"}))
        return
    if arguments.quick:
        rows = json.loads(stored.read_text(encoding="utf-8"))["rows"]
    elif arguments.photos is None:
        print("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        print(json.dumps({"bench": "search", "skipped": "no photos"}))
        return
    else:
        rows = search(Path(arguments.photos), arguments.work, arguments.candidates, arguments.steps, arguments.seed)
        limits = {"bytes": MOST_BYTES, "macs": MOST_MACS, "peak_bytes": MOST_PEAK_BYTES}
        found = {"limits": limits, "steps": arguments.steps, "seed": arguments.seed, "rows": rows}
        stored.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{'error':>6} {'val':>6} {'funnel':>6} {'kB':>5} {'M MACs':>6} {'peak kB':>7}  front  step")
    best = front(rows)
    for row in sorted(rows, key=lambda row: float(row["error"])):
        mark = "*" if row in best else " "
        print(
            f"{row['error']:6.3f} {row['val_wape']:6.3f} {row['funnel_wape']:6.3f} {row['bytes'] / 1000:5.0f} {row['macs'] / 1e6:6.0f}"
            f" {row['peak_bytes'] / 1000:7.0f}  {mark:5}  {row['step']}"
        )
    print(json.dumps({"bench": "search", "candidates": len(rows), "front": len(best), "best": best[0]}))


if __name__ == "__main__":
    main()
