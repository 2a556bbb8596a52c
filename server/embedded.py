"""`python -m server.embedded worker|scheduler`: the beat table without Celery, for an installation of one machine.

`worker` does the queue `training`, `scheduler` the queue `default`, so a long training holds no advice up. Both end
cleanly on SIGTERM and Ctrl-C: a run under way goes back to the queue.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from server.config import Settings
from server.logs import write_lines
from server.tasks.schedule import JOBS, PROCESS_OF, Job, run_job, say_alive

TICK_S = 5.0
log = logging.getLogger("pestwatch.embedded")


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def run_loop(
    settings: Settings, process: str, stopping: threading.Event, clock: Callable[[], datetime] = utc_now
) -> None:
    """Runs the jobs of one process whenever they are due, until told to stop.

    A job that breaks is written down and tried again at its next time; the others go on.

    Args:
      settings: whose database.
      process: `worker` or `scheduler`.
      stopping: set it to stop.
      clock: what time it is.
    """
    due_at: dict[Job, float] = {job: 0.0 for job in JOBS if PROCESS_OF[job.queue] == process}
    while not stopping.is_set():
        try:
            say_alive(settings, process, clock())
            for job, at in due_at.items():
                if time.monotonic() >= at and not stopping.is_set():
                    due_at[job] = time.monotonic() + job.every_s
                    run_job(job.name, settings, clock())
        except Exception:
            log.exception("%s: a job broke; it is tried again", process)
        stopping.wait(TICK_S)


def main(arguments: list[str]) -> int:
    """Runs until told to stop; the exit code is 0 after a stop that was asked for."""
    known = sorted(set(PROCESS_OF.values()))
    if len(arguments) != 1 or arguments[0] not in known:
        print(f"usage: python -m server.embedded {'|'.join(known)}", file=sys.stderr)
        return 2
    write_lines()
    stopping = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        raise SystemExit(0)  # a run under way is given back on the way out

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    run_loop(Settings.from_env(), arguments[0], stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
