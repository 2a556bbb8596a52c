"""Settings come from the environment, and start-up stays light."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from pestwatch.errors import Problem
from server.config import Settings


def test_an_installation_needs_no_settings_at_all(tmp_path: Path) -> None:
    settings = Settings.from_env({"PESTWATCH_DATA": str(tmp_path / "data")})
    assert settings.database_url == f"sqlite:///{tmp_path / 'data' / 'pestwatch.db'}"
    assert (settings.broker_url, settings.public_url) == (None, "http://localhost:8000")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_the_secret_is_made_once_and_for_its_owners_eyes_only(tmp_path: Path) -> None:
    env = {"PESTWATCH_DATA": str(tmp_path)}
    first, second = Settings.from_env(env), Settings.from_env(env)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 64
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert first.secret_key not in repr(first)


def test_a_certificate_makes_the_address_https(tmp_path: Path) -> None:
    env = {"PESTWATCH_DATA": str(tmp_path), "PESTWATCH_TLS_CERT": "/c.pem", "PESTWATCH_HOST": "trap.example"}
    assert Settings.from_env(env).public_url == "https://trap.example:8000"
    assert Settings.from_env(env | {"PESTWATCH_PUBLIC_URL": "https://a.example/"}).public_url == "https://a.example"


def test_a_setting_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="PESTWATCH_PORT"):
        Settings.from_env({"PESTWATCH_DATA": str(tmp_path), "PESTWATCH_PORT": "eighty"})


def test_a_setting_that_needs_a_package_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "obstore" else found(name))
    with pytest.raises(Problem, match=r"pestwatch\[s3\]"):
        Settings.from_env({"PESTWATCH_DATA": str(tmp_path), "PESTWATCH_S3_BUCKET": "photos"})


def test_the_web_process_starts_without_tensorflow_and_numpy(tmp_path: Path) -> None:
    look = "import sys, server; server.create_app(); print(sorted({'numpy', 'tensorflow', 'PIL'} & set(sys.modules)))"
    env = {"PESTWATCH_DATA": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_setting_is_explained() -> None:
    source = Path(sys.modules["server.config"].__file__).read_text()
    for name in Settings.__dataclass_fields__:
        line, explanation = source.split(f"    {name}: ", 1)[1].split("\n")[:2]
        assert explanation.strip().startswith('"""'), (name, line)
