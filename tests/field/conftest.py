"""The built app served as in production, and a browser that visits it."""

import io
import json
import os
import re
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from werkzeug.serving import WSGIRequestHandler, make_server

from pestwatch.sync.protocol import read_facts, read_request
from pestwatch.sync.spelling import to_json
from server import create_app
from server.config import Settings
from tests.conftest import Chromium

FAKE_CAMERA = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"
expect.set_options(timeout=30_000)  # a loaded machine takes its time
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


class AppServer:
    """The real server on a thread; `asked` holds the paths that were asked for, `stop` is the end of the network.

    Args:
      app_dir: the built app.
      data: folder of the installation; its database is made only where a test needs it.
      **settings: more of the environment, without its prefix.
    """

    def __init__(self, app_dir: Path, data: Path, **settings: str) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Noting(WSGIRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                asked.append(self.path)

        env = {"DATA": str(data), "APP_DIR": str(app_dir), **settings}
        self.app = create_app(Settings.from_env({f"PESTWATCH_{name}": value for name, value in env.items()}))
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Noting)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.app_url = f"{self.url}/app/"

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


Serve = Callable[[Path], AppServer]


@contextmanager
def browser(chromium: Chromium, profile: Path, *flags: str) -> Iterator[BrowserContext]:
    """A phone's browser, started with more flags perhaps: what it stores lies in `profile` and outlives it."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium.path, env={**os.environ, **chromium.env}, args=[*FLAGS, *flags]
        )
        yield context
        with suppress(PlaywrightError):  # a test may have killed it
            context.close()


def main_process(profile: Path) -> int:
    """The process that is the browser with this profile, whose end is the end of all."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if f"--user-data-dir={profile}" in words and not any(word.startswith("--type=") for word in words):
                return int(folder.name)
    raise LookupError(f"no browser runs with {profile}")


@pytest.fixture(scope="module")
def phone(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browser(chromium, tmp_path_factory.mktemp("phone")) as context:
        yield context


@pytest.fixture
def own_phone(chromium: Chromium, tmp_path: Path) -> Iterator[BrowserContext]:
    """A phone that nobody has used yet."""
    with browser(chromium, tmp_path / "phone") as context:
        yield context


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a server for a built app; stopped at the latest when the module is done."""
    servers: list[AppServer] = []

    def start(app_dir: Path) -> AppServer:
        servers.append(AppServer(app_dir, tmp_path_factory.mktemp("data")))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(serve: Serve, app_dist: Path) -> AppServer:
    return serve(app_dist)


@pytest.fixture
def farmer(chromium: Chromium, server: AppServer, tmp_path: Path) -> Iterator[Page]:
    """A phone with one trap for Helicoverpa on cotton, emptied three days ago; not enrolled."""
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(server.app_url)
        for testid in ("language-en", "consent-agree", "pest-HELIAR", "emptied-3", "save-trap"):
            tap(page, testid)
        expect(page.get_by_test_id("trap-card")).to_be_visible()
        yield page


@pytest.fixture
def page(chromium: Chromium, server: AppServer, tmp_path: Path) -> Iterator[Page]:
    """A phone whose farmer has agreed and has no trap yet."""
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(server.app_url)
        tap(page, "language-en")
        tap(page, "consent-agree")
        expect(page.get_by_test_id("screen-new-trap")).to_be_visible()
        tap(page, "back")
        expect(page.get_by_test_id("add-trap")).to_be_visible()
        yield page


@pytest.fixture
def pink(page: Page) -> Page:
    """A phone with one trap for pink bollworm, emptied three days ago."""
    for testid in ("add-trap", "pest-PECTGO", "emptied-3", "save-trap"):
        tap(page, testid)
    expect(page.get_by_test_id("trap-card")).to_be_visible()
    return page


PUT_SETTING = """([key, value]) => new Promise((done) => {
  const asked = indexedDB.open('pestwatch');
  asked.onsuccess = () => {
    const tx = asked.result.transaction('settings', 'readwrite');
    tx.objectStore('settings').put(value, key);
    tx.oncomplete = () => { asked.result.close(); done(); };
  };
})"""


def camera_that_sees(photo: Path, folder: Path, size_px: tuple[int, int] = (1280, 960)) -> tuple[str, ...]:
    """Flags for a camera that is allowed, and looks at one photo without end."""
    frame = io.BytesIO()
    Image.open(photo).convert("RGB").resize(size_px).save(frame, "JPEG", quality=95)
    video = folder / "camera.mjpeg"
    video.write_bytes(frame.getvalue() * 2)
    return (FAKE_CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={video}")


COUNTER_IS_HERE = """async () => {
  const { active } = await navigator.serviceWorker.ready;
  const channel = new BroadcastChannel('pestwatch-arrival');
  const here = new Promise((done, fail) => {
    channel.onmessage = ({ data }) => data.state === 'here' && done();
    setTimeout(() => fail(new Error('the counter did not come')), 60_000);
  });
  active.postMessage({ type: 'bring' });
  await here;
  channel.close();
}"""


def wait_for_the_counter(page: Page) -> None:
    """Until engine and model lie on the phone: the first visit goes on without them."""
    page.evaluate(COUNTER_IS_HERE)


def tap(page: Page, testid: str) -> None:
    page.get_by_test_id(testid).first.click()


def save_everything(page: Page) -> Path:
    """The file that the screen of sending saves."""
    page.goto(re.sub("#.*", "#/outbox", page.url))
    with page.expect_download() as saved:
        tap(page, "export")
    return Path(saved.value.path())


def facts_in(file: Path) -> list[dict[str, Any]]:
    """Every fact in a saved file."""
    with zipfile.ZipFile(file) as archive:
        facts: list[dict[str, Any]] = json.loads(archive.read("pestwatch.json"))["facts"]
    return facts


def count_by_hand(page: Page, tens: int) -> None:
    tap(page, "count-by-hand")
    for _ in range(tens):
        tap(page, "count-plus-10")
    tap(page, "save-count")
    expect(page.get_by_test_id("advice")).to_be_visible()


def sync_answer(facts: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    items = [{"seq": fact["seq"], "status": "stored", "problem": None} for fact in facts]
    answer = {"v": 1, "server_time": "2026-11-25T03:04:05Z", "clock_offset_ms": 0, "device": "active", "items": items}
    return {**answer, "cursor": "1", "more": False, "changes": [], "release": None, **changed}


def enrol_with(context: BrowserContext, answer: Any) -> None:
    """Stands in for a server that enrols everybody and answers each sync by `answer(facts)`."""
    enrolled = {"device": 7, "token": "t", "region": "IN-MH-500", "root": {"key_id": "a", "public_key": "b"}}
    context.route("**/api/v1/enrol", lambda route: route.fulfill(status=201, json=enrolled))

    def sync(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        if "content-encoding" in route.request.headers:
            body = zlib.decompress(body)
        facts = read_facts(read_request(to_json(body, route.request.headers["content-type"])))
        route.fulfill(json=answer([json.loads(fact.content) for fact in facts]))

    context.route("**/api/v1/sync", sync)
