"""What a count costs on a phone: seconds from photo to number on a slow renderer, and megabytes at the worst moment.

    python bench/field.py [--quick] [--times 3]

Serves the built app, opens it in a real Chromium, and gives it photos that are drawn here. Slow means that all threads of
the renderer together get a share of one processor, by a quota of the control group where that may be written, else by
stopping and continuing the process; how slow it really was is measured by a loop in the counting worker, and printed.
Memory is what the renderer has to itself (RssAnon), looked at every few milliseconds, above that of an empty page; beside it
the largest resident set (VmHWM), in which the pages of the browser's own program are too, shared and dropped at need.
Beside it, ODK Web Forms with a trap visit as its form (forms/): bytes, seconds until one can write, megabytes then. Its photo
is kept and not counted, so there is nothing to compare a count with. It is built by  npm install --no-package-lock && npm run
build  in bench/forms, and skipped by name where it is not. Each row is a function that returns its figures.
"""

import argparse
import contextlib
import functools
import io
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import brotli
import numpy as np
import psutil
from PIL import Image, ImageChops
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, the browser of the tests is not on the path

from pestwatch.vision.drawn import Scene, draw  # noqa: E402
from tests.conftest import find_chromium  # noqa: E402
from tests.field.conftest import FLAGS, AppServer, tap  # noqa: E402

DIST = ROOT / "field" / "dist"
FORMS = ROOT / "bench" / "forms" / "dist"
SLOWER = 4
AIMS = {"photo_to_count_s": 6, "first_feedback_s": 0.5, "peak_12_mp_mb": 130, "peak_48_mp_mb": 250}
CGROUP = Path("/sys/fs/cgroup")
PERIOD_US = 20_000
RUN_S = 0.005

# Notes when the page first shows that it has the photo, and when it shows the number.
WATCH = """() => {
  const seen = {};
  const input = document.querySelector('[data-testid=photo-gallery]');
  input.addEventListener('change', () => { seen.chosen = performance.now(); }, { once: true });
  const note = (name, testid) => {
    const found = document.querySelector(`[data-testid=${testid}]`);
    if (found && !(name in seen)) requestAnimationFrame(() => { seen[name] ??= performance.now(); });
  };
  new MutationObserver(() => { note('progress', 'count-progress'); note('number', 'count-number'); })
    .observe(document.getElementById('app'), { childList: true, subtree: true });
  window.seen = seen;
}"""
LOOP = """() => {
  const started = performance.now();
  let x = 1;
  for (let i = 0; i < 2e8; i++) x = (x * 31 + i) | 0;
  return [performance.now() - started, x][0];
}"""


def drawn_photo(megapixels: int) -> bytes:
    """A liner of 4:3 with moths and a camera's noise, as JPEG."""
    width, height = {12: (4032, 3024), 48: (8000, 6000)}[megapixels]
    liner = draw(Scene(1000, 750, insects={"GNORAB": 60}, debris=30, noise=0), seed=7).image
    picture = Image.fromarray(liner).resize((width, height), Image.Resampling.BICUBIC)
    dice = np.random.default_rng(7)
    noise = Image.fromarray(dice.integers(0, 13, (500, width, 3), np.uint8))
    for top in range(0, height, 500):
        box = (0, top, width, min(height, top + 500))
        stripe = picture.crop(box)
        picture.paste(
            ImageChops.subtract(
                ImageChops.add(stripe, noise.crop((0, 0, *stripe.size))), Image.new("RGB", stripe.size, (6, 6, 6))
            ),
            box,
        )
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


@contextlib.contextmanager
def served(path: str) -> Iterator[Page]:
    """A fresh browser at an address of a fresh server."""
    chromium = find_chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = AppServer(DIST, Path(folder) / "server")
        context = playwright.chromium.launch_persistent_context(
            Path(folder) / "phone", executable_path=chromium.path, env={**os.environ, **chromium.env}, args=FLAGS
        )
        try:
            page = context.new_page()
            page.goto(server.url + path)
            yield page
        finally:
            context.close()
            server.stop()


