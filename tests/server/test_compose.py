"""docker-compose.yml says what runs: its own commands and environment, as processes, on a real PostgreSQL and Valkey.

No image is built here. Replaced are only the two service addresses, the volume's path and the published port.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from server import auth
from server.celery_app import make_celery
from server.config import REPOSITORY, Settings
from server.db import work
from server.db.session import open_engine, session_scope
from server.tasks.schedule import DEFAULT, JOBS, PROCESS_OF, TRAINING
from tests import factories
from tests.server.conftest import login_of

STAY = ("web", "worker", "trainer", "beat")
OURS = ("prepare", *STAY)
SECRETS = {
    "POSTGRES_PASSWORD": "of-the-tests",
    "POSTGRES_WEB_PASSWORD": "of-the-web",
    "PESTWATCH_SECRET_KEY": "of-the-tests-too",
    "PESTWATCH_NAME": "pw.test",
}
OWNER = "PESTWATCH_OWNER_DATABASE_URL"
PATIENCE_S = 90
COUNTED = "PROMETHEUS_MULTIPROC_DIR"
Service = dict[str, Any]


def read_compose(values: dict[str, str]) -> dict[str, Service]:
    """The services, with ${NAME:?why} and ${NAME:-} filled in as Compose does."""

    def fill(found: re.Match[str]) -> str:
        assert found[1] in values or found[2] == ":-", f"{found[1]} must be set"
        return values.get(found[1], "")

    written = (REPOSITORY / "docker-compose.yml").read_text()
    services: dict[str, Service] = yaml.safe_load(re.sub(r"\$\{(\w+)(:[?-])?[^}]*\}", fill, written))["services"]
    return services


@pytest.fixture
def services() -> dict[str, Service]:
    return read_compose(SECRETS)


# --- the file


def test_the_production_set_is_complete(services: dict[str, Service]) -> None:
    assert set(services) == {"front", "db", "redis", *OURS}


def test_no_secret_has_a_default_and_the_example_names_them_all() -> None:
    written = (REPOSITORY / "docker-compose.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", written))
    may_stay_empty = set(re.findall(r"\$\{(\w+):-\}", written))
    assert set(re.findall(r"\$\{(\w+)", written)) == asked | may_stay_empty
    example = (REPOSITORY / "deploy" / "example.env").read_text()
    assert set(re.findall(r"^(\w+)=\s*$", example, flags=re.MULTILINE)) == asked
    assert set(re.findall(r"^#(\w+)=", example, flags=re.MULTILINE)) == may_stay_empty


INSIDE = {"PHOTOS_DIR", "MODELS_DIR", "APP_DIR", "RECIPES_DIR", "HOST", "PORT", "TLS_CERT", "TLS_KEY"}
"""The image's own business: its folders, and the address behind the front, which does TLS."""


def test_every_setting_is_within_reach_and_explained(services: dict[str, Service]) -> None:
    settings = {field.name.upper() for field in fields(Settings)}
    for name in OURS:
        reached = {key.removeprefix("PESTWATCH_") for key in services[name]["environment"] if key != COUNTED}
        assert reached | {OWNER.removeprefix("PESTWATCH_")} == settings - INSIDE
    explained = (REPOSITORY / "docs" / "operations.md").read_text()
    assert {name for name in settings if f"`{name}`" not in explained} == set()


def test_only_what_prepares_has_the_login_that_owns_the_tables(services: dict[str, Service]) -> None:
    assert [name for name in services if OWNER in services[name].get("environment", {})] == ["prepare"]
    for name in STAY:
        assert SECRETS["POSTGRES_PASSWORD"] not in services[name]["environment"].values()
        assert "//pestwatch_web:of-the-web@" in services[name]["environment"]["PESTWATCH_DATABASE_URL"]
        assert services[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_an_empty_setting_is_none(services: dict[str, Service], tmp_path: Path) -> None:
    here = Settings.from_env({**services["web"]["environment"], "PESTWATCH_DATA": str(tmp_path)})
    assert (here.s3_bucket, here.sms_number, here.metrics_token, here.log_requests) == (None, None, None, True)
    assert here.region == "IN-MH-500"


@pytest.mark.parametrize("name", OURS)
def test_every_image_of_ours_has_its_dockerfile_and_prepares_itself(services: dict[str, Service], name: str) -> None:
    dockerfile = (REPOSITORY / services[name]["build"]["dockerfile"]).read_text()
    assert 'ENTRYPOINT ["deploy/start"]' in dockerfile
    assert re.search(r"^USER (?!root)", dockerfile, flags=re.MULTILINE)
    assert ("[train," in dockerfile) == (name == "trainer"), "TensorFlow belongs to the trainer alone"


DOCKERFILES = ("deploy/web.Dockerfile", "deploy/trainer.Dockerfile")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_a_dockerfile_installs_and_runs_is_there(name: str) -> None:
    written = (REPOSITORY / name).read_text()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"-e '\.\[([^\]]+)\]'", written):
        assert set(extras.split(",")) <= set(project["optional-dependencies"])
    pinned = set(re.findall(r"^([\w.-]+)==", (REPOSITORY / "constraints.txt").read_text(), flags=re.MULTILINE))
    for packages in re.findall(r"--target \S+ ([\w -]+) \|\|", written):
        assert set(packages.split()) <= pinned
    image = re.search(r"^FROM python:(3\.\d+)-slim", written, flags=re.MULTILINE)
    assert image
    assert image[1] == project["requires-python"].removeprefix(">=").partition(",")[0]
    assert os.access(REPOSITORY / "deploy" / "start", os.X_OK)
    for folder in ("/data", "/srv/app") if "web" in name else ("/data",):
        assert re.search(rf"mkdir .*{folder}.* && chown pestwatch .*{folder}", written), (
            "a fresh volume takes its owner"
        )


