"""nanio, an object store that checks Amazon's signatures, as a process of its own."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from server.config import Settings

KEY_ID, SECRET = "pestwatch-of-the-tests", "a-secret-of-the-tests"


@dataclass
class Bucket:
    """The store on a port of its own; a bucket is a folder."""

    port: int
    folder: Path

    def start(self) -> None:
        (self.folder / "photos").mkdir(exist_ok=True)
        env = os.environ | {"NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET}
        command = [sys.executable, "-m", "nanio", "serve", "--data-dir", str(self.folder), "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--log-level", "error", "--no-access-log"]
        self.process = subprocess.Popen(command, env=env)
        deadline = time.monotonic() + 60
        while not self.answers():
            assert time.monotonic() < deadline, "the store did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5)
        except urllib.error.HTTPError:
            return True  # it asks for a signature
        except OSError:
            return False
        return True

    def settings(self, settings: Settings, **changed: str) -> Settings:
        here = {"s3_bucket": "photos", "s3_endpoint": f"http://127.0.0.1:{self.port}"}
        return replace(settings, **here | {"s3_key_id": KEY_ID, "s3_secret": SECRET} | changed)
