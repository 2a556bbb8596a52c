"""The engine in a real Chromium gives the answers of count.json to the bit, for drawn photos and for JPEG ones."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from pestwatch.cli import models_dir
from pestwatch.vision.preprocess import Sizes, decode_photo, tiles
from tests.conftest import FIELD, NODE, ROOT
from tests.field.conftest import AppServer

GOLDEN = ROOT / "tests" / "golden"
EXPECTED = json.loads((GOLDEN / "count.json").read_text(encoding="utf-8"))
RELEASE = models_dir() / "releases" / "base" / EXPECTED["model"]
COUNTED = [vector for vector in EXPECTED["photos"] if vector.get("heat_sha256")]

OPEN = """async ([kernels, model]) => {
  const { Network } = await import('/app/engine-alone.js');
  window.bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.network = await Network.open(await WebAssembly.compile(bytesOf(kernels)), bytesOf(model));
}"""
RUN = """(tile) => btoa(Array.from(network.run(bytesOf(tile))[0], (byte) => String.fromCharCode(byte)).join(''))"""


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def page(phone: BrowserContext, server: AppServer, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A page under the app's own policy that has opened the released counter; no worker, no cache."""
    built = tmp_path_factory.mktemp("engine") / "engine-alone.js"
    bundler = FIELD / "node_modules" / "rolldown" / "bin" / "cli.mjs"
    command = [NODE, bundler, "engine/network.ts", "--file", built, "--format", "esm"]
    subprocess.run([str(part) for part in command], cwd=FIELD, check=True, capture_output=True)
    phone.route("**/engine-alone.js", lambda route: route.fulfill(path=built, content_type="text/javascript"))
    page = phone.new_page()
    page.goto(server.app_url)
    files = [FIELD / "engine" / "kernels-simd.wasm", RELEASE / "small.tflite"]
    page.evaluate(OPEN, [_base64(Path(file).read_bytes()) for file in files])
    return page


@pytest.mark.parametrize("vector", COUNTED, ids=lambda vector: vector["photo"])
def test_chromium_computes_the_bytes_of_xnnpack(page: Page, vector: dict[str, Any]) -> None:
    sidecar = json.loads((RELEASE / "small.json").read_text(encoding="utf-8"))
    sizes = Sizes(decode_photo(GOLDEN / "photos" / vector["photo"], vector["photo"]))
    looks = [tiles(sizes.at(side_px), sidecar["tile_px"], sidecar["overlap_px"]) for side_px in vector["sides_px"]]
    heats = [base64.b64decode(page.evaluate(RUN, _base64(tile.pixels.tobytes()))) for look in looks for tile in look]
    assert [hashlib.sha256(heat).hexdigest() for heat in heats] == vector["heat_sha256"]
