"""Whatever becomes of a training run stands in its row: promoted, refused, failed, waiting."""

import hashlib
import importlib.util
import json
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CardFacts
from pestwatch.release.installation import open_installation
from pestwatch.release.registry import find_current
from pestwatch.release.signing import Trust
from server.config import REPOSITORY, Settings
from server.db import catches, work
from server.db.session import session_scope
from server.db.tables import TrainingRun
from server.tasks import learnable, retrain
from tests import factories
from tests.factories import NOW, REGION, observation_fact, trap_fact
from tests.server.conftest import Phone

VERSION = "IN-MH-500-20261125-1"
TRAINER = """
import json, pathlib, sys
job = pathlib.Path(sys.argv[1])
assert json.loads((job / "job.json").read_text())["region"] == "IN-MH-500"
{body}
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation of the other tests, with the base release that the project ships."""
    for name in ("releases", "recipes"):
        settings.models_dir.mkdir(exist_ok=True)
        (settings.models_dir / name).symlink_to(REPOSITORY / "mobile_models" / name)
    return Settings(**{**vars(settings), "recipes_dir": settings.models_dir / "recipes"})


@pytest.fixture(autouse=True)
def _has_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine can train is what one test is about, not the others."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found("json" if name == "tensorflow" else name))
    monkeypatch.setattr(retrain, "HEARTBEAT_S", 0.1)