def test_no_secret_and_nothing_built_elsewhere_gets_into_an_image() -> None:
    left_out = set((REPOSITORY / ".dockerignore").read_text().split())
    assert {".env", ".git", ".venv", "**/node_modules", "field/dist"} <= left_out
    needed = {"pestwatch", "server", "i18n", "field", "mobile_models", "deploy", "constraints.txt", "pyproject.toml"}
    assert not {name.strip("*/").partition("/")[0] for name in left_out if "/" not in name.strip("*/")} & needed


def test_every_queue_has_a_worker(services: dict[str, Service]) -> None:
    served = {name: argument_of(services[name]["command"], "--queues") for name in ("worker", "trainer")}
    assert served == {"worker": DEFAULT, "trainer": TRAINING}
    assert {job.queue for job in JOBS} == set(served.values())


def test_the_front_serves_what_web_lays_out(services: dict[str, Service]) -> None:
    mounted = [volume.split(":")[0] for volume in services["front"]["volumes"]]
    caddyfile = (REPOSITORY / next(path for path in mounted if path.endswith("Caddyfile"))).read_text()
    assert "precompressed br" in caddyfile
    assert re.search(r"root \* /srv/app", caddyfile)
    assert "app" in mounted
    assert any(volume.startswith("app:") for volume in services["web"]["volumes"])


# --- the processes


class Installation:
    """What Compose would start, as processes."""

    def __init__(
        self, services: dict[str, Service], folder: Path, postgres_url: str, valkey_url: str, port: int
    ) -> None:
        self.services, self.port = services, port
        self.places = {
            f"postgresql+psycopg://pestwatch:{SECRETS['POSTGRES_PASSWORD']}@db:5432/pestwatch": postgres_url,
            f"postgresql+psycopg://pestwatch_web:{SECRETS['POSTGRES_WEB_PASSWORD']}@db:5432/pestwatch": login_of(
                postgres_url
            ),
            "redis://redis:6379/0": valkey_url,
            "/data": str(folder),
            "/tmp/pestwatch-counted": str(folder / "counted"),
            "0.0.0.0:8000": f"127.0.0.1:{port}",
        }

    def environment(self, name: str) -> dict[str, str]:
        set_here = {key: self.place(value) for key, value in self.services[name]["environment"].items()}
        outside = {key: value for key, value in os.environ.items() if not key.startswith("PESTWATCH_")}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return outside | set_here | {"PATH": path, "PYTHONUNBUFFERED": "1"}

    def place(self, value: str) -> str:
        for there, here in self.places.items():
            value = value.replace(there, here)
        return value

    @contextmanager
    def running(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The image's entry point with the service's command; told to stop as Docker does, and given as long."""
        command = ["deploy/start", *(self.place(argument) for argument in self.services[name]["command"])]
        process = subprocess.Popen(command, cwd=REPOSITORY, env=self.environment(name))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            grace = self.services[name].get("stop_grace_period", "10s")
            try:
                process.wait(int(grace.removesuffix("s")))
            finally:
                process.kill()

    def call(self, path: str, body: Any = None, token: str | None = None) -> dict[str, Any]:
        """Speaks to web as the front does."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def is_ready(self) -> bool:
        try:
            return self.call("ready")["status"] == "ready"
        except OSError:
            return False


def argument_of(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def beat_names(engine: Engine) -> set[str]:
    with session_scope(engine, read_only=True) as session:
        return {beat.name for beat in work.beats(session)}


def test_the_four_services_carry_a_count_to_advice_and_a_run_to_its_verdict(
    services: dict[str, Service], tmp_path: Path, postgres_url: str, valkey_url: str, free_port: int
) -> None:
    here = Installation(services, tmp_path, postgres_url, valkey_url, free_port)
    settings = Settings.from_env(here.environment("worker"))
    engine = open_engine(postgres_url)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        with here.running("prepare") as prepared:
            assert prepared.wait(PATIENCE_S) == 0
        started = [stack.enter_context(here.running(name)) for name in STAY]
        until(here.is_ready)
        assert here.call("ready")["broker"] == "here"

        # A phone enrols and counts; the worker turns the count into advice; the phone fetches it.
        with session_scope(engine) as session:
            code = auth.make_code(session, settings.region, now)
        consent = {"version": 1, "at": factories.instant(now), "locale": "te"}
        token = here.call("enrol", {"code": code, "locale": "te", "app": "0.1.0", "consent": consent})["token"]
        facts = [factories.trap_fact(1, at=now), factories.observation_fact(2, at=now, counts={"HELIAR": 60})]
        here.call("sync", factories.push(*facts, sent_at=now), token)
        broker = make_celery(settings)
        stack.callback(broker.close)
        broker.send_task("issue_advisories", queue=DEFAULT)  # what beat sends each minute

        def advice() -> list[Any]:
            changes: list[Any] = here.call("sync", factories.push(sent_at=datetime.now(UTC)), token)["changes"]
            return changes

        until(advice)
        assert advice()[0]["advice"]["level"] == "orange"

        # An officer asks for a run; beat's own message makes the trainer claim it and write a verdict with its reason.
        with session_scope(engine) as session:
            run = work.request_run(session, settings.region, now).id

        def verdict() -> str:
            with session_scope(engine, read_only=True) as session:
                row = work.run_by_id(session, run)
                return row.state if row and row.reason else ""

        until(verdict)
        assert verdict() == "refused"  # there is no recounted photo yet
        assert set(PROCESS_OF.values()) <= beat_names(engine)
        assert [process.poll() for process in started] == [None] * 4
        for process in started:  # all at once, as `docker compose down` does
            process.send_signal(signal.SIGTERM)
