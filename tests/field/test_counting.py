"""The built app in a real Chromium, without a network: the golden photos come out as the server counts them.

What the network answers is compared to the bit in field/test; here it is decoding, the worker, the cache and the CSP.
"""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.field.conftest import Serve, wait_for_the_counter

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "count.json").read_text(encoding="utf-8"))

# Starts the app's own worker with the app's own model; kept for all photos, as the app does.
START = """async ([worker, folder]) => {
  const fetched = async (name) => new Uint8Array(await (await fetch(folder + name)).arrayBuffer());
  const of = async (name) =>
    ({ tflite: await fetched(name + '.tflite'), sidecar: JSON.parse(new TextDecoder().decode(await fetched(name + '.json'))) });
  let model = { ...(await of('small')), gate: await of('gate') };
  const counting = new Worker(worker, { type: 'module' });
  window.countPhoto = (photo) => new Promise((resolve, reject) => {
    counting.onmessage = ({ data }) => ['progress', 'preview'].includes(data.kind) || resolve(data.result ?? data.problem);
    counting.onerror = (event) => reject(new Error(event.message));
    counting.postMessage({ work: { kind: 'count', photo }, model });
    model = null;
  });
}"""
COUNT = """([content, name]) => window.countPhoto(
  new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name))"""

Count = Callable[[bytes, str], dict[str, Any]]


@pytest.fixture(scope="module")
def page(phone: BrowserContext, serve: Serve, app_dist: Path) -> Page:
    """The app, installed by one visit; then its server is gone and the network is off."""
    server = serve(app_dist)
    page = phone.new_page()
    page.goto(server.app_url)
    wait_for_the_counter(page)
    server.stop()
    phone.set_offline(True)
    return page


@pytest.fixture(scope="module")
def said(page: Page) -> list[str]:
    """What the page complained of, a refusal by the content security policy for example."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@pytest.fixture(scope="module")
def count(page: Page, said: list[str], app_dist: Path) -> Count:
    page.reload()
    worker = next(app_dist.glob("assets/count.worker-*.js"))
    page.evaluate(START, [f"/app/assets/{worker.name}", f"/app/models/{EXPECTED['model']}/"])
    return lambda content, name: page.evaluate(COUNT, [base64.b64encode(content).decode(), name])


@pytest.mark.parametrize("vector", EXPECTED["photos"], ids=lambda vector: vector["photo"])
def test_the_phone_counts_without_a_network_what_the_server_counts(count: Count, vector: dict[str, Any]) -> None:
    found = count((GOLDEN / "photos" / vector["photo"]).read_bytes(), vector["photo"])
    if "problem" in vector:
        assert found["number"] == vector["problem"]
    else:
        keys = ("counts", "intervals", "marks", "gate")
        assert {key: found[key] for key in keys} == {key: vector[key] for key in keys}
        assert found["model"] == EXPECTED["model"]
        assert found["decoded_scale"] == 1


def test_what_is_no_photo_gets_a_clear_problem_and_the_next_photo_still_counts(count: Count) -> None:
    whole = (GOLDEN / "photos" / "large.jpg").read_bytes()
    hundred_megapixels = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 12_000, 9_000) + b"\x08\x02" + bytes(99)
    )
    assert count(b"", "empty.jpg")["number"] == "422.2"
    assert count(b"a letter, and not a photo at all", "letter.jpg")["number"] == "422.1"
    assert count(whole[: len(whole) // 2], "cut-off.jpg")["number"] == "422.1"
    assert count(hundred_megapixels, "large.png")["params"] == {"name": "large.png", "megapixels": 108, "limit": 50}
    assert count(whole, "large.jpg")["gate"]["verdict"] == "good"


def test_nothing_is_complained_of_under_the_strict_policy(count: Count, said: list[str]) -> None:
    count((GOLDEN / "photos" / "liner-few.png").read_bytes(), "liner-few.png")
    # The browser itself notes what the app asks for without a network.
    assert [one for one in said if "ERR_INTERNET_DISCONNECTED" not in one] == []


@pytest.mark.parametrize("photo", ["large.jpg", "turned.jpg"])
def test_a_browser_without_a_frugal_decoder_counts_the_same(page: Page, count: Count, photo: str) -> None:
    content = (GOLDEN / "photos" / photo).read_bytes()
    frugal = count(content, photo)
    (worker,) = page.workers
    worker.evaluate("() => { self.kept = self.ImageDecoder; self.ImageDecoder = undefined; }")
    plain = count(content, photo)
    worker.evaluate("() => { self.ImageDecoder = self.kept; }")
    different = {key for key in frugal if frugal[key] != plain[key]} - {"ms", "copy"}
    assert different == set()
