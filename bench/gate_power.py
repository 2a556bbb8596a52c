"""How often does the retraining gate let a candidate pass, that in truth is better, equal or worse?

    python bench/gate_power.py [--quick]

Simulated hold-outs go through the gate's own code. Insects per photo are negative-binomial with mean 8; both models' errors
grow with the root of the count and with a trap effect (log-normal, 0.35), and are correlated 0.6 on a photo.
The ratio that the gate is for: passes of a 20 % better model to passes of a 10 % worse one, with 30 photos of 10 traps.
"""

import json
import sys
from pathlib import Path

import msgspec
import numpy as np

from pestwatch.retraining.gate import Paired, judge_region
from pestwatch.retraining.job import GatePlan, Recipe

RECIPE = Path(__file__).parents[1] / "mobile_models" / "recipes" / "region.toml"
HOLD_OUTS = ((30, 10), (100, 20), (400, 80))
RATIOS = (0.8, 0.9, 1.0, 1.1, 1.2)
CORRELATION = 0.6


def hold_out(rng: np.random.Generator, photos: int, traps: int, ratio: float) -> Paired:
    of_trap = np.arange(photos) % traps
    scale = np.exp(rng.normal(0, 0.35, traps))[of_trap] * np.sqrt(1 + rng.negative_binomial(2, 0.2, photos))
    shared, alone, other = rng.normal(0, 1, (3, photos))
    candidate = CORRELATION * shared + np.sqrt(1 - CORRELATION**2) * other
    current = CORRELATION * shared + np.sqrt(1 - CORRELATION**2) * alone
    of_current, of_candidate = (
        np.round(np.abs(noise) * scale * factor).tolist() for noise, factor in ((current, 1), (candidate, ratio))
    )
    return Paired(of_current, of_candidate, [str(trap) for trap in of_trap])


def share_passed(plan: GatePlan, photos: int, traps: int, ratio: float, runs: int) -> float:
    rng = np.random.default_rng(20261125)
    passed = [judge_region(hold_out(rng, photos, traps, ratio), plan, seed).passed for seed in range(runs)]
    return float(np.mean(passed))


if __name__ == "__main__":
    runs = 100 if "--quick" in sys.argv else 1000
    recipe = msgspec.toml.decode(RECIPE.read_bytes(), type=Recipe)
    plan = msgspec.structs.replace(recipe.gate, resamples=500)
    print(f"{'photos (traps)':16}" + "".join(f"{f'error x {ratio}':>13}" for ratio in RATIOS))
    table = {}
    for photos, traps in HOLD_OUTS:
        row = [share_passed(plan, photos, traps, ratio, runs) for ratio in RATIOS]
        table[photos] = row
        print(f"{f'{photos} ({traps})':16}" + "".join(f"{share:>12.0%} " for share in row))
    better, worse = table[30][0], table[30][3]
    found = {"passed": {str(photos): row for photos, row in table.items()}, "ratios": RATIOS, "runs": runs}
    print(json.dumps(found | {"better_20_to_worse_10": round(better / max(worse, 1 / runs), 1)}))
