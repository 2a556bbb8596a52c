"""The engine in Firefox, where one is installed, gives the answers of count.json to the bit."""

import functools
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIELD
from tests.field.test_engine import COUNTED, RELEASE, VARIANTS, bundle_engine, tiles_of

FIREFOX = shutil.which("firefox") or shutil.which("firefox-esr")
PAGE = """<!doctype html><script type="module">
import { Network } from "./engine.js";
const read = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
for (const variant of ["simd", "plain"]) {
  const kernels = await WebAssembly.compile(await read(`kernels-${variant}.wasm`));
  const network = await Network.open(kernels, await read("small.tflite"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", network.run(await read("tile.bin"))[0]));
  await fetch(`answer-${variant}-${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}
</script>"""


@pytest.mark.skipif(FIREFOX is None, reason="firefox is not installed")
def test_firefox_computes_the_bytes_of_xnnpack(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    (site / "tile.bin").write_bytes(tiles_of(COUNTED[0])[0])
    bundle_engine(site / "engine.js")
    for file in [RELEASE / "small.tflite", *FIELD.glob("engine/kernels-*.wasm")]:
        shutil.copy(file, site)
    answers: dict[str, str] = {}
    is_done = threading.Event()

    class Noting(SimpleHTTPRequestHandler):
        def log_request(self, *_: Any) -> None:
            if self.path.startswith("/answer-"):
                _, variant, sha256 = self.path.split("-")
                answers[variant] = sha256
                if len(answers) == len(VARIANTS):
                    is_done.set()

        def log_error(self, *_: Any) -> None:
            """An answer is no file, and that is no error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Noting, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/index.html"
        command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(tmp_path), address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as firefox:
            is_done.wait(timeout=240)
            firefox.terminate()
        server.shutdown()
    assert answers == dict.fromkeys(VARIANTS, COUNTED[0]["heat_sha256"][0])
