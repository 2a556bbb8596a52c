"""What an unseen trap, phone or photo set costs: trainings that each leave one out, measured on what was left out.

    python bench/leave_out.py [--quick] [--photos DIR] [--steps 350]

Each training is `base`, from ImageNet's weights as the release's, with fewer steps (the others of the family need a teacher,
and the released one has seen what is left out here): the figures tell the cost of the unseen, not the error of the release. Traps
T2 (test_trap) and T4 (val) take part in no training anyway. The threshold comes from val, recounted; so T4's own figure is
picked on itself. The whole picture rule, scale not told, exported int8. Results lie in
mobile_models/recipes/leave_out.json, which --quick prints.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pestwatch.shelf import models_dir, recount_file

STORED = "leave_out.json"
OTHER_PHONE = "ASUS_X00TDB"


@dataclass(frozen=True)
class Left:
    """One training: what it must not see, and the photos that it is then measured on."""

    name: str
    leave_out: tuple[str, ...]
    photos: Mapping[str, Sequence[Any]]


def plans(photos: Path) -> list[Left]:
    from pestwatch.vision.dataset import medfly_delta, tuta_delta
    from pestwatch.vision.recount import read_recount, recounted

    readings = read_recount(recount_file())
    train = tuta_delta(photos, "train")
    seen, unseen = (recounted(tuta_delta(photos, split), readings) for split in ("val", "test_trap"))
    return [
        Left("nothing but T2 and T4", (), {"trap T2, recounted": unseen, "trap T4, recounted": seen}),
        Left("trap T1", ("tuta/T1",), {"trap T1, boxes": [e for e in train if e.trap == "tuta/T1"]}),
        Left("trap T3", ("tuta/T3",), {"trap T3, boxes": [e for e in train if e.trap == "tuta/T3"]}),
        Left(
            "the second phone",
            (OTHER_PHONE,),
            {
                f"{OTHER_PHONE}, T1 and T3, boxes": [e for e in train if e.phone == OTHER_PHONE],
                f"{OTHER_PHONE}, T2 and T4, recounted": [e for e in (*seen, *unseen) if e.phone == OTHER_PHONE],
            },
        ),
        Left(
            "the fly set",
            ("medfly_delta",),
            {"fly tiles": [*medfly_delta(photos, held_out=False), *medfly_delta(photos, held_out=True)]},
        ),
    ]


def measured(plan: Left, photos: Path, steps: int) -> list[dict[str, Any]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    from pestwatch.vision.dataset import tuta_delta
    from pestwatch.vision.encoder import FULL, load_imagenet_weights
    from pestwatch.vision.evaluate import measure_lengths, pick_threshold, scores_q
    from pestwatch.vision.family import training_material
    from pestwatch.vision.infer import Counter
    from pestwatch.vision.model import build_counter
    from pestwatch.vision.quantize import calibration_tiles, quantize
    from pestwatch.vision.recipe import read_recipe
    from pestwatch.vision.recount import read_recount, recounted
    from pestwatch.vision.resample import wape
    from pestwatch.vision.sidecar import make_sidecar
    from pestwatch.vision.train import fit

    recipe, shape = read_recipe(models_dir() / "recipes" / "base.toml"), FULL
    keras.utils.set_random_seed(recipe.seed)
    started = time.perf_counter()
    material = training_material(photos, recipe, plan.leave_out)
    model = build_counter(shape)
    load_imagenet_weights(model)
    settings = replace(recipe.settings, place_every_steps=max(1, steps // 4))
    fit(
        model,
        material.examples,
        steps,
        recipe.seed,
        recipe.sizes[shape.name].train_from,
        weights=material.weights,
        settings=settings,
        patches=material.patches,
    )
    tflite = quantize(model, shape, calibration_tiles(material.examples, recipe.calibration_tiles, shape.tile_px))
    described = partial(make_sidecar, "base", tflite, shape)
    unset = [(128, 0)] * 3
    codes = measure_lengths(tflite, described(unset, (128,) * 3, recipe.limits), material.examples)
    sidecar = described(unset, codes, recipe.limits)
    val = recounted(tuta_delta(photos, "val"), read_recount(recount_file()))
    found = [per_species[0] for per_species in scores_q(tflite, sidecar, val)]
    threshold = pick_threshold([example.true_counts[0] for example in val], found)
    counter = Counter(tflite, described([threshold] * 3, codes, recipe.limits))
    rows = []
    for name, examples in plan.photos.items():
        true = [example.true_counts[0] for example in examples]
        counted = [counter.count_image(example.image).counts["GNORAB"] for example in examples]
        row: dict[str, Any] = {"left_out": plan.name, "measured_on": name, "photos": len(examples), "moths": sum(true)}
        if sum(true):
            figure = wape(true, counted, [example.taken_at or example.trap for example in examples])
            bias = (sum(counted) - sum(true)) / sum(true)
            row |= {
                "wape": round(figure.value, 4),
                "low": round(figure.low, 4),
                "high": round(figure.high, 4),
                "bias": round(bias, 4),
            }
        else:
            row |= {"false_per_photo": round(float(np.mean(counted)), 3)}
        rows.append(row | {"threshold_q": threshold, "seconds": round(time.perf_counter() - started)})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="print what the last full run found")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS") or None)
    parser.add_argument("--steps", type=int, default=350)
    arguments = parser.parse_args()
    stored = models_dir() / "recipes" / STORED
    if arguments.quick and not stored.exists():
        print("Skipped: no full run was stored yet.")
        print(json.dumps({"bench": "leave_out", "skipped": "nothing stored"}))
        return
    if arguments.quick:
        rows = json.loads(stored.read_text(encoding="utf-8"))["rows"]
    elif arguments.photos is None:
        print("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        print(json.dumps({"bench": "leave_out", "skipped": "no photos"}))
        return
    else:
        photos = Path(arguments.photos)
        rows = [row for plan in plans(photos) for row in measured(plan, photos, arguments.steps)]
        stored.write_text(json.dumps({"steps": arguments.steps, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(f"{'left out':24} {'measured on':38} photos moths   WAPE  95 %          bias")
    for row in rows:
        figures = (
            f"{row['wape']:.3f}  {row['low']:.3f}-{row['high']:.3f} {row['bias']:+6.0%}"
            if "wape" in row
            else f"{row['false_per_photo']:.2f} moths counted per photo that has none"
        )
        print(f"{row['left_out']:24} {row['measured_on']:38} {row['photos']:6} {row['moths']:5}  {figures}")
    print(json.dumps({"bench": "leave_out", "rows": rows}))


if __name__ == "__main__":
    main()
