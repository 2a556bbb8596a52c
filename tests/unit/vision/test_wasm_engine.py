"""The phone's kernels, run from Python, give the bytes of the interpreter: all three builds, all released networks."""

import base64
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from click.testing import CliRunner

from pestwatch.cli import current_base, main
from pestwatch.errors import Problem
from pestwatch.vision.preprocess import Sizes, decode_photo, tiles
from pestwatch.vision.wasm_engine import WasmNetwork
from tests.golden.engine_golden import Net, Op, drawn, pairs

pytest.importorskip("wasmtime")

GOLDEN = Path(__file__).parents[2] / "golden"
PHOTO = GOLDEN / "photos" / "liner-many.png"
CASES = json.loads((GOLDEN / "engine.json").read_text(encoding="utf-8"))
NETWORKS = sorted(path.stem for path in current_base().glob("*.tflite"))
TRAP_PHOTOS = os.environ.get("PESTWATCH_PHOTOS")


def inputs(seed: int | None, file: bytes) -> list[np.ndarray]:
    if seed is None:
        return pairs()
    length = int(np.prod(Interpreter(model_content=file).get_input_details()[0]["shape"]))
    return [np.arange(256, dtype=np.uint8) if seed == -1 else drawn(seed, length)]


@pytest.mark.parametrize("variant", ["simd", "relaxed", "plain"])
def test_every_operator_and_every_small_network_gives_the_bytes_of_xnnpack(variant):
    unequal, refused = [], []
    for case in CASES:
        file = base64.b64decode(case["file"])
        try:
            answer = WasmNetwork(file, variant).run(*inputs(case["seed"], file))
        except Problem as problem:
            refused.append(f"{case['name']}: {problem.params['detail']}")
            continue
        if [hashlib.sha256(answer.tobytes()).hexdigest()] != case["sha256"]:
            unequal.append(case["name"])
    assert unequal == []
    assert [text for text in refused if "near to a tie" not in text] == []


def answers(interpreter: Interpreter, pixels: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def photos() -> list[Path]:
    """A drawn trap; and, where there are real ones, three of them or as many as ENGINE_PHOTOS says, evenly chosen."""
    real = sorted(Path(TRAP_PHOTOS).rglob("*.jpg")) if TRAP_PHOTOS else []
    wanted = min(int(os.environ.get("ENGINE_PHOTOS", "3")), len(real))
    return [PHOTO, *(real[index * len(real) // wanted] for index in range(wanted))]


@pytest.mark.parametrize("variant", ["simd", "relaxed"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_released_network_gives_the_bytes_of_xnnpack(network, variant):
    file = (current_base() / f"{network}.tflite").read_bytes()
    interpreter = Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    side_px = int(interpreter.get_input_details()[0]["shape"][1])
    wasm = WasmNetwork(file, variant)
    for photo in photos():
        sizes = Sizes(decode_photo(photo, photo.name))
        for side in (side_px, 2 * side_px):
            tile = next(iter(tiles(sizes.at(side), side_px, 0)))
            assert np.array_equal(wasm.run(tile.pixels), answers(interpreter, tile.pixels)), photo.name


def test_counting_with_either_engine_says_the_same():
    lines = [
        CliRunner().invoke(main, ["count", "--json", "--size", "nano", "--engine", e, str(PHOTO)])
        for e in ("litert", "wasm")
    ]
    litert, wasm = (json.loads(line.output) | {"ms": 0} for line in lines)
    assert litert == wasm
    assert sum(wasm["counts"].values()) > 0


def test_without_wasmtime_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    said = CliRunner().invoke(main, ["count", "--engine", "wasm", str(PHOTO)])
    assert said.exit_code == 1
    assert said.output == "Error: --engine wasm needs wasmtime: pip install 'pestwatch[wasm]'\n"


def test_an_operator_that_the_engine_lacks_is_refused_by_its_name():
    net = Net()
    net.graph.inputs = [net.tensor([1, 4, 4, 8], 0.1, 0)]
    net.graph.outputs = [net.add(Op.HARD_SWISH, net.graph.inputs, net.tensor([1, 4, 4, 8], 0.1, 0))]
    with pytest.raises(Problem, match="HARD_SWISH is not among the operators"):
        WasmNetwork(net.bytes())
