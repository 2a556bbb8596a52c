"""How fast, how large and how soon ready the phone's engine is, beside the interpreter of the server and other engines.

    python bench/engine.py [--quick] [--size small] [--onnx small.onnx]

One run, interleaved: each round asks every engine in turn, each warm, and its best round counts. Times are processor
time, so that a busy machine does not decide, as ratios to ai-edge-litert on one thread in the same run. What is missing
is skipped by name. The others come with  npm install --no-package-lock --legacy-peer-deps  in bench/engines;
onnxruntime-web also needs --onnx, which tf2onnx makes where a newer protobuf than ours is installed.
"""

import argparse
import contextlib
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli
import numpy as np
import psutil
from ai_edge_litert.interpreter import Interpreter
from playwright.sync_api import BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, the browser of the tests is not on the path

from pestwatch.cli import current_base  # noqa: E402
from tests.conftest import NODE, find_chromium  # noqa: E402
from tests.field.conftest import FLAGS  # noqa: E402

ENGINES = Path(__file__).resolve().parent / "engines"
KERNELS = ROOT / "field" / "engine"
BUNDLER = ROOT / "field" / "node_modules" / "rolldown" / "bin" / "cli.mjs"
OTHERS = {"litert": "@litertjs/core", "tfjs": "@tensorflow/tfjs-tflite", "onnx": "onnxruntime-web"}
WARM_UP_RUNS = 8
RUNS = 4
Run = Callable[[int], None]


def bundle(source: Path, target: Path) -> None:
    """One module of a script and everything that it imports, minified."""
    command = [NODE, BUNDLER, source, "--file", target, "--format", "esm", "--minify"]
    subprocess.run([str(part) for part in command], cwd=ENGINES, check=True, capture_output=True)


def drawn(side_px: int) -> np.ndarray:
    """(1, side, side, 3) uint8 that looks like noise; twin: `drawn` in engines/page.mjs."""
    state = np.arange(side_px * side_px * 3, dtype=np.uint64) * np.uint64(2_654_435_761) % np.uint64(2**32)
    return (state >> np.uint64(24)).astype(np.uint8).reshape(1, side_px, side_px, 3)


def native(model: bytes, pixels: np.ndarray) -> tuple[Run, bytes]:
    """What runs ai-edge-litert on one thread, and its answer."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)

    def run(times: int) -> None:
        for _ in range(times):
            interpreter.invoke()

    run(1)
    return run, interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes()


def processor_ms(processes: Iterable[psutil.Process]) -> float:
    """Processor time of all threads so far."""
    total = 0
    for process in processes:
        for stat in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
                total += int(stat.read_text().split()[0])
    return total / 1e6


def lay_out(folder: Path, model: bytes, pixels: np.ndarray, answer: bytes, onnx: Path | None) -> dict[str, str]:
    """Everything that the page asks for -> what had to be left out, and why."""
    (folder / "index.html").write_text(
        '<!doctype html><script type="module" src="page.mjs"></script>', encoding="utf-8"
    )
    shutil.copy(ENGINES / "page.mjs", folder)
    for name, content in {"model.tflite": model, "pixels.bin": pixels.tobytes(), "answer.bin": answer}.items():
        (folder / name).write_bytes(content)
    for path in KERNELS.glob("kernels-*.wasm"):
        shutil.copy(path, folder)
    bundle(ENGINES / "ours.mjs", folder / "ours.js")
    skipped = {
        name: "not installed" for name, package in OTHERS.items() if not (ENGINES / "node_modules" / package).exists()
    }
    if (ENGINES / "node_modules").exists():
        (folder / "node_modules").symlink_to(ENGINES / "node_modules")
    if "litert" not in skipped:
        bundle(ENGINES / "node_modules" / OTHERS["litert"] / "dist" / "index.js", folder / "litert.js")
    if "onnx" not in skipped and onnx:
        shutil.copy(onnx, folder / "model.onnx")
    elif "onnx" not in skipped:
        skipped["onnx"] = "no --onnx"
    return skipped


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


@contextlib.contextmanager
def visited(address: str) -> Iterator[Page]:
    """A fresh Chromium that shows the page."""
    chromium = find_chromium()
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context: BrowserContext = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium.path, env={**os.environ, **chromium.env}, args=FLAGS
        )
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("window.bench")
        yield page
        context.close()


def renderers() -> list[psutil.Process]:
    """The processes in which the pages of this run live."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in process.cmdline():
                found.append(process)
    return found


def memory_mb() -> tuple[float, float]:
    """Resident memory of the pages: all of it, and what they share with nobody."""
    infos = [process.memory_full_info() for process in renderers()]
    return sum(info.rss for info in infos) / 2**20, sum(info.uss for info in infos) / 2**20


