"""A whole pestwatch on embedded defaults, started as a person starts it, and other farmers' phones around it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.dataset import Example
from tests.conftest import ROOT

RECIPES = Path(__file__).with_name("recipes")
START_S = 120
STOP_S = 60
GREETING = re.compile(
    r"dashboard +(?P<url>\S+?)/ .*?login +(?P<officer>\S+) +password (?P<password>\S+).*?enrol +(?P<code>\w{13}) ",
    re.DOTALL,
)


@dataclass(frozen=True)
class Installation:
    """What the supervisor told the person at the terminal."""

    url: str
    officer: str
    password: str
    code: str
    data: Path


@contextmanager
def running_installation(data: Path, port: int, app_dist: Path) -> Iterator[Installation]:
    """Starts `python -m server.supervisor`, reads its greeting, and stops it with Ctrl-C."""
    env = {
        **os.environ,
        "PESTWATCH_DATA": str(data),
        "PESTWATCH_PORT": str(port),
        "PESTWATCH_APP_DIR": str(app_dist),
        "PESTWATCH_RECIPES_DIR": str(RECIPES),
        "PESTWATCH_REGION": "IN-MH-500",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "server.supervisor"],
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + START_S
        while not (told := GREETING.search("".join(lines))):
            assert process.poll() is None, "".join(lines)
            assert time.monotonic() < deadline, "".join(lines)
            time.sleep(0.1)
        yield Installation(told["url"], told["officer"], told["password"], told["code"], data)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()
        reader.join(5)
        if process.stdout:
            process.stdout.close()
        if sys.exc_info()[0]:
            print("".join(lines))


@dataclass
class OtherPhone:
    """A neighbour's phone of the same district, speaking to the same API without a screen."""

    url: str
    token: str
    seq: int = 0

    @classmethod
    def enrolled(cls, url: str, code: str) -> "OtherPhone":
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        consent = {"version": 1, "at": now, "locale": "mr"}
        answer = _asked(f"{url}/api/v1/enrol", {"code": code, "locale": "mr", "consent": consent, "app": "0.1.0"})
        return cls(url, answer["token"])

    def report(self, example: Example, trap: str, model: str, days_ago: float) -> str:
        """Sends a trap, a count from a photo and the photo itself; returns the photo's sha256."""
        jpeg = io.BytesIO()
        Image.fromarray(example.image).save(jpeg, "JPEG", quality=92)
        content = jpeg.getvalue()
        name = sha256(content).hexdigest()
        at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        described = {
            "trap": trap,
            "name": f"Trap {trap}",
            "pest": "GNORAB",
            "crop": "tomato",
            "trap_type": "delta",
            "district": "IN-MH-500",
            "subdistrict": None,
            "village": None,
            "lure_changed_on": at[:10],
            "emptied_at": None,
            "sown_on": None,
        }
        counted = {
            "trap": trap,
            "taken_at": at,
            "source": "photo",
            "counts": {"GNORAB": 3, "HELIAR": 0, "NOCTUID_LARGE": 0},
            "nights": 3,
            "emptied": True,
            "lure_age_days": 3,
            "model": model,
            "gate": {"verdict": "good", "reason": None},
            "photo": name,
            "photo_consent": True,
            "decoded_scale": 1,
        }
        facts = [
            {"seq": self._next(), "kind": "trap", "at": at, "body": described},
            {"seq": self._next(), "kind": "observation", "at": at, "body": counted},
        ]
        sent_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = {
            "v": 1,
            "sent_at": sent_at,
            "cursor": None,
            "locale": "mr",
            "app": "0.1.0",
            "model": model,
            "facts": facts,
        }
        answer = _asked(f"{self.url}/api/v1/sync", message, self.token)
        assert [item["status"] for item in answer["items"]] == ["stored", "stored"], answer
        for begin in range(0, len(content), 64_000):
            place = {"Upload-Offset": str(begin), "Upload-Length": str(len(content))}
            part = content[begin : begin + 64_000]
            _asked(f"{self.url}/api/v1/photos/{name}", part, self.token, method="PATCH", **place)
        return name

    def _next(self) -> int:
        self.seq += 1
        return self.seq


def marks_of(example: Example) -> list[dict[str, Any]]:
    """Every insect of a drawn photo, as an officer would mark it."""
    height, width, _ = example.image.shape
    return [
        {"x": round(p.x_px / width, 4), "y": round(p.y_px / height, 4), "species": PHOTO_COUNTED[p.species]}
        for p in example.points
    ]


def _asked(url: str, body: Any, token: str | None = None, method: str = "POST", **more: str) -> Any:
    is_photo = isinstance(body, bytes)
    headers = {"Content-Type": "image/jpeg" if is_photo else "application/json", **more}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = body if is_photo else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content, headers, method=method), timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None
