"""A new version of the app reaches the phone in a real Chromium: it waits to be asked, and costs only what has changed."""

import hashlib
import shutil
from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.field.conftest import Serve, wait_for_the_counter

SHELLS = "caches.keys().then((names) => names.filter((name) => name.startsWith('pestwatch-shell-')))"
UPDATE = """async () => {
  const registration = await navigator.serviceWorker.ready;
  await registration.update();
  while (!registration.waiting) await new Promise((next) => setTimeout(next, 50));
}"""
ACTIVATE = "navigator.serviceWorker.ready.then(({ waiting }) => waiting.postMessage({ type: 'activate' }))"
IS_NEXT = "document.documentElement.dataset.version === '2'"


def publish_next_version(dist: Path) -> None:
    """Changes one word of the page, and the file list in the service worker as the build would."""
    page = dist / "index.html"
    before = hashlib.sha256(page.read_bytes()).hexdigest()[:16]
    page.write_text(page.read_text(encoding="utf-8").replace("<html ", '<html data-version="2" '), encoding="utf-8")
    after = hashlib.sha256(page.read_bytes()).hexdigest()[:16]
    worker = dist / "service-worker.js"
    assert before in worker.read_text(encoding="utf-8")
    worker.write_text(worker.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    for packed in [*dist.glob("index.html.*"), *dist.glob("service-worker.js.*")]:
        packed.unlink()


def test_a_new_version_waits_to_be_asked_then_replaces_the_shell_and_keeps_engine_and_model(
    phone: BrowserContext, serve: Serve, app_dist: Path, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    shutil.copytree(app_dist, dist)
    server = serve(dist)
    page = phone.new_page()
    page.goto(server.app_url)
    wait_for_the_counter(page)
    page.reload()
    # The language that somebody chose is wanted offline in every later version too.
    page.evaluate("fetch('i18n/hi.json').then((answer) => answer.text())")
    first = page.evaluate(SHELLS)
    assert len(first) == 1

    publish_next_version(dist)
    server.asked.clear()
    page.evaluate(UPDATE)
    assert [path for path in server.asked if path.endswith((".wasm", ".tflite"))] == []
    page.reload()
    assert not page.evaluate(IS_NEXT)

    page.evaluate(ACTIVATE)
    page.wait_for_function(IS_NEXT)  # the app loads itself again
    second = page.evaluate(SHELLS)
    assert len(second) == 1
    assert second != first

    server.stop()
    phone.set_offline(True)
    page.reload()
    assert page.evaluate(IS_NEXT)
    assert page.evaluate("fetch('i18n/hi.json').then((answer) => answer.ok)")
