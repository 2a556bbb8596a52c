"""How well and how fast the base in use counts. Claim: it counts what no phone-sized counter publishes an error for.

    python bench/counter.py [--quick] [--photos DIR]

From the released int8 file, by the full picture rule, on photos that training never saw: as they are, at other sizes,
under other light, as whole liners of 4 to 12 megapixels. WAPE is the sum of absolute errors / the sum of true counts; its
95 % interval is resampled by shot, for the crops of one shot are alike. Prints one table per question, beside the
aim where there is one, and all figures as JSON on the last line. Speed is a ratio to the bare network on
one tile in the same run: milliseconds on this machine say nothing about a phone.
"""

import argparse
import io
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
from pestwatch.vision.evaluate import measure
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.interval import coverage, quantile, score
from pestwatch.vision.montage import whole_liner
from pestwatch.vision.preprocess import shrink, tiles
from pestwatch.vision.recipe import measuring_sets
from pestwatch.vision.resample import mae, wape

TARGETS = {"val": "GNORAB", "test_trap": "GNORAB", "test_noctuid": "NOCTUID_LARGE", "funnel_val": "HELIAR"}
SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
LINERS_MP = (4, 8, 12)
MAGNIFICATIONS = (1, 2, 4)
# The project's own aims; no peer publishes such figures.
AIM_WAPE = 0.08

Sets = dict[str, Sequence[Example]]
Found = dict[str, Any]


def counts_of(counter: Counter, examples: Sequence[Example], species: str) -> tuple[list[int], list[int], list[str]]:
    """True counts, counted ones, and the shot of each."""
    index = counter.labels.index(species)
    return (
        [example.true_counts[index] for example in examples],
        [counter.count_image(example.image).counts[species] for example in examples],
        [example.taken_at or example.trap for example in examples],
    )


def shown(name: str, true: Sequence[int], counted: Sequence[int], shots: Sequence[str]) -> Found:
    figure = wape(true, counted, shots)
    bias = (sum(counted) - sum(true)) / sum(true)
    low_high = f"{figure.low:.3f}-{figure.high:.3f}" if len(set(shots)) > 1 else "one shot"
    print(f"  {name:34} {len(true):6} {sum(true):7}  {figure.value:.3f}  {low_high:12} {bias:+6.0%}")
    return {
        "wape": round(figure.value, 4),
        "low": round(figure.low, 4),
        "high": round(figure.high, 4),
        "bias": round(bias, 4),
    }


def head(title: str) -> None:
    print(f"{title}\n  {'':34} photos insects   WAPE  95 %           bias")


def accuracy(counter: Counter, sets: Sets, photos: Path) -> Found:
    head("as they are")
    found: Found = {}
    for name, species in TARGETS.items():
        true, counted, shots = counts_of(counter, sets[name], species)
        found[name] = shown(f"{name} {species}", true, counted, shots)
        rows = measure(
            counter.labels, sets[name], [[c if s == species else 0 for s in counter.labels] for c in counted]
        )
        r2 = rows.per_species[species].r2
        found[name] |= {"r2": None if r2 is None else round(r2, 3), "mae": round(rows.per_species[species].mae, 3)}
    print("  R2:", ", ".join(f"{name} {row['r2']}" for name, row in found.items()))
    usual = float(np.mean([example.true_counts[0] for example in tuta_delta(photos, "train")]))
    true_trap = np.array([example.true_counts[0] for example in sets["test_trap"]])
    found["guess_test_trap"] = round(float(np.abs(true_trap - usual).sum() / true_trap.sum()), 4)
    print(f"  a guess of {usual:.0f} moths on every photo of test_trap: WAPE {found['guess_test_trap']:.3f}")
    return found


def funnel_and_flies(counter: Counter, sets: Sets) -> Found:
    """The funnel by count, and what is counted where there is no moth."""
    found: Found = {}
    frames = [replace(example, taken_at=example.taken_at[:12]) for example in sets["funnel_val"]]
    true, counted, minutes = counts_of(counter, frames, "HELIAR")
    for name, low, high, aim in (("10-20", 10, 20, 1.5), ("50", 50, 50, 6.0)):
        kept = [place for place, count in enumerate(true) if low <= count <= high]
        figure = mae(*([part[place] for place in kept] for part in (true, counted, minutes)))  # type: ignore[arg-type]
        found[f"funnel_mae_{name}"] = [round(part, 3) for part in figure]
        print(
            f"funnel, {name} moths: MAE {figure.value:.2f} ({figure.low:.2f}-{figure.high:.2f}, by minute) on {len(kept)}"
            f" frames of moths that training saw; aim {aim}"
        )
    flies = sets["by_catch"]
    false = [sum(counter.count_image(example.image).counts.values()) for example in flies]
    figure = mae([0] * len(flies), false, [example.trap for example in flies])
    found["false_per_fly_tile"] = [round(part, 3) for part in figure]
    print(
        f"fly tiles: {figure.value:.2f} moths counted per tile ({figure.low:.2f}-{figure.high:.2f}, by photo) on {len(flies)}; aim 0.2"
    )
    return found


def resized(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(image: np.ndarray) -> np.ndarray:
        size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))

    return change


LIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half the light": lambda image: (image * 0.5).astype(np.uint8),
    "half the contrast": lambda image: (64 + image * 0.5).astype(np.uint8),
    "yellow light": lambda image: (image * np.array([1.0, 0.9, 0.6])).astype(np.uint8),
    "blur of 1 px": lambda image: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1))),
}