def footprint(address: str, name: str, side_px: int, times: int) -> dict[str, float]:
    """Medians of fresh browsers: processor milliseconds until an engine is ready to count, and what ten runs leave in memory.

    Memory is counted above a page that holds one picture of pixels and nothing else.
    """
    measured = []
    for _ in range(times):
        with visited(address) as page:
            page.evaluate("side => bench.draw(side)", side_px)
            page.wait_for_timeout(500)
            empty = memory_mb()
            before = processor_ms(renderers())
            page.evaluate("name => bench.open(name)", name)
            ready_ms = processor_ms(renderers()) - before
            page.evaluate("name => bench.run(name, 10)", name)
            page.wait_for_timeout(500)
            measured.append((ready_ms, *(now - then for now, then in zip(memory_mb(), empty, strict=True))))
    medians = [round(statistics.median(values), 1) for values in zip(*measured, strict=True)]
    return dict(zip(("ready_ms", "resident_mb", "private_mb"), medians, strict=True))


def node_process(folder: Path) -> subprocess.Popen[str]:
    """Our engine in Node; a number on a line makes it run so often."""
    command = [str(NODE), str(ENGINES / "node.mjs"), str(folder / "ours.js"), str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ask(process: subprocess.Popen[str], times: int) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{times}\n")
    process.stdout.readline()


def race(runners: dict[str, tuple[Run, list[psutil.Process]]], rounds: int) -> dict[str, float]:
    """Processor milliseconds of one run of each in its best round, asked in turn."""
    for run, _ in runners.values():
        run(WARM_UP_RUNS)
    best = dict.fromkeys(runners, float("inf"))
    for _ in range(rounds):
        for name, (run, processes) in runners.items():
            before = processor_ms(processes)
            run(RUNS)
            best[name] = min(best[name], (processor_ms(processes) - before) / RUNS)
    return best


def run_in(page: Page, engine: str, times: int) -> None:
    page.evaluate("([engine, times]) => bench.run(engine, times)", [engine, times])


def download_bytes(folder: Path) -> dict[str, int]:
    """What a phone fetches for our engine, as brotli: the loader and one build of the kernels."""
    packed = {path.stem: len(brotli.compress(path.read_bytes(), quality=11)) for path in folder.glob("kernels-*.wasm")}
    return {"loader": len(brotli.compress((folder / "ours.js").read_bytes(), quality=11))} | packed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--size", default="small", help="which network of the family")
    parser.add_argument("--onnx", type=Path, help="what tf2onnx --tflite made of the same network")
    given = parser.parse_args()
    if not BUNDLER.exists():
        print("skipped: the phone app's packages are not installed (make app)")
        sys.exit(0)
    model = (current_base() / f"{given.size}.tflite").read_bytes()
    side_px = int(Interpreter(model_content=model).get_input_details()[0]["shape"][1])
    pixels = drawn(side_px)
    run_native, answer = native(model, pixels)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        skipped = lay_out(folder, model, pixels, answer, given.onnx)
        address = stack.enter_context(served(folder))
        figures: dict[str, Any] = {"size": given.size, "download_bytes": download_bytes(folder)}
        figures["footprint"] = {
            engine: footprint(address, engine, side_px, 1 if given.quick else 5)
            for engine in ("simd", "litert")
            if engine not in skipped
        }
        page = stack.enter_context(visited(address))
        page.evaluate("side => bench.draw(side)", side_px)
        variant = page.evaluate("bench.variant()")
        figures["variant_here"] = variant
        runners: dict[str, tuple[Run, list[psutil.Process]]] = {"native": (run_native, [psutil.Process()])}
        differences = {}
        for engine in dict.fromkeys([variant, "simd", "plain", *OTHERS]):
            if engine in skipped:
                continue
            page.evaluate("name => bench.open(name)", engine)
            page.evaluate("name => bench.run(name, 1)", engine)
            differences[engine] = page.evaluate("name => bench.differences(name)", engine)
            runners[engine] = (functools.partial(run_in, page, engine), renderers())
        node = node_process(folder)
        stack.callback(node.terminate)
        ask(node, 1)  # the wheel's node starts another process
        runners["node"] = (
            functools.partial(ask, node),
            psutil.Process(node.pid).children(recursive=True) or [psutil.Process(node.pid)],
        )
        best = race(runners, 3 if given.quick else 15)
    figures["bytes_that_differ"] = differences
    figures["ratio"] = {engine: round(ms / best["native"], 2) for engine, ms in best.items()}
    for engine, ratio in figures["ratio"].items():
        print(f"{engine:8} {best[engine]:8.1f} ms  {ratio:6.2f} x native")
    for engine, why in (skipped | {"firefox": "not installed"} if not shutil.which("firefox") else skipped).items():
        print(f"skipped: {engine} ({why})")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
