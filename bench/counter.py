"""How well and how fast the released counters count.

Claim: no phone-sized counter publishes an error as small on photos it never saw.

    python bench/counter.py [--quick] [--photos DIR] [--model DIR]

From the released int8 files, by the full picture rule, scale not told, on photos that training never saw: as they are,
at other sizes, in other light, as whole liners of 4 to 12 megapixels, in the funnel, on flies; float beside int8; what the
90 % interval holds; bytes, work and memory of each size; peers beside them; milliseconds beside the bare network. WAPE is
the sum of absolute errors / the sum of true counts; its 95 % interval is resampled by shot, for the crops of one shot are
alike. Truth is the recount (mobile_models/recounts), and beside it the boxes as published. Prints one table per question
with the aim where there is one, and all figures as JSON on the last line. Speed is a ratio to the bare network on one tile
in the same run: milliseconds on this machine say nothing about a phone.

Nothing may be chosen by the rows of test_trap: docs/test-trap.md says when they were looked at.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import brotli
import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.peers.compare import peers
from pestwatch.release.manifest import SIZES
from pestwatch.shelf import current_base, recount_file
from pestwatch.vision.dataset import Example, UInt8Image, tuta_delta
from pestwatch.vision.evaluate import measure
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.interval import coverage, interval
from pestwatch.vision.micronet import operations, score
from pestwatch.vision.montage import whole_liner
from pestwatch.vision.portrait import resized
from pestwatch.vision.preprocess import Sizes, tiles
from pestwatch.vision.recipe import measuring_sets
from pestwatch.vision.recount import read_recount, recounted
from pestwatch.vision.resample import mae, wape
from pestwatch.vision.shape import FAMILY, cost

ROWS = (
    ("val", "GNORAB", None),
    ("val_boxes", "GNORAB", None),
    ("test_trap", "GNORAB", 0.06),
    ("test_trap_boxes", "GNORAB", None),
    ("test_noctuid", "NOCTUID_LARGE", None),
    ("funnel_val", "HELIAR", None),
)
SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
LINERS = ((4, 1), (4, 2), (4, 4), (8, 2), (8, 4), (12, 2), (12, 4), (12, 6))
"""Megapixels, and how much longer than in the crops the moths are."""
AIM_LINER = 0.08

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


def shown(
    name: str, true: Sequence[int], counted: Sequence[int], shots: Sequence[str], aim: float | None = None
) -> Found:
    figure = wape(true, counted, shots)
    bias = (sum(counted) - sum(true)) / sum(true)
    low_high = f"{figure.low:.3f}-{figure.high:.3f}" if len(set(shots)) > 1 else "one shot"
    asked = "" if aim is None else f"  aim {aim}"
    print(f"  {name:38} {len(true):6} {sum(true):7}  {figure.value:.3f}  {low_high:12} {bias:+6.0%}{asked}", flush=True)
    return {
        "wape": round(figure.value, 4),
        "low": round(figure.low, 4),
        "high": round(figure.high, 4),
        "bias": round(bias, 4),
    }


def head(title: str) -> None:
    print(f"{title}\n  {'':38} photos insects   WAPE  95 %           bias")


def family(folder: Path) -> Found:
    """What each file of the release weighs and takes."""
    found: Found = {}
    print(f"  {'':6} {'bytes':>8} {'brotli':>8}  M MACs/tile  M MACs/512   peak kB  MicroNet")
    for name in (*SIZES, "gate"):
        path = folder / f"{name}.tflite"
        if not path.exists():
            continue
        content = path.read_bytes()
        took = operations(content)
        row: Found = {
            "bytes": len(content),
            "brotli": len(brotli.compress(content)),
            "macs": took.macs,
            "micronet": round(sum(score(took)), 4),
        }
        shape = FAMILY.get(name)
        if shape:
            by_shape = cost(shape, 4)
            row |= {"macs_512": cost(shape, 4, 512).macs, "peak_bytes": by_shape.peak_bytes, "tile_px": shape.tile_px}
        found[name] = row
        wide, peak = (
            f"{row[key] / per:.0f}" if key in row else "-" for key, per in (("macs_512", 1e6), ("peak_bytes", 1e3))
        )
        print(
            f"  {name:6} {row['bytes']:8,} {row['brotli']:8,}  {row['macs'] / 1e6:11.1f}  {wide:>10}  {peak:>8}"
            f"  {row['micronet']:8.4f}"
        )
    return found


def accuracy(counter: Counter, sets: Sets) -> Found:
    head(f"{counter.name}, as they are")
    found: Found = {}
    for name, species, aim in ROWS:
        true, counted, shots = counts_of(counter, sets[name], species)
        found[name] = shown(f"{name} {species}", true, counted, shots, aim)
        rows = measure(
            counter.labels, sets[name], [[c if s == species else 0 for s in counter.labels] for c in counted]
        )
        r2 = rows.per_species[species].r2
        found[name] |= {"r2": None if r2 is None else round(r2, 3), "mae": round(rows.per_species[species].mae, 3)}
    print("  R2:", ", ".join(f"{name} {row['r2']}" for name, row in found.items()), "(aim 0.95 on test_trap)")
    return found | funnel_and_flies(counter, sets)


def guess(sets: Sets, photos: Path) -> Found:
    usual = float(
        np.mean([example.true_counts[0] for example in tuta_delta(photos, "train") if example.true_counts[0]])
    )
    true_trap = np.array([example.true_counts[0] for example in sets["test_trap"]])
    error = round(float(np.abs(true_trap - usual).sum() / true_trap.sum()), 4)
    print(f"  a guess of {usual:.0f} moths on every photo of test_trap: WAPE {error:.3f}")
    return {"guess_test_trap": error}


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
            f"  funnel, {name} moths: MAE {figure.value:.2f} ({figure.low:.2f}-{figure.high:.2f}, by minute) on {len(kept)}"
            f" frames of moths that training saw; aim {aim}"
        )
    flies = sets["by_catch"]
    false = [sum(counter.count_image(example.image).counts.values()) for example in flies]
    figure = mae([0] * len(flies), false, [example.trap for example in flies])
    found["false_per_fly_tile"] = [round(part, 3) for part in figure]
    print(
        f"  fly tiles: {figure.value:.2f} moths counted per tile ({figure.low:.2f}-{figure.high:.2f}, by photo)"
        f" on {len(flies)}; aim 0.2"
    )
    return found


LIGHTS: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "half the light": lambda image: (image * 0.5).astype(np.uint8),
    "half the contrast": lambda image: (64 + image * 0.5).astype(np.uint8),
    "yellow light": lambda image: (image * np.array([1.0, 0.9, 0.6])).astype(np.uint8),
    "blur of 1 px": lambda image: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1))),
}


def changed(examples: Sequence[Example], change: Callable[[UInt8Image], UInt8Image]) -> list[Example]:
    return [replace(e, image=change(e.image), points=(), counts=e.true_counts) for e in examples]


def scales_and_light(counter: Counter, sets: Sets, every: int) -> Found:
    head(f"{counter.name}, at other sizes and in other light, GNORAB, recounted")
    found: Found = {}
    for name in ("val", "test_trap"):
        for factor in SCALES:
            examples = changed(sets[name][::every], partial(resized, factor=factor))
            found[f"{name} x{factor}"] = shown(f"{name} x{factor}", *counts_of(counter, examples, "GNORAB"))
    for name, change in LIGHTS.items():
        examples = changed(sets["test_trap"][::every], change)
        found[f"test_trap {name}"] = shown(f"test_trap {name}", *counts_of(counter, examples, "GNORAB"))
    return found


def liners(counter: Counter, crops: Sequence[Example], kinds: Sequence[tuple[int, int]], most: int) -> Found:
    """Each liner from the crops of one shot, moths 1 to 6 times as long; the counter is told neither."""
    head(f"{counter.name}, whole liners composed from test_trap, scale hidden, GNORAB, recounted")
    shots = sorted({crop.taken_at for crop in crops})[:most]
    found: Found = {}
    for megapixels, magnification in kinds:
        made = [
            whole_liner([crop for crop in crops if crop.taken_at == shot], megapixels, magnification, seed)
            for seed, shot in enumerate(shots)
        ]
        name = f"{megapixels} MP, moths {23 * magnification} px"
        found[f"{megapixels}mp x{magnification}"] = shown(name, *counts_of(counter, made, "GNORAB"), AIM_LINER)
    return found


def intervals(counter: Counter, sets: Sets) -> Found:
    """Set on val, tried on a trap that took no part."""
    q = counter.interval_q90[0] if counter.interval_q90 else None
    if q is None:
        return {}
    true, counted, shots = counts_of(counter, sets["test_trap"], "GNORAB")
    held = coverage(true, counted, q)
    outside = [int(not interval(b, q)[0] <= a <= interval(b, q)[1]) for a, b in zip(true, counted, strict=True)]
    figure = mae([0] * len(outside), outside, shots)
    low, high = 1 - figure.high, 1 - figure.low
    print(
        f"{counter.name}: 90 % interval set on val (q {q:.3f}) holds the truth on {held.share:.0%} ({low:.0%}-{high:.0%})"
        f" of {held.n} test_trap photos, {held.mean_width:.0f} moths wide at {np.mean(counted):.0f} counted"
    )
    return {
        "q90": q,
        "coverage": round(held.share, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "width": held.mean_width,
    }


def float_and_int8(counter: Counter, folder: Path, sets: Sets, every: int) -> Found:
    """The same photos through the float weights: how far counts move by rounding to int8."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from pestwatch.vision.float_counter import FloatCounter
    except ImportError:
        print("float beside int8: skipped, the train extra is not installed")
        return {}
    exact, moved, insects = FloatCounter(folder, "small"), 0, 0
    for name, species in (
        ("val", "GNORAB"),
        ("test_trap", "GNORAB"),
        ("test_noctuid", "NOCTUID_LARGE"),
        ("funnel_val", "HELIAR"),
    ):
        for example in sets[name][::every]:
            whole, rounded = (each.count_image(example.image).counts[species] for each in (exact, counter))
            moved += abs(whole - rounded)
            insects += whole
    print(f"small, float beside int8: counts differ by {moved / insects:.1%} of {insects} insects; aim 2 %")
    return {"int8_moved": round(moved / insects, 4), "insects": insects}


