"""retrain_due: claims the run that is due, trains in a subprocess, writes down the verdict and releases what is better.

Station 7 of 9; next, pestwatch/release/registry.py puts a promoted model on the shelf.

Promises: the row in `training_runs` is the truth, never a queue's message; a refusal is recorded with its reason like a
promotion; a worker that was thought dead can neither publish nor overwrite its successor's verdict. Training
runs niced in a process of its own, so its memory is freed and it can be ended.
"""

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.installation import open_installation
from pestwatch.release.registry import publish
from pestwatch.retraining.job import CANDIDATE_NAME, RESULT_NAME, Result
from pestwatch.retraining.messages import BROKE_OFF
from server.config import Settings
from server.db import work
from server.db.session import open_engine, session_scope
from server.db.tables import Release
from server.tasks.export import export_job
from server.tasks.learnable import regions_to_retrain

LEASE = timedelta(minutes=10)
HEARTBEAT_S = 5.0
"""So often the lease is extended: a worker may miss many beats before another one takes over."""
LONGEST = timedelta(hours=6)
"""A run that takes longer is ended; a guess, about ten times what 300 photos take on two cores."""
NICENESS = 10
STDERR_LETTERS = 600
WAITS_FOR_EXTRA = "the training tools (TensorFlow), which are not installed here yet"


class ClaimLostError(Exception):
    """Another worker has taken the run over: stop, and write nothing."""


@dataclass
class Turn:
    """One worker's turn at one run."""

    settings: Settings
    engine: Engine
    started: datetime
    claim: work.Claim
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> datetime:
        """The time at which the turn was started, plus what has passed since; whole seconds."""
        return (self.started + timedelta(seconds=time.monotonic() - self.began)).replace(microsecond=0)

    @property
    def folder(self) -> Path:
        """Where this attempt leaves its files."""
        return self.settings.data / "jobs" / f"run-{self.claim.run}-{self.claim.attempt}"

    def beat(self, progress: float, stage: str | None) -> None:
        """Extends the lease.

        Raises:
          ClaimLostError: it is not ours any more.
        """
        with session_scope(self.engine) as session:
            held = work.extend_lease(session, self.claim, self.now + LEASE, progress, stage)
            work.record_beat(session, "worker", self.now, {"run": self.claim.run})
        if not held:
            raise ClaimLostError

    def finish(self, state: str, message: str, params: dict[str, Any], **verdict: Any) -> None:
        """Writes the verdict.

        Raises:
          ClaimLostError: it is not ours to write any more.
        """
        reason = {"message": message, "params": params}
        with session_scope(self.engine) as session:
            if not work.finish_run(session, self.claim, state, self.now, reason=reason, **verdict):
                raise ClaimLostError


def retrain_due(settings: Settings, now: datetime) -> int:
    """Works on one run if one is due, until it has a verdict.

    Args:
      settings: whose database, photos, keys and releases.
      now: aware instant.

    Returns:
      How many runs were worked on: 0 or 1.
    """
    engine = open_engine(settings.database_url)
    try:
        waits_for = what_training_waits_for(settings)
        if waits_for is not None:
            _note_waiting(engine, waits_for)
            return 0
        with session_scope(engine, read_only=True) as session:
            if not work.has_due_run(session, now):
                return 0
        with session_scope(engine) as session:
            run = work.claim_due_run(session, now, _worker_name(), LEASE)
        if run is None:
            return 0
        turn = Turn(settings, engine, now, work.claim_of(run))
        with suppress(ClaimLostError):
            _work_on(turn, run.region_id, run.seed)
        return 1
    finally:
        engine.dispose()


def ask_for_runs(settings: Settings, now: datetime) -> int:
    """Queues a run for every region in which officers have recounted enough new photos."""
    engine = open_engine(settings.database_url)
    try:
        with session_scope(engine, read_only=True) as session:
            due = regions_to_retrain(session, now)
        if due:
            with session_scope(engine) as session:
                for region in due:
                    work.request_run(session, region, now)
        return len(due)
    finally:
        engine.dispose()


def what_training_waits_for(settings: Settings) -> str | None:
    """Why no run can start on this machine, in English; None: nothing is in the way.

    While the supervisor still installs, TensorFlow may lie there in parts: what it wrote down goes before what is found.
    """
    told: dict[str, str] = {}
    with suppress(OSError, msgspec.DecodeError):
        told = msgspec.json.decode((settings.data / "train-extra.json").read_bytes(), type=dict[str, str])
    is_found = importlib.util.find_spec("tensorflow") is not None
    if is_found and told.get("state") != "installing":
        return None
    return told.get("detail", WAITS_FOR_EXTRA) if told.get("state") != "ready" else WAITS_FOR_EXTRA