def changed(examples: Sequence[Example], change: Callable[[np.ndarray], np.ndarray]) -> list[Example]:
    return [replace(e, image=change(e.image), points=(), counts=e.true_counts) for e in examples]


def scales_and_light(counter: Counter, sets: Sets, every: int) -> Found:
    head("at other sizes and under other light, GNORAB")
    found: Found = {}
    for name in ("val", "test_trap"):
        for factor in SCALES:
            examples = changed(sets[name][::every], resized(factor))
            found[f"{name} x{factor}"] = shown(f"{name} x{factor}", *counts_of(counter, examples, "GNORAB"))
    for name, change in LIGHTS.items():
        examples = changed(sets["test_trap"][::every], change)
        found[f"test_trap {name}"] = shown(f"test_trap {name}", *counts_of(counter, examples, "GNORAB"))
    return found


def liners(counter: Counter, crops: Sequence[Example], most: int) -> Found:
    """Each liner from the crops of one shot, moths 1, 2 or 4 times as long; the counter is told neither."""
    head(f"whole liners composed from test_trap, scale hidden, GNORAB; aim {AIM_WAPE}")
    shots = sorted({crop.taken_at for crop in crops})[:most]
    found: Found = {}
    for megapixels in LINERS_MP:
        for magnification in MAGNIFICATIONS:
            made = [
                whole_liner([crop for crop in crops if crop.taken_at == shot], megapixels, magnification, seed)
                for seed, shot in enumerate(shots)
            ]
            lengths = [point.length_px for crop in crops for point in crop.points]
            seen_px = float(np.median(lengths)) * magnification * 960 / max(made[0].image.shape)
            name = f"{megapixels} MP, moths x{magnification}, {seen_px:.0f} px seen"
            found[f"{megapixels}mp x{magnification}"] = shown(name, *counts_of(counter, made, "GNORAB"))
    return found


def intervals(counter: Counter, sets: Sets) -> Found:
    """Set on val, tried on a trap that took no part."""
    true, counted, _ = counts_of(counter, sets["val"], "GNORAB")
    q = quantile([score(a, b) for a, b in zip(true, counted, strict=True)])
    if q is None:
        return {}
    true, counted, shots = counts_of(counter, sets["test_trap"], "GNORAB")
    held = coverage(true, counted, q)
    outside = [int(coverage([a], [b], q).share < 1) for a, b in zip(true, counted, strict=True)]
    figure = mae([0] * len(outside), outside, shots)
    low, high = 1 - figure.high, 1 - figure.low
    print(
        f"90 % interval set on val (q {q:.3f}): holds the truth on {held.share:.0%} ({low:.0%}-{high:.0%}) of {held.n} test_trap"
        f" photos, {held.mean_width:.0f} moths wide at {np.mean(counted):.0f} counted"
    )
    return {
        "q90": q,
        "coverage": round(held.share, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "width": held.mean_width,
    }


def speed(counter: Counter, crops: Sequence[Example], rounds: int) -> Found:
    """Interleaved rounds, minima, one thread."""
    file = io.BytesIO()
    Image.fromarray(whole_liner(crops, 12, 4, 0).image).save(file, "JPEG", quality=90)
    content, times = file.getvalue(), {"tile": [], "crop": [], "liner": []}  # type: ignore[var-annotated]
    tile = next(tiles(shrink(crops[0].image))).pixels
    steps: dict[str, Callable[[], object]] = {
        "tile": lambda: counter.heat(tile),
        "crop": lambda: counter.count_image(crops[0].image),
        "liner": lambda: count_photo(content, counter),
    }
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - started))
    tile_ms, crop_ms, liner_ms = (min(times[name]) for name in steps)
    print(f"bare network, one 512 px tile, one thread: {tile_ms:.1f} ms here (the yardstick)")
    print(f"a crop from pixels to count: {crop_ms:.1f} ms, {crop_ms / tile_ms:.2f} tiles")
    print(
        f"a 12 MP liner from file to count: {liner_ms:.0f} ms, {liner_ms / tile_ms:.1f} tiles; aim 500 ms on a quiet machine"
    )
    return {
        "tile_ms_here": round(tile_ms, 2),
        "crop_ratio": round(crop_ms / tile_ms, 3),
        "liner_12mp_ms_here": round(liner_ms, 1),
        "liner_12mp_ratio": round(liner_ms / tile_ms, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer photos and rounds: under 60 seconds")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS") or None)
    arguments = parser.parse_args()
    if arguments.photos is None:
        print("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        print(json.dumps({"bench": "counter", "skipped": "no photos"}))
        return
    started, is_quick, photos = time.perf_counter(), arguments.quick, Path(arguments.photos)
    counter = Counter.from_release(current_base())
    sets = measuring_sets(photos)
    crops = sets["test_trap"]
    one_shot = [crop for crop in crops if crop.taken_at == crops[0].taken_at]
    figures: Found = {
        "bench": "counter",
        "model": counter.version,
        "quick": is_quick,
        "as_they_are": accuracy(counter, sets, photos),
        **funnel_and_flies(counter, sets),
        "interval": intervals(counter, sets),
        "changed": scales_and_light(counter, sets, 4 if is_quick else 1),
        "liners": liners(counter, crops, 2 if is_quick else 100),
        "speed": speed(counter, one_shot, 3 if is_quick else 12),
    }
    figures["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
