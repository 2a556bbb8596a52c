"""Makes the golden vectors that hold pestwatch/vision and field/src/count together.

    python tests/golden/vision_golden.py        writes preprocess.json, gate.json and count.json
    python tests/golden/vision_golden.py --check  says whether they are fresh

Pictures are given by formulas in whole numbers, so that both languages draw the same bytes; photos are
the drawn ones in tests/golden/photos, counted by the base release in use. Heat maps are those of XNNPACK on x86, the
kernel of the default interpreter: another kernel may differ by a few of 256 levels, its counts must not.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pestwatch.cli import current_base
from pestwatch.errors import Problem
from pestwatch.vision.gate import LIGHT_SIDE_PX, REASONS, PhotoGate, judge_light, judge_scores
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.interval import interval
from pestwatch.vision.light import Light, Limits, measure_light
from pestwatch.vision.look import SIDES_PX, STEP_CODE, Seen, look
from pestwatch.vision.peaks import Placed, each_once, find_peaks
from pestwatch.vision.preprocess import Sizes, owned, tile_offsets, tiles
from pestwatch.vision.threshold import photo_threshold

HERE = Path(__file__).resolve().parent
FORMULAS = {
    "weave": "(7*x*x + 13*y + 3*x*y + 97*c) % 256",
    "slope": "((x + 2*y) >> 3) % 200 + 10*c",
    "dark": "(x + y + c) % 40",
    "dim": "(x + y + c) % 80",
    "flat": "128 + 0*(x + y + c)",
    "white": "255 + 0*(x + y + c)",
}
# What is drawn, how large, and the long sides at which it is asked for: in this order, for halves are kept.
PICTURES = [
    ("weave", 1000, 700, (512, 128, 1024, 1000, 1722)),
    ("weave", 1201, 1600, (304, 512, 1448, 2435)),
    ("slope", 2000, 1500, (512, 861, 1024)),
    ("weave", 961, 10, (512, 128, 1218)),
    ("weave", 1, 1030, (128, 512, 2048)),
    ("weave", 4321, 33, (4096, 512, 2896)),
    ("weave", 9001, 37, (4096, 431)),
    ("weave", 8193, 3, (4096, 2048)),
    ("dark", 600, 400, (512,)),
    ("flat", 520, 96, (512,)),
    ("white", 333, 500, (215, 512)),
]
TILINGS = [("weave", 1000, 700, 1218, 512, 64), ("weave", 500, 77, 609, 160, 32)]
LENGTHS = [96, 160, 161, 512, 513, 959, 960, 961, 1448, 4096]
TILES = [(512, 64), (160, 32)]
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
# Per reason: from which score on a photo is doubtful, and from which it is rejected.
SCORE_LIMITS = {
    "threshold_q": [100, 120, 140, 160, 180, 200, 256],
    "reject_q": [230, 240, 240, 250, 256, 256, 256],
}
SCORES = [
    [99, 119, 139, 159, 179, 199, 255],
    [100, 0, 0, 0, 0, 0, 0],
    [110, 130, 0, 0, 0, 0, 0],
    [130, 130, 0, 0, 0, 0, 0],
    [229, 0, 0, 0, 255, 0, 0],
    [230, 0, 0, 0, 255, 255, 0],
    [235, 0, 0, 251, 0, 0, 0],
    [251, 0, 251, 251, 0, 0, 0],
    [240, 0, 0, 0, 179, 199, 255],
    [255, 0, 0, 0, 180, 0, 0],
    [255, 0, 0, 0, 181, 201, 0],
    [255, 240, 0, 0, 0, 200, 0],
]
NOTHING, DOUBT, REFUSAL = SCORES[0], SCORES[4], SCORES[6]
GATED = [
    ("weave", 1000, 700, NOTHING),
    ("weave", 301, 1200, DOUBT),
    ("weave", 100, 100, REFUSAL),
    ("dim", 700, 900, NOTHING),
    ("dim", 700, 900, DOUBT),
    ("dim", 700, 900, REFUSAL),
    ("dark", 600, 400, DOUBT),
    ("white", 333, 500, REFUSAL),
]

MOTH_CODES = (128, 175, 155)
MOTH_CODE = MOTH_CODES[0]
Answers = Callable[[int], list[tuple[int, ...]]]
"""What a look at a long side shows: heat, length code and species (0 when left out) of each moth."""


def always(*moths: tuple[int, ...]) -> Answers:
    """The same at every size, as no moth would be."""
    return lambda _side_px: list(moths)


def moths(code: int, seen: range = range(256)) -> Answers:
    """Moths of one length, given by its code at 512 px, that are found as long as their code lies in a range."""

    def at(side_px: int) -> list[tuple[int, ...]]:
        here = min(max(code + STEP_CODE * (SIDES_PX.index(side_px) - SIDES_PX.index(512)), 0), 255)
        return [(200, here)] * 5 if here in seen else []

    return at


def only(side_px: int, answers: Answers) -> Answers:
    return lambda asked_px: answers(asked_px) if asked_px == side_px else []


LOOKS: list[tuple[str, int, Answers]] = [
    ("moths as long as wanted: one look", 4000, moths(MOTH_CODE)),
    ("less than half a step off is near enough", 4000, moths(MOTH_CODE + 7)),
    ("half a step is one", 4000, moths(MOTH_CODE + 8)),
    ("each species is counted at its own length", 4000, always((200, MOTH_CODES[1], 1), (200, MOTH_CODES[2], 2))),
    ("of two species the surer decides", 4000, always((250, MOTH_CODES[1] + 40, 1), (200, MOTH_CODES[0] - 40, 0))),
    ("a liner photographed whole is looked at from nearer", 4032, moths(MOTH_CODE - 5 * STEP_CODE)),
    ("a close-up is looked at from farther away", 1200, moths(MOTH_CODE + 6 * STEP_CODE)),
    ("lengths beyond the end of the code are followed in two strides", 4032, moths(MOTH_CODE - 12 * STEP_CODE)),
    ("no look is larger than the largest", 5000, moths(MOTH_CODE - 14 * STEP_CODE)),
    ("a small photo is enlarged to twice its size and no more", 300, moths(MOTH_CODE - 4 * STEP_CODE)),
    ("the smallest photo begins at what it allows", 96, moths(MOTH_CODE + 5 * STEP_CODE)),
    ("nothing anywhere: the second of the first looks is the last word", 4000, always()),
    ("nothing on a small photo", 200, always()),
    ("found at the second of the first looks", 3000, moths(90, range(110, 256))),
    ("found at the last of the first looks", 3000, only(256, always((250, MOTH_CODE), (250, MOTH_CODE)))),
    ("two sure moths are evidence", 1000, always((200, MOTH_CODE), (200, MOTH_CODE))),
    ("a little less is none", 1000, always((200, MOTH_CODE), (199, MOTH_CODE))),
    ("the sure moths decide, not the many", 800, always((70, 40), (70, 40), (70, 40), (250, MOTH_CODE))),
    ("of two equal halves the shorter decides", 800, always((220, 255), (220, MOTH_CODE + 3))),
    (
        "when the moths are lost on the way, the look before is the last word",
        4000,
        moths(MOTH_CODE - 5 * STEP_CODE, range(MOTH_CODE - 8)),
    ),
    ("two sizes that name one another", 2000, lambda side_px: twice(2 if side_px > 512 else -2)),
    ("lengths that never agree come to an end", 4096, lambda side_px: twice(7 if side_px == 4096 else -2)),
]


THRESHOLDS: list[tuple[list[int], int, int]] = [
    ([], 100, 150),
    ([200], 100, 0),
    ([200], 100, 150),
    ([60, 70, 250, 80, 90], 100, 150),
    ([51, 255, 130, 131, 132, 133, 134, 135, 136, 137, 138], 97, 139),
    ([255] * 40, 100, 200),
    ([48] * 40, 101, 120),
]


COUNTED = [0, 1, 2, 3, 4, 8, 9, 10, 15, 16, 50, 99, 100, 101, 1000, 5000]
# Whole ones make reaches that end exactly on a whole number; the others are such as are measured.
REACHES = [0, 0.3, 0.5, 1, 1.036, 1.675, 2]


def twice(steps: int) -> list[tuple[int, ...]]:
    """Two sure moths that are so many steps too long."""
    return [(255, MOTH_CODE + steps * STEP_CODE)] * 2


def picture(formula: str, width: int, height: int) -> np.ndarray:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return eval(FORMULAS[formula], {"x": x, "y": y, "c": c}).astype(np.uint8)


def preprocess_vectors() -> dict:
    return {
        "formulas": FORMULAS,
        "pictures": [_picture_vector(*case) for case in PICTURES],
        "axes": [_axis_vector(length, *tile) for length in LENGTHS for tile in TILES],
        "tilings": [_tiling_vector(*case) for case in TILINGS],
    }


def _picture_vector(formula: str, width: int, height: int, sides_px: tuple[int, ...]) -> dict:
    sizes = Sizes(picture(formula, width, height))
    return {
        "formula": formula,
        "width": width,
        "height": height,
        "long_px": sizes.long_px,
        "sized": [{"side_px": side_px, **_sized_vector(sizes.at(side_px))} for side_px in sides_px],
        "light": asdict(measure_light(sizes.at(LIGHT_SIDE_PX))),
    }


def _sized_vector(sized: np.ndarray) -> dict:
    return {
        "width": sized.shape[1],
        "height": sized.shape[0],
        "first_bytes": sized.reshape(-1)[:12].tolist(),
        "sha256": _sha256(sized),
    }


def _axis_vector(length: int, tile_px: int, overlap_px: int) -> dict:
    offsets = tile_offsets(length, tile_px, overlap_px)
    borders = [owned(length, offset, tile_px, overlap_px) for offset in offsets]
    return {"length": length, "tile_px": tile_px, "overlap_px": overlap_px, "offsets": offsets, "owned": borders}


def _tiling_vector(formula: str, width: int, height: int, side_px: int, tile_px: int, overlap_px: int) -> dict:
    cut = tiles(Sizes(picture(formula, width, height)).at(side_px), tile_px, overlap_px)
    return {
        "formula": formula,
        "width": width,
        "height": height,
        "side_px": side_px,
        "tile_px": tile_px,
        "overlap_px": overlap_px,
        "tiles": [{"x": tile.x_px, "y": tile.y_px, "sha256": _sha256(tile.pixels)} for tile in cut],
    }


def gate_vectors() -> dict:
    return {
        "formulas": FORMULAS,
        "reasons": REASONS,
        "lights": [
            {"light": asdict(light), "limits": asdict(Limits()), **asdict(judge_light(light, Limits()))}
            for light in LIGHTS
        ],
        "scores": [
            {"scores": scores, **SCORE_LIMITS, **asdict(judge_scores(scores, *SCORE_LIMITS.values()))}
            for scores in SCORES
        ],
        "photos": [_gate_vector(*case) for case in GATED],
    }


class _Answering(PhotoGate):
    """A gate whose network says what it is told to."""

    def __init__(self, scores: list[int]) -> None:
        self.limits = Limits()
        self.threshold_q, self.reject_q = (tuple(limits) for limits in SCORE_LIMITS.values())
        self._scores = tuple(scores)
        self.seen: str | None = None

    def scores_q(self, tile: np.ndarray) -> tuple[int, ...]:
        self.seen = _sha256(tile)
        return self._scores


def _gate_vector(formula: str, width: int, height: int, scores: list[int]) -> dict:
    gate = _Answering(scores)
    judged = asdict(gate.judge(Sizes(picture(formula, width, height))))
    return {"formula": formula, "width": width, "height": height, "scores": scores, "tile_sha256": gate.seen, **judged}


def count_vectors() -> dict:
    counter = _Watched.from_release(current_base())
    return {
        "kernel": "XNNPACK, x86-64, ai-edge-litert 2.3.0",
        "model": counter.version,
        "peaks": [_peak_vector(seed) for seed in range(4)],
        "doubles": [_double_vector(seed) for seed in range(3)],
        "moth_codes": MOTH_CODES,
        "looks": [_look_vector(*case) for case in LOOKS],
        "thresholds": [
            {"values": values, "usual_q": usual, "share_q": share, "least": photo_threshold(values, usual, share)}
            for values, usual, share in THRESHOLDS
        ],
        "intervals": [
            {"counted": counted, "q": q, "interval": interval(counted, q)} for q in REACHES for counted in COUNTED
        ],
        "photos": [_photo_vector(path, counter) for path in photo_files()],
    }


def photo_files() -> list[Path]:
    return [path for path in sorted((HERE / "photos").iterdir()) if path.suffix in {".png", ".jpg"}]


def _peak_vector(seed: int) -> dict:
    # Few levels, so that ties and plateaus are the rule; last the lengths.
    random = np.random.default_rng(seed)
    heat = (random.integers(0, 4, (8, 8, 2)) * 80).astype(np.uint8)
    codes = random.integers(0, 256, (8, 8, 1), dtype=np.uint8)
    threshold_q = [80, 160]
    return {
        "answer": np.concatenate([heat, codes], axis=2).tolist(),
        "threshold_q": threshold_q,
        "found": [[*peak, int(codes[peak.row, peak.column, 0])] for peak in find_peaks(heat, threshold_q)],
    }


def _double_vector(seed: int) -> dict:
    # Close together, so that peaks are near several others.
    random = np.random.default_rng(seed)
    columns = [2 * random.integers(0, 20, 40), 2 * random.integers(0, 20, 40), random.integers(0, 2, 40)]
    columns += [50 * random.integers(1, 5, 40), random.integers(0, 256, 40)]
    found = [Placed(*map(int, row)) for row in zip(*columns, strict=True)]
    own, beyond = found[:20], found[20:]
    parts = {"own": own, "beyond": beyond, "kept": each_once(own, beyond, 8)}
    return {"apart_px": 8} | {name: [one._asdict() for one in part] for name, part in parts.items()}


def _look_vector(story: str, long_px: int, answers: Answers) -> dict:
    asked: list[dict] = []

    def see(side_px: int) -> list[Seen]:
        asked.append({"side_px": side_px, "moths": answers(side_px)})
        return [Seen(0.5, 0.5, *(species or [0]), value, code) for value, code, *species in asked[-1]["moths"]]

    chosen = look(long_px, MOTH_CODES, see)
    return {"story": story, "long_px": long_px, "asked": asked, "side_px": chosen.side_px}


class _Watched(Counter):
    """Writes down at which sizes it looks, and what the network answers."""

    sides_px: list[int]
    heat_sha256: list[str]

    def see(self, sized: np.ndarray) -> list[Seen]:
        self.sides_px.append(max(sized.shape[:2]))
        return super().see(sized)

    def heat(self, tile: np.ndarray) -> np.ndarray:
        heat = super().heat(tile)
        self.heat_sha256.append(_sha256(heat))
        return heat


def _photo_vector(path: Path, counter: _Watched) -> dict:
    counter.sides_px, counter.heat_sha256 = [], []
    try:
        found = count_photo(path, counter).to_json()
    except Problem as problem:
        return {"photo": path.name, "problem": problem.number}
    looked = {"sides_px": counter.sides_px, "heat_sha256": counter.heat_sha256}
    return {"photo": path.name, **looked, **{key: found[key] for key in ("counts", "intervals", "marks", "gate")}}


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def golden_files() -> dict[Path, str]:
    """What each file should hold."""
    vectors = {"preprocess.json": preprocess_vectors(), "gate.json": gate_vectors(), "count.json": count_vectors()}
    return {HERE / name: json.dumps(content, separators=(",", ":")) + "\n" for name, content in vectors.items()}


if __name__ == "__main__":
    for path, text in golden_files().items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.name} is not fresh: run python tests/golden/vision_golden.py")