def _note_waiting(engine: Engine, waits_for: str) -> None:
    with session_scope(engine, read_only=True) as session:
        unaware = [run.id for run in work.queued_runs(session) if run.waits_for != waits_for]
    if unaware:
        with session_scope(engine) as session:
            for run in unaware:
                work.note_waiting(session, run, waits_for)


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[:120]


def _work_on(turn: Turn, region: str, seed: int) -> None:
    """Export, train, judge, release. Whatever goes wrong becomes the run's verdict."""
    try:
        for former in turn.folder.parent.glob(
            f"run-{turn.claim.run}-*"
        ):  # whose worker died with people's photos in it
            shutil.rmtree(former, ignore_errors=True)
        version = export_job(turn.settings, turn.engine, turn.folder, region, turn.claim.run, seed, turn.now)
        result = _train(turn)
        if result.verdict == "promoted":
            _release(turn, region, version, result)
        else:
            turn.finish(result.verdict, result.reason.message, result.reason.params, **_found(result))
    except ClaimLostError:
        raise
    except Problem as problem:
        turn.finish("failed", problem.sentence, dict(problem.params))
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the run goes back to the queue
        if not isinstance(error, Exception):
            with session_scope(turn.engine) as session:
                work.give_back(session, turn.claim)
            raise
        turn.finish("failed", BROKE_OFF, {"detail": f"{type(error).__name__}: {error}"[:STDERR_LETTERS]})
        raise
    finally:
        shutil.rmtree(
            turn.folder / "photos", ignore_errors=True
        )  # copies of people's photos stay no longer than needed


def _train(turn: Turn) -> Result:
    """Runs the subprocess to its end and reads what it left.

    Raises:
      ClaimLostError: another worker took over meanwhile; the subprocess has been ended.
      SystemExit: somebody ended the subprocess together with us.
    """
    out, err = turn.folder / "stdout.log", turn.folder / "stderr.log"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(train_command(turn.folder), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        try:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            is_over_time = _wait(turn, process, lambda: read_progress(out))
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    if is_over_time:
        return _broke_off(f"it took longer than {LONGEST.total_seconds() / 3600:.0f} hours")
    if process.returncode in {-signal.SIGTERM, -signal.SIGINT}:
        raise SystemExit(1)
    try:
        return msgspec.json.decode((turn.folder / RESULT_NAME).read_bytes(), type=Result)
    except (OSError, msgspec.DecodeError):
        return _broke_off(_last_lines(err) or f"exit code {process.returncode}")


def train_command(folder: Path) -> list[str]:
    """What trains; it shares nothing with this process but the folder."""
    return [sys.executable, "-m", "pestwatch", "retrain", "--job", str(folder)]


def _wait(turn: Turn, process: "subprocess.Popen[bytes]", progress: Callable[[], tuple[float, str | None]]) -> bool:
    """Beats until the subprocess ends; True: it was given up because it took too long."""
    while True:
        turn.beat(*progress())
        try:
            process.wait(HEARTBEAT_S)
        except subprocess.TimeoutExpired:
            if turn.now - turn.started > LONGEST:
                return True
        else:
            return False


def read_progress(out: Path) -> tuple[float, str | None]:
    """The last line `progress 0.35 training` of a subprocess's output."""
    with suppress(OSError):
        for line in reversed(out.read_text(encoding="utf-8", errors="replace").splitlines()):
            word, _, rest = line.partition(" ")
            share, _, stage = rest.partition(" ")
            with suppress(ValueError):
                if word == "progress":
                    return min(1.0, max(0.0, float(share))), stage.strip()[:40] or None
    return 0.0, None


def _last_lines(err: Path) -> str:
    text = err.read_text(encoding="utf-8", errors="replace").replace("\x00", "").strip()
    return "\n".join(text.splitlines()[-6:])[-STDERR_LETTERS:]


def _broke_off(detail: str) -> Result:
    return msgspec.convert(
        {"verdict": "failed", "reason": {"message": BROKE_OFF, "params": {"detail": detail}}}, Result
    )


def _found(result: Result) -> dict[str, Any]:
    return {"metrics": result.metrics, "gates": msgspec.to_builtins(result.gates)}


def _release(turn: Turn, region: str, version: str, result: Result) -> None:
    """Signs, publishes and records; asks once more before it is visible whether the run is still ours."""
    candidate = Candidate.read(turn.folder / CANDIDATE_NAME)
    online = open_installation(turn.settings.keys_dir, turn.now).online
    turn.beat(1.0, "signing")
    release = publish(turn.settings.releases_dir, region, version, candidate, online, now=turn.now)
    row = Release(
        version=version,
        region_id=region,
        seq=release.manifest.seq,
        run_id=turn.claim.run,
        manifest_sha256=hashlib.sha256(release.content).hexdigest(),
        published_at=turn.now,
    )
    with session_scope(turn.engine) as session:
        work.record_release(session, row)
    turn.finish("promoted", result.reason.message, result.reason.params, version=version, **_found(result))
    shutil.rmtree(turn.folder, ignore_errors=True)
