"""What the steps that make a base leave in a work folder, and how a release comes from it.

`train`, `quantize` and `evaluate` hand their results on here: weights, files, sidecars, figures, pictures of the card.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CardFacts
from pestwatch.release.manifest import GATE_NAME, GATE_SIDECAR_NAME, GOLDEN_NAME, WEIGHTS_NAME, Size

METRICS_NAME = "metrics.json"
LICENCE = "Apache-2.0; trained on MIT-licensed photos from ImageNet weights, see MODEL_CARD.md"


def describe_models(work: Path, sizes: Sequence[str], photos: Path, plan: Any, readings: Any) -> None:
    """Measures what each model answers about lengths, picks thresholds, sets intervals, and leaves its sidecar beside it.

    Args:
      work: holds <size>.tflite.
      sizes: of the family.
      photos: folder of the photo sets.
      plan: the recipe.
      readings: the recount of the measuring photos.
    """
    from pestwatch.vision.evaluate import calibrate, measure_lengths, pick_thresholds
    from pestwatch.vision.family import training_material
    from pestwatch.vision.recipe import interval_sets, threshold_sets
    from pestwatch.vision.shape import FAMILY
    from pestwatch.vision.sidecar import make_sidecar, sidecar_bytes

    taught = training_material(photos, plan).examples
    picked_on = threshold_sets(photos, readings, plan.seed)
    for size in sizes:
        tflite, shape = (work / f"{size}.tflite").read_bytes(), FAMILY[size]
        described = partial(make_sidecar, "base", tflite, shape)
        unset = [(128, 0)] * 3
        codes = measure_lengths(tflite, described(unset, (128,) * 3, plan.limits), taught)
        thresholds = pick_thresholds(tflite, described(unset, codes, plan.limits), picked_on)
        reaches = calibrate(tflite, described(thresholds, codes, plan.limits), interval_sets(photos, readings))
        sidecar = described(thresholds, codes, plan.limits, reaches)
        (work / f"{size}.json").write_bytes(sidecar_bytes(sidecar))


def keep_metrics(work: Path, size: str, figures: Any) -> None:
    """Puts one size's figures into metrics.json, beside those of the others."""
    path = work / METRICS_NAME
    table = _json(path) if path.exists() else {}
    path.write_text(json.dumps(table | {size: figures}, indent=1) + "\n", encoding="utf-8")


def draw_card(work: Path, sets: Any) -> list[Path]:
    """Draws the pictures of the model card, of the counter that phones use; returns the files."""
    from pestwatch.vision.infer import Counter
    from pestwatch.vision.pictures import write_pictures
    from pestwatch.vision.portrait import portrait

    return write_pictures(work, portrait(Counter.from_release(work), sets))


def candidate(work: Path, version: str, sizes: Sequence[Size], words: Mapping[str, Any]) -> Candidate:
    """Collects what lies in a work folder: every measured size, the gate when there is one, figures and pictures.

    Args:
      work: the folder.
      version: of the release.
      sizes: of which a sidecar lies there.
      words: [card] of the recipe.

    Raises:
      Problem 422.20: the weights of `small` or the figures are missing.
    """
    from pestwatch.vision.gate import PhotoGate
    from pestwatch.vision.golden import draw_golden
    from pestwatch.vision.infer import Counter, count_photo
    from pestwatch.vision.sidecar import released, sidecar_bytes

    missing = [name for name in (WEIGHTS_NAME, METRICS_NAME) if not (work / name).exists()]
    if missing:
        raise Problem("422.20", name=str(work), detail=f"it lacks {', '.join(missing)}")
    models = {size: _described(work, size, version) for size in sizes}
    golden = draw_golden(list(models.values()), PhotoGate.from_release(work))
    files: dict[str, bytes] = {}
    if (work / GATE_NAME).exists():
        gate = (work / GATE_NAME).read_bytes()
        files[GATE_NAME] = gate
        files[GATE_SIDECAR_NAME] = sidecar_bytes(released(_json(work / GATE_SIDECAR_NAME), version, gate))
    for size, (tflite, sidecar) in models.items():
        files |= {f"{size}.tflite": tflite, f"{size}.json": sidecar_bytes(sidecar)}
    files |= {GOLDEN_NAME: golden, WEIGHTS_NAME: (work / WEIGHTS_NAME).read_bytes()}
    files |= {path.name: path.read_bytes() for path in sorted(work.glob("card-*.png"))}
    return Candidate(
        files=files,
        golden_counts={
            size: count_photo(golden, Counter(*model), GOLDEN_NAME).counts for size, model in models.items()
        },
        metrics=_json(work / METRICS_NAME),
        facts=CardFacts(
            summary=words["summary"].strip(),
            trained_on=tuple(words["trained_on"]),
            limits=tuple(words["limits"]),
            origin=tuple(words["origin"]),
            pictures=words.get("pictures", {}),
        ),
    )


def _described(work: Path, size: str, version: str) -> tuple[bytes, dict[str, Any]]:
    """A measured model with its metadata written into it, and its sidecar for a release."""
    from pestwatch.vision.metadata import write_metadata
    from pestwatch.vision.sidecar import released

    sidecar = _json(work / f"{size}.json")
    tflite = write_metadata(
        (work / f"{size}.tflite").read_bytes(),
        version=version,
        labels=sidecar["labels"],
        author="pestwatch",
        licence=LICENCE,
    )
    return tflite, released(sidecar, version, tflite)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
