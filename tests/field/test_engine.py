"""The engine in a real Chromium gives the answers of count.json to the bit, for drawn photos and for JPEG ones."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from pestwatch.shelf import models_dir
from pestwatch.vision.preprocess import Sizes, decode_photo, tiles
from tests.conftest import FIELD, NODE, ROOT
from tests.field.conftest import AppServer, wait_for_the_counter

GOLDEN = ROOT / "tests" / "golden"
EXPECTED = json.loads((GOLDEN / "count.json").read_text(encoding="utf-8"))
RELEASE = models_dir() / "releases" / "base" / EXPECTED["model"]
COUNTED = [vector for vector in EXPECTED["photos"] if vector.get("heat_sha256")]

VARIANTS = ("simd", "plain")  # relaxed is exact on some processors only, and taken there only
OPEN = """async ([variant, kernels, model]) => {
  const { Network } = await import('/app/engine-alone.js');
  window.bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.networks ??= {};
  networks[variant] = await Network.open(await WebAssembly.compile(bytesOf(kernels)), bytesOf(model));
}"""
RUN = """([variant, tile]) => {
  const [heat] = networks[variant].run(bytesOf(tile));
  return btoa(Array.from(heat, (byte) => String.fromCharCode(byte)).join(''));
}"""


def bundle_engine(path: Path) -> None:
    """The engine as one module without the app around it."""
    bundler = FIELD / "node_modules" / "rolldown" / "bin" / "cli.mjs"
    command = [NODE, bundler, "engine/network.ts", "--file", path, "--format", "esm"]
    subprocess.run([str(part) for part in command], cwd=FIELD, check=True, capture_output=True)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def page(phone: BrowserContext, server: AppServer, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A page under the app's own policy that has opened the released counter; no worker, no cache."""
    built = tmp_path_factory.mktemp("engine") / "engine-alone.js"
    bundle_engine(built)
    phone.route("**/engine-alone.js", lambda route: route.fulfill(path=built, content_type="text/javascript"))
    page = phone.new_page()
    page.goto(server.app_url)
    for variant in VARIANTS:
        files = [FIELD / "engine" / f"kernels-{variant}.wasm", RELEASE / "small.tflite"]
        page.evaluate(OPEN, [variant, *(_base64(file.read_bytes()) for file in files)])
    return page


def tiles_of(vector: dict[str, Any]) -> list[bytes]:
    sidecar = json.loads((RELEASE / "small.json").read_text(encoding="utf-8"))
    sizes = Sizes(decode_photo(GOLDEN / "photos" / vector["photo"], vector["photo"]))
    looks = [tiles(sizes.at(side_px), sidecar["tile_px"], sidecar["overlap_px"]) for side_px in vector["sides_px"]]
    return [tile.pixels.tobytes() for look in looks for tile in look]


@pytest.mark.parametrize("vector", COUNTED, ids=lambda vector: vector["photo"])
def test_chromium_computes_the_bytes_of_xnnpack(page: Page, vector: dict[str, Any]) -> None:
    heats = [base64.b64decode(page.evaluate(RUN, ["simd", _base64(tile)])) for tile in tiles_of(vector)]
    assert [hashlib.sha256(heat).hexdigest() for heat in heats] == vector["heat_sha256"]


def test_chromium_computes_the_same_bytes_without_vectors(page: Page) -> None:
    heat = base64.b64decode(page.evaluate(RUN, ["plain", _base64(tiles_of(COUNTED[0])[0])]))
    assert hashlib.sha256(heat).hexdigest() == COUNTED[0]["heat_sha256"][0]


def test_a_phone_downloads_one_build_of_the_kernels(phone: BrowserContext, server: AppServer) -> None:
    page = phone.new_page()
    page.goto(server.app_url)
    wait_for_the_counter(page)
    kernels = {path for path in server.asked if "/kernels-" in path}
    assert len(kernels) == 1