@contextlib.contextmanager
def forms() -> Iterator[str]:
    """Address of the form app."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *said: object) -> None:
            """Nobody wants to know."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=FORMS))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def app() -> Iterator[Page]:
    """The app on a fresh phone with one trap."""
    with served("/app/") as page:
        for testid in ("language-en", "consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
            tap(page, testid)
        page.get_by_test_id("photo-gallery").wait_for(state="attached")
        yield page


def renderers() -> list[psutil.Process]:
    """The processes in which the pages of this run live."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in process.cmdline():
                found.append(process)
    return found


def page_process() -> psutil.Process:
    """The renderer that holds the most: that of the page, the other one is a spare."""
    return max(renderers(), key=lambda process: process.memory_info().rss)


def count(page: Page, photo: Path) -> dict[str, float]:
    """Counts a photo: seconds until the page shows that it has it, and until the number is there."""
    page.evaluate("location.hash = '#/'")
    page.get_by_test_id("photo-gallery").wait_for(state="attached")
    page.evaluate(WATCH)
    page.get_by_test_id("photo-gallery").set_input_files(photo)
    page.get_by_test_id("count-number").wait_for(timeout=120_000)
    page.wait_for_timeout(300)  # for the frame that shows it
    seen = page.evaluate("window.seen")
    return {
        "first_feedback_s": (seen["progress"] - seen["chosen"]) / 1000,
        "photo_to_count_s": (seen["number"] - seen["chosen"]) / 1000,
    }


@contextlib.contextmanager
def slowed(process: psutil.Process, times: float) -> Iterator[str]:
    """Gives a process its share of one processor; says how."""
    try:
        group = _group(times)
    except OSError:
        with _stopping(process, times):
            yield "stopped and continued"
        return
    try:
        (group / "cgroup.procs").write_text(str(process.pid))
        yield "by a quota"
    finally:
        (group.parent / "cgroup.procs").write_text(str(process.pid))
        group.rmdir()


def _group(times: float) -> Path:
    """A control group of our own with a quota, of version 2 or 1."""
    quota_us = round(PERIOD_US / times)
    controllers = CGROUP / "cgroup.controllers"
    is_second = controllers.exists() and "cpu" in controllers.read_text().split()
    group = (CGROUP if is_second else CGROUP / "cpu") / f"pestwatch-bench-{os.getpid()}"
    group.mkdir()
    if is_second:
        (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    return group


@contextlib.contextmanager
def _stopping(process: psutil.Process, times: float) -> Iterator[None]:
    """Stops and continues a process from outside."""
    done = threading.Event()

    def alternate() -> None:
        while not done.is_set():
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(RUN_S * (times - 1))
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(RUN_S)

    thread = threading.Thread(target=alternate)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        os.kill(process.pid, signal.SIGCONT)


def photo_to_count(folder: Path, times: int) -> dict[str, float]:
    """Row: seconds from a 12 megapixel photo to its number, the whole renderer slowed four times; medians."""
    photo = folder / "12.jpg"
    photo.write_bytes(drawn_photo(12))
    with app() as page:
        count(page, photo)  # loads and warms the network, which the app does while a farmer frames the photo
        fast_ms = min(page.workers[0].evaluate(LOOP) for _ in range(3))
        factor, share = 0.0, float(SLOWER)
        while factor < SLOWER:  # a quota is a little generous: less, until the loop takes as long as it should
            with slowed(page_process(), share) as how:
                factor = min(page.workers[0].evaluate(LOOP) for _ in range(2)) / fast_ms
                print(f"the worker's loop takes {factor:.2f} times as long ({how}, a share of 1/{share:.1f})")
                measured = [count(page, photo) for _ in range(times)] if factor >= SLOWER else []
            share *= max(1.05, SLOWER / factor)
        unslowed = count(page, photo)
    found = {name: statistics.median(one[name] for one in measured) for name in measured[0]}
    return {**found, "slower": factor, "unslowed_s": unslowed["photo_to_count_s"]}


def peaks(folder: Path, megapixels: tuple[int, ...]) -> dict[str, float]:
    """Row: megabytes of the renderer at the worst moment of a count, above an empty page; a fresh browser for each."""
    found = {}
    with served("/nothing-here") as page:
        page.evaluate("document.title")
        empty = memory_mb(page_process(), "RssAnon"), memory_mb(page_process(), "VmRSS")
    for size in megapixels:
        photo = folder / f"{size}.jpg"
        photo.write_bytes(drawn_photo(size))
        with app() as page:
            process = page_process()
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # VmHWM begins anew
            with greatest(process) as peak:
                count(page, photo)
                page.wait_for_timeout(500)  # the marked photo is decoded when the number is there already
            found[f"peak_{size}_mp_mb"] = max(peak) - empty[0]
            found[f"resident_{size}_mp_mb"] = memory_mb(process, "VmHWM") - empty[1]
            found[f"decoded_scale_{size}_mp"] = page.evaluate(DECODED_SCALE)
    return found


def beside_forms(times: int) -> dict[str, float]:
    """Row: our first screen and the form, each on a fresh browser: seconds until it can be used, and megabytes then."""
    if not (FORMS / "index.html").exists():
        print("skipped: ODK Web Forms is not built (npm install --no-package-lock && npm run build in bench/forms)")
        return {}
    seen: dict[str, list[tuple[float, float]]] = {"ours": [], "form": []}
    with forms() as form_address:
        for _ in range(times):
            for name, usable in (("ours", "[data-testid=language-hi]"), ("form", "input")):
                with served("/nothing-here") as page:
                    empty_mb = memory_mb(page_process(), "RssAnon")
                    address = form_address if name == "form" else page.url.replace("/nothing-here", "/app/")
                    started = time.perf_counter()
                    page.goto(address)
                    page.locator(usable).first.wait_for()
                    seconds = time.perf_counter() - started
                    seen[name].append((seconds, memory_mb(page_process(), "RssAnon") - empty_mb))
    # Fetched before the form shows; the map comes when a question asks for one.
    first = [path for path in FORMS.rglob("*") if path.is_file() and "MapBlock" not in path.name]
    found = {"forms_first_load_bytes": float(sum(len(brotli.compress(path.read_bytes())) for path in first))}
    for name, measured in seen.items():
        found[f"{name}_usable_s"] = statistics.median(seconds for seconds, _ in measured)
        found[f"{name}_usable_mb"] = statistics.median(mb for _, mb in measured)
    return found


def memory_mb(process: psutil.Process, kind: str) -> float:
    """A line of /proc/PID/status in megabytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split(f"{kind}:")[1].split()[0]) / 1024