def speed(counter: Counter, crops: Sequence[Example], rounds: int) -> Found:
    """Interleaved rounds, minima, one thread."""
    file = io.BytesIO()
    Image.fromarray(whole_liner(crops, 12, 5, 0).image).save(file, "JPEG", quality=90)
    content, times = file.getvalue(), {"tile": [], "crop": [], "liner": []}  # type: ignore[var-annotated]
    tile = next(tiles(Sizes(crops[0].image).at(512), counter.tile_px, counter.overlap_px)).pixels
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
    print(
        f"{counter.name}: bare network on one {counter.tile_px} px tile, one thread {tile_ms:.1f} ms here (the yardstick);"
        f" a crop from pixels to count {crop_ms / tile_ms:.1f} tiles; a 12 MP liner from file to count {liner_ms:.0f} ms,"
        f" {liner_ms / tile_ms:.0f} tiles; aim 500 ms on a quiet machine"
    )
    return {
        "tile_ms_here": round(tile_ms, 2),
        "crop_ratio": round(crop_ms / tile_ms, 3),
        "liner_12mp_ms_here": round(liner_ms, 1),
        "liner_12mp_ratio": round(liner_ms / tile_ms, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small only, fewer photos and rounds: under 60 seconds")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS") or None)
    parser.add_argument("--model", type=Path, help="release or work folder; the base in use when not given")
    arguments = parser.parse_args()
    if arguments.photos is None:
        print("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        print(json.dumps({"bench": "counter", "skipped": "no photos"}))
        return
    started, is_quick, photos = time.perf_counter(), arguments.quick, Path(arguments.photos)
    folder = arguments.model or current_base()
    sizes = ["small"] if is_quick else [size for size in SIZES if (folder / f"{size}.tflite").exists()]
    counters = {size: Counter.from_release(folder, size=size) for size in sizes}
    small = counters["small"]
    readings = read_recount(recount_file())
    sets = measuring_sets(photos, readings)
    crops = recounted(tuta_delta(photos, "test_trap"), readings)
    one_shot = [crop for crop in crops if crop.taken_at == crops[0].taken_at]
    figures: Found = {"bench": "counter", "model": small.version, "quick": is_quick, "family": family(folder)}
    figures["as_they_are"] = {size: accuracy(counter, sets) for size, counter in counters.items()}
    figures |= guess(sets, photos)
    figures["changed"] = {
        size: scales_and_light(counter, sets, 8 if is_quick else 1) for size, counter in counters.items()
    }
    kinds, most = (LINERS[2:3], 2) if is_quick else (LINERS, 100)
    figures["liners"] = {size: liners(counter, crops, kinds, most) for size, counter in counters.items()}
    figures["interval"] = {size: intervals(counter, sets) for size, counter in counters.items()}
    figures["int8"] = float_and_int8(small, folder, sets, 10 if is_quick else 1)
    figures["speed"] = {size: speed(counter, one_shot, 3 if is_quick else 12) for size, counter in counters.items()}
    print("peers, trained on the same features and photos, told the scale:")
    figures["peers"] = [row._asdict() for row in peers(photos)]
    for row in figures["peers"]:
        print(
            "  "
            + ", ".join(
                f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
            )
        )
    figures["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
