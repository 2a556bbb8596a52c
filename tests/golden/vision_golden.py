"""Makes the golden vectors that hold pestwatch/vision and field/src/count together.

    python tests/golden/vision_golden.py        writes preprocess.json and count.json
    python tests/golden/vision_golden.py --check  says whether they are fresh

Pictures are given by formulas in whole numbers, so that both languages draw the same bytes; photos are
the drawn ones in tests/golden/photos. Heat maps are those of XNNPACK on x86, the kernel of the default
interpreter: another kernel may differ by a few of 256 levels, its counts must not.
"""

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pestwatch.cli import current_base
from pestwatch.errors import Problem
from pestwatch.vision.gate import Light, Limits, judge, measure_light
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.preprocess import decode_photo, owns, shrink, shrunk_size, tile_offsets, tiles

HERE = Path(__file__).resolve().parent
FORMULAS = {
    "weave": "(7*x*x + 13*y + 3*x*y + 97*c) % 256",
    "slope": "((x + 2*y) >> 3) % 200 + 10*c",
    "dark": "(x + y + c) % 40",
    "flat": "128 + 0*(x + y + c)",
}
PICTURES = [
    ("weave", 1000, 700),
    ("weave", 1201, 1600),
    ("slope", 2000, 1500),
    ("weave", 961, 10),
    ("weave", 300, 200),
    ("slope", 700, 960),
    ("dark", 600, 400),
    ("flat", 520, 96),
]
SIZES = [(4160, 3120), (3120, 4160), (961, 961), (960, 1), (961, 1), (5000, 3), (1921, 1), (640, 480), (1280, 721)]
LENGTHS = [96, 511, 512, 513, 720, 959, 960]
OWNERS = [(512, 0, 511.0), (720, 0, 358.0), (720, 0, 362.0), (720, 208, 358.0), (720, 208, 360.0), (400, 0, 402.0)]
LIGHTS = [
    Light(120, 0, 1000, 300),
    Light(49, 0, 1000, 300),
    Light(24, 900, 1000, 0),
    Light(241, 10, 1000, 300),
    Light(248, 10, 1000, 300),
    Light(200, 501, 1000, 300),
    Light(120, 500, 1000, 7),
    Light(120, 0, 1000, 1),
]


def picture(formula: str, width: int, height: int) -> np.ndarray:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return eval(FORMULAS[formula], {"x": x, "y": y, "c": c}).astype(np.uint8)


def preprocess_vectors() -> dict:
    return {
        "formulas": FORMULAS,
        "shrunk_sizes": [[*size, *shrunk_size(*size)] for size in SIZES],
        "tile_offsets": [[length, tile_offsets(length)] for length in LENGTHS],
        "owns": [[*case, owns(*case)] for case in OWNERS],
        "pictures": [_picture_vector(*case) for case in PICTURES],
        "gate": [
            {"light": asdict(light), "limits": asdict(Limits()), **asdict(judge(light, Limits()))} for light in LIGHTS
        ],
    }


def _picture_vector(formula: str, width: int, height: int) -> dict:
    small = shrink(picture(formula, width, height))
    return {
        "formula": formula,
        "width": width,
        "height": height,
        "shrunk": [small.shape[1], small.shape[0]],
        "sha256": _sha256(small),
        "first_bytes": small.reshape(-1)[:12].tolist(),
        "light": asdict(measure_light(small)),
        "tiles": [{"x": tile.x_px, "y": tile.y_px, "sha256": _sha256(tile.pixels)} for tile in tiles(small)],
    }


def count_vectors() -> dict:
    counter = Counter.from_release(current_base())
    return {
        "kernel": "XNNPACK, x86-64, ai-edge-litert 2.3.0",
        "model": counter.version,
        "peaks": [_peak_vector(seed) for seed in range(4)],
        "photos": [_photo_vector(path, counter) for path in photo_files()],
    }


def photo_files() -> list[Path]:
    return [path for path in sorted((HERE / "photos").iterdir()) if path.suffix in {".png", ".jpg"}]


def _peak_vector(seed: int) -> dict:
    # Few levels, so that ties and plateaus are the rule.
    heat = (np.random.default_rng(seed).integers(0, 4, (8, 8, 2)) * 80).astype(np.uint8)
    threshold_q = [80, 160]
    return {
        "heat": heat.tolist(),
        "threshold_q": threshold_q,
        "found": [list(peak) for peak in find_peaks(heat, threshold_q)],
    }


def _photo_vector(path: Path, counter: Counter) -> dict:
    try:
        found = count_photo(path, counter).to_json()
    except Problem as problem:
        return {"photo": path.name, "problem": problem.number}
    small = shrink(decode_photo(path, path.name))
    heats = [_sha256(counter.heat(tile.pixels)) for tile in tiles(small)]
    return {"photo": path.name, "heat_sha256": heats} | {key: found[key] for key in ("counts", "marks", "gate")}


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def golden_files() -> dict[Path, str]:
    """What each file should hold."""
    vectors = {"preprocess.json": preprocess_vectors(), "count.json": count_vectors()}
    return {HERE / name: json.dumps(content, separators=(",", ":")) + "\n" for name, content in vectors.items()}


if __name__ == "__main__":
    for path, text in golden_files().items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.name} is not fresh: run python tests/golden/vision_golden.py")