@contextlib.contextmanager
def greatest(process: psutil.Process) -> Iterator[list[float]]:
    """Notes again and again what a process has to itself."""
    noted = [memory_mb(process, "RssAnon")]
    done = threading.Event()

    def note() -> None:
        while not done.wait(0.004):
            noted.append(memory_mb(process, "RssAnon"))

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield noted
    finally:
        done.set()
        thread.join()


DECODED_SCALE = """() => new Promise((resolve) => {
  indexedDB.open('pestwatch').onsuccess = ({ target }) => {
    const all = target.result.transaction('drafts').objectStore('drafts').getAll();
    all.onsuccess = () => resolve(all.result[0].counted.decoded_scale);
  };
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each count once")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    if not (DIST / "service-worker.js").exists():
        print("skipped: the app is not built (make app)")
        sys.exit(0)
    times = 1 if options.quick else options.times
    rows: tuple[Callable[[Path], dict[str, float]], ...] = (
        lambda folder: photo_to_count(folder, times),
        lambda folder: peaks(folder, (12, 48)),
        lambda _: beside_forms(times),
    )
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            figures |= row(Path(folder))
    for name, value in figures.items():
        print(f"{name:20} {value:8.2f}" + (f"  aim {AIMS[name]}" if name in AIMS else ""))
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