def trains_like(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A process of ours stands in for TensorFlow's hours; the way there and back is the real one."""
    script = TRAINER.format(body=body)
    monkeypatch.setattr(retrain, "train_command", lambda folder: [sys.executable, "-c", script, str(folder)])


def request(engine: Engine) -> int:
    with session_scope(engine) as session:
        return work.request_run(session, REGION, NOW, seed=7).id


def run_row(engine: Engine, run: int) -> TrainingRun:
    with session_scope(engine, read_only=True) as session:
        row = work.run_by_id(session, run)
    assert row is not None
    return row


def result(verdict: str, **more: Any) -> str:
    told = {"verdict": verdict, "reason": {"message": "It counts %(n)s better.", "params": {"n": 3}}} | more
    return f"(job / 'result.json').write_text({json.dumps(json.dumps(told))})"


def candidate_in(folder: Path) -> Path:
    files = {
        "small.tflite": b"a model",
        "small.json": json.dumps({"v": 2, "version": VERSION}).encode(),
        "golden.png": factories.png(4, 4),
    }
    counts = {"small": {"GNORAB": 7, "HELIAR": 0, "NOCTUID_LARGE": 1}}
    Candidate(files, counts, {}, CardFacts("Counts moths."), "base-20261125-1").write(folder)
    return folder


@pytest.fixture
def recounted(phone: Phone, engine: Engine) -> str:
    """A photo that an officer has recounted, on disk; its SHA-256."""
    photo = factories.png()
    sha256 = hashlib.sha256(photo).hexdigest()
    phone.sync(trap_fact(1), observation_fact(2, photo=sha256, photo_consent=True))
    assert phone.send_photo(sha256, photo).status_code == 201
    with session_scope(engine) as session:
        catches.record_officer_recount(
            session,
            catches.ObservationId(phone.row.id, 2),
            {"HELIAR": 1},
            marks=[{"x": 0.5, "y": 0.5, "species": "HELIAR"}],
            staff=factories.staff(session),
            now=NOW,
        )
    return sha256


def test_nothing_is_due_when_nobody_asked(settings: Settings, engine: Engine) -> None:
    assert retrain.retrain_due(settings, NOW) == 0


def test_a_promoted_model_is_signed_published_and_recorded(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recounted: str
) -> None:
    made = candidate_in(tmp_path / "made")
    trains_like(
        monkeypatch,
        f"""
told = json.loads((job / "job.json").read_text())
assert told["version"] == "{VERSION}" and told["seed"] == 7
(photo,) = told["photos"]
assert photo["sha256"] == "{recounted}" and (job / photo["file"]).read_bytes()[:4] == bytes([137, 80, 78, 71])
assert photo["recount"]["by"] == "officer" and len(photo["recount"]["marks"]) == 1
print("progress 0.5 training", flush=True)
import shutil
shutil.copytree({str(made)!r}, job / "candidate")
{result("promoted", gates=[{"name": "size", "passed": True, "detail": "7.", "message": "7.", "params": {}}])}
""",
    )
    run = request(engine)
    assert retrain.retrain_due(settings, NOW) == 1
    row = run_row(engine, run)
    assert (row.state, row.version, row.progress) == ("promoted", VERSION, 1.0)
    assert row.reason == {"message": "It counts %(n)s better.", "params": {"n": 3}}
    assert row.gates[0]["name"] == "size"
    release = find_current(REGION, settings.releases_dir)
    assert release.manifest.version == VERSION
    release.verified(Trust(root=open_installation(settings.keys_dir, NOW).root))
    with session_scope(engine, read_only=True) as session:
        (recorded,) = work.releases_of(session, REGION)
    assert (recorded.run_id, recorded.seq) == (run, release.manifest.seq)
    assert recorded.manifest_sha256 == hashlib.sha256(release.content).hexdigest()
    assert not list((settings.data / "jobs").glob("*/photos"))


def test_a_refusal_is_recorded_with_its_reason(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trains_like(monkeypatch, result("refused"))
    run = request(engine)
    retrain.retrain_due(settings, NOW)
    row = run_row(engine, run)
    assert (row.state, row.version) == ("refused", None)
    assert row.reason["message"] == "It counts %(n)s better."
    assert not settings.releases_dir.exists()


def test_a_crash_leaves_the_last_lines_of_what_it_said(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trains_like(monkeypatch, "raise MemoryError('no room for the photos')")
    run = request(engine)
    retrain.retrain_due(settings, NOW)
    row = run_row(engine, run)
    assert row.state == "failed"
    assert "no room for the photos" in row.reason["params"]["detail"]


def test_photos_that_a_dead_attempt_left_are_removed(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trains_like(monkeypatch, result("refused"))
    run = request(engine)
    left = settings.data / "jobs" / f"run-{run}-0" / "photos"
    left.mkdir(parents=True)
    retrain.retrain_due(settings, NOW)
    assert not left.exists()


def test_without_a_base_release_the_run_fails_in_words(settings: Settings, engine: Engine) -> None:
    (settings.models_dir / "releases").unlink()
    run = request(engine)
    retrain.retrain_due(settings, NOW)
    row = run_row(engine, run)
    assert (row.state, row.reason["params"]) == ("failed", {"name": "base"})


def test_without_tensorflow_a_run_says_what_it_waits_for(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    run = request(engine)
    assert retrain.retrain_due(settings, NOW) == 0
    row = run_row(engine, run)
    assert (row.state, row.waits_for) == ("queued", retrain.WAITS_FOR_EXTRA)
    told = {"state": "installing", "detail": "the training packages are being installed (about 1.5 GB)"}
    (settings.data / "train-extra.json").write_text(json.dumps(told))
    retrain.retrain_due(settings, NOW)
    assert run_row(engine, run).waits_for == told["detail"]
    monkeypatch.undo()  # TensorFlow lies there already, but the rest is still on its way
    assert retrain.retrain_due(settings, NOW) == 0
    assert run_row(engine, run).waits_for == told["detail"]


def test_progress_is_seen_while_it_trains_and_a_lost_claim_ends_it(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "pid"
    trains_like(
        monkeypatch,
        f"""
import os, time
pathlib.Path({str(said)!r}).write_text(f"{{os.getpid()}} {{os.nice(0)}}")
print("progress 0.35 training", flush=True)
time.sleep(60)
""",
    )
    run = request(engine)
    thread = threading.Thread(target=retrain.retrain_due, args=(settings, NOW))
    thread.start()
    until(lambda: run_row(engine, run).progress == 0.35)
    assert run_row(engine, run).stage == "training"
    with session_scope(engine) as session:
        assert work.claim_due_run(session, NOW + timedelta(days=1), "another worker", timedelta(minutes=5))
    thread.join(20)
    assert not thread.is_alive()
    pid, niceness = map(int, said.read_text().split())
    assert niceness >= retrain.NICENESS
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    row = run_row(engine, run)
    assert (row.state, row.claimed_by) == ("running", "another worker")


def test_a_trainer_that_is_ended_with_its_worker_goes_back_to_the_queue(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    trains_like(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    run = request(engine)
    with pytest.raises(SystemExit):
        retrain.retrain_due(settings, NOW)
    assert run_row(engine, run).state == "queued"


def test_the_schedule_asks_for_a_run_when_enough_was_recounted(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, recounted: str
) -> None:
    assert retrain.ask_for_runs(settings, NOW) == 0
    monkeypatch.setattr(learnable, "NEW_RECOUNTS", 1)
    assert retrain.ask_for_runs(settings, NOW) == 1
    assert retrain.ask_for_runs(settings, NOW) == 0


def test_the_real_trainer_refuses_a_region_without_recounts(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrain, "HEARTBEAT_S", 1.0)
    run = request(engine)
    retrain.retrain_due(settings, NOW)
    row = run_row(engine, run)
    assert row.state == "refused", row.reason
    assert row.reason["params"]["found"] == 0


def until(condition: Any, seconds: float = 20) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
