"""How well the photo gate tells bad photos from good ones. Claim: AUROC 0.99, 95 % of the junk found, 98 % of good photos passed.

    python bench/photo_gate.py [--quick] [--photos DIR] [--junk DIR] [--gate DIR]

Good photos are of traps, junk is of sources, that took no part in teaching or choosing (recipe gate.toml, docs/photo-gate.md). First
the trap photos as they are, then shots made of them in every kind. A good photo passes when nothing is said against it; junk
is found when anything is, and "rejected" when it would not be counted. Published gates: AUROC 0.97, recall 0.60-0.87.
Prints a table, and all figures as JSON on the last line.
"""

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pestwatch.cli import current_base, models_dir
from pestwatch.vision.dataset import Example, UInt8Image, helicoverpa_funnel, medfly_delta, tuta_delta
from pestwatch.vision.gate import REASONS, Gate, PhotoGate, gate_tile, judge_light, judge_scores, light_of, worse
from pestwatch.vision.gate_recipe import GateRecipe, held_out_traps
from pestwatch.vision.gate_shots import GOOD, Shot, shots, whole_liners
from pestwatch.vision.junk import junk_pictures
from pestwatch.vision.preprocess import Sizes

SEED = 20261125
LIGHT_SUSPICION = 6.0
"""In logits beyond a threshold; where the light speaks there is nothing to weigh."""
SHOTS, QUICK_SHOTS = 1200, 240


@dataclass(frozen=True)
class Judged:
    """One photo, the verdict, and how bad it seems: above 0 it is doubtful."""

    kind: str
    source: str
    gate: Gate
    is_light: bool
    suspicion: float


def judged(gate: PhotoGate, shot: Shot) -> Judged:
    sizes = Sizes(shot.image)
    light = judge_light(light_of(sizes), gate.limits)
    scores_q = gate.scores_q(gate_tile(sizes))
    suspicion = float(np.max(logit(scores_q) - logit(gate.threshold_q)))
    is_light = light.verdict != "good"
    if is_light:
        suspicion = max(suspicion, LIGHT_SUSPICION)
    verdict = worse(light, judge_scores(scores_q, gate.threshold_q, gate.reject_q))
    return Judged(shot.kind, shot.source, verdict, is_light, suspicion)


def logit(score_q: Sequence[int]) -> np.ndarray:
    share = (np.asarray(score_q) + 0.5) / 257
    return np.log(share / (1 - share))


def auroc(good: Sequence[float], bad: Sequence[float]) -> float:
    """How often a bad photo seems worse than a good one; ties count half."""
    pairs = np.subtract.outer(np.array(bad), np.array(good))
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def share(judgements: Iterable[bool]) -> float:
    return round(float(np.mean(list(judgements))), 4)


def as_they_are(gate: PhotoGate, photos: Path, every: int) -> dict[str, Any]:
    """The held-out trap photos themselves, and whole liners of 4 megapixels made of them."""
    sets: dict[str, Sequence[Example]] = {
        "liner of another trap (test_trap)": tuta_delta(photos, "test_trap"),
        "liner with noctuids (test_noctuid)": tuta_delta(photos, "test_noctuid"),
        "frames of the funnel (val)": helicoverpa_funnel(photos, "val"),
        "liners with flies only, other photos": medfly_delta(photos, held_out=True),
    }
    crops = sets["liner of another trap (test_trap)"]
    sets["whole liners, 4 MP, crops x 2"] = whole_liners(crops, SEED, [2.0])
    sets["whole liners, 4 MP, one crop x 4"] = whole_liners(crops, SEED, [4.0])
    found = {}
    print(f"{'good photos as they are':40} photos  passed  rejected")
    for name, examples in sets.items():
        verdicts = [gate.judge(Sizes(example.image)).verdict for example in examples[::every]]
        found[name] = [len(verdicts), share(v == "good" for v in verdicts), share(v == "rejected" for v in verdicts)]
        print(f"  {name:38} {len(verdicts):6}  {found[name][1]:6.3f}  {found[name][2]:8.3f}")
    return found


def by_kind(rows: Sequence[Judged]) -> dict[str, Any]:
    good = [row.suspicion for row in rows if row.kind == GOOD]
    found: dict[str, Any] = {}
    print(f"{'made of held-out traps and junk':40} photos   found  rejected  right reason  light alone  AUROC")
    for kind, source in sorted({(row.kind, source) for row in rows for source in (row.source, "all")}):
        of = [row for row in rows if row.kind == kind and source in (row.source, "all")]
        if not of:
            continue
        row = {
            "photos": len(of),
            "found": share(r.gate.verdict != "good" for r in of),
            "rejected": share(r.gate.verdict == "rejected" for r in of),
            "right_reason": share(r.gate.reason == kind for r in of),
            "light_alone": share(r.is_light for r in of),
            "auroc": None if kind == GOOD else round(auroc(good, [r.suspicion for r in of]), 4),
        }
        found[f"{kind}/{source}"] = row
        shown = "    -" if row["auroc"] is None else f"{row['auroc']:.3f}"
        print(
            f"  {kind:12} {source:25} {row['photos']:6}  {row['found']:6.3f}  {row['rejected']:8.3f}"
            f"  {row['right_reason']:12.3f}  {row['light_alone']:11.3f}  {shown}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the photos")
    parser.add_argument("--photos", type=Path, default=os.environ.get("PESTWATCH_PHOTOS") or None)
    parser.add_argument("--junk", type=Path, default=os.environ.get("PESTWATCH_JUNK") or None)
    parser.add_argument(
        "--gate", type=Path, help="folder with gate.tflite and gate.json; the base in use when not given"
    )
    options = parser.parse_args()
    if not options.photos or not options.junk:
        print("Skipped: this needs the trap photo sets (--photos) and pictures without a trap (--junk).")
        return
    gate = PhotoGate.from_release(options.gate or current_base())
    if gate is None:
        print("Skipped: the base in use holds no photo gate.")
        return
    recipe = GateRecipe.read(models_dir() / "recipes" / "gate.toml")
    found = {"as_they_are": as_they_are(gate, options.photos, every=8 if options.quick else 1)}
    pictures: list[UInt8Image] = junk_pictures(options.junk, recipe.held_out, SEED)
    made = shots(held_out_traps(options.photos), pictures, QUICK_SHOTS if options.quick else SHOTS, SEED)
    rows = [judged(gate, shot) for shot in made]
    found["by_kind"] = by_kind(rows)
    good = [row for row in rows if row.kind == GOOD]
    bad = [row for row in rows if row.kind != GOOD]
    found["all"] = {
        "junk_pictures": len(pictures),
        "auroc": round(auroc([row.suspicion for row in good], [row.suspicion for row in bad]), 4),
        "recall": share(row.gate.verdict != "good" for row in bad),
        "recall_worst_reason": min(found["by_kind"][f"{reason}/all"]["found"] for reason in REASONS),
        "passed": share(row.gate.verdict == "good" for row in good),
        "good_rejected": share(row.gate.verdict == "rejected" for row in good),
    }
    print("all:", ", ".join(f"{name} {value}" for name, value in found["all"].items()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
