"""What training needs is fetched behind the running server: seen step by step, and ended with everything else.

A short script stands in for pip, which would fetch 1.5 GB.
"""

import importlib.util
import json
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from server.config import Settings
from server.supervisor import TrainExtra, stop

LONG = "exec sleep 60"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings.from_env({"PESTWATCH_DATA": str(tmp_path / "data")})


def pip_is(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    script = folder / "pip"
    script.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    script.chmod(stat.S_IRWXU)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)


def noted(settings: Settings) -> dict[str, str]:
    told: dict[str, str] = json.loads((settings.data / "train-extra.json").read_text(encoding="utf-8"))
    return told


def until_noted(settings: Settings, extra: TrainExtra, wanted: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    deadline = time.monotonic() + 20
    while not wanted(told := noted(settings)):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
        extra.look()
    return told


def test_each_step_of_the_installation_is_told_and_noted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pip_is(monkeypatch, tmp_path, "echo Requirement already satisfied: click", "echo Collecting keras", LONG)
    extra = TrainExtra(settings)
    try:
        assert until_noted(settings, extra, lambda told: "Collecting keras" in told["detail"])["state"] == "installing"
    finally:
        end(extra)
    said = capsys.readouterr().out
    assert "Collecting keras" in said
    assert "already satisfied" not in said


def end(extra: TrainExtra) -> None:
    """As on Ctrl-C."""
    assert extra.child is not None
    stop([extra.child])
    assert extra.child.process.poll() is not None
    extra.child.reader.join(10)


@pytest.mark.parametrize(("code", "state"), [(0, "ready"), (1, "failed")])
def test_the_end_of_the_installation_is_noted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, state: str
) -> None:
    pip_is(monkeypatch, tmp_path, "echo ERROR: the last line", f"exit {code}")
    extra = TrainExtra(settings)
    assert until_noted(settings, extra, lambda told: told["state"] != "installing")["state"] == state
    assert extra.child is None


def test_stopping_ends_an_installation_that_is_still_running(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip_is(monkeypatch, tmp_path, "sleep 60 &", 'echo "Collecting $!"', "wait")
    extra = TrainExtra(settings)
    grandchild = int(until_noted(settings, extra, lambda told: "Collecting " in told["detail"])["detail"].split()[-1])
    end(extra)
    deadline = time.monotonic() + 10
    while is_running(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Ended but not yet collected counts as ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_is_fetched_when_training_is_there(settings: Settings) -> None:
    extra = TrainExtra(settings)
    assert extra.child is None
    assert noted(settings)["state"] == "ready"


def test_an_installation_that_was_cut_off_is_begun_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip_is(monkeypatch, tmp_path, LONG)
    end(TrainExtra(settings))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: True)
    again = TrainExtra(settings)
    assert noted(settings)["state"] == "installing"
    end(again)
