"""A full server says so at once, and lets in who comes later."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from server.logs import JsonLines
from server.turnstile import RETRY_S, Turnstile
from tests.factories import push, trap_fact
from tests.server.conftest import Phone


class Gate:
    """An app that holds every request until the gate opens, and reads its body."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = self.most = 0
        self.bodies: list[bytes] = []
        self.closed = 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "Gate":
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.open.wait(10)
        self.bodies.append(environ["wsgi.input"].read())
        with self._lock:
            self.inside -= 1
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield b"do"
        yield b"ne"

    def close(self) -> None:
        self.closed += 1


class Body:
    """A body that arrives, and counts who reads it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, size: int = -1) -> bytes:
        end = len(self.content) if size < 0 else size
        taken, self.content = self.content[:end], self.content[end:]
        return taken


def ask(door: Turnstile, path: str = "/api/v1/sync", body: Body | None = None) -> tuple[str, dict[str, str], bytes]:
    said: list[Any] = []
    environ = {"PATH_INFO": path, "CONTENT_LENGTH": "5", "wsgi.input": body or Body(b"hello")}
    answer = b"".join(door(environ, lambda status, headers, *_: said.extend([status, dict(headers)])))
    return said[0], said[1], answer


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def crowd(door: Turnstile, count: int) -> tuple[list[threading.Thread], list[str]]:
    statuses: list[str] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(door)[0])) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


def until(check: Any) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_comes_to_a_full_server_is_told_at_once_when_to_come_again(gate: Gate) -> None:
    door = Turnstile(gate, at_work=2, waiting=3)
    threads, statuses = crowd(door, 8)
    until(lambda: len(statuses) == 3)
    assert statuses == ["503 Service Unavailable"] * 3
    status, headers, answer = ask(door)
    assert status == "503 Service Unavailable"
    assert RETRY_S[0] <= int(headers["Retry-After"]) <= RETRY_S[1]
    problem = json.loads(answer)["problem"]
    assert (problem["number"], problem["params"]) == ("503.3", {"seconds": int(headers["Retry-After"])})
    assert ask_aside(door, gate) == "200 OK"
    gate.open.set()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == ["200 OK"] * 5 + ["503 Service Unavailable"] * 3
    assert gate.most <= 2 + 1, "beside the one that is not counted, two work at once"
    assert ask(door) == ("200 OK", {}, b"done")
    assert set(gate.bodies) == {b"hello"}
    assert gate.closed == 5 + 1


def ask_aside(door: Turnstile, gate: Gate) -> str:
    """Health is answered whoever waits."""
    aside: list[str] = []
    thread = threading.Thread(target=lambda: aside.append(ask(door, "/api/v1/health")[0]))
    thread.start()
    until(lambda: gate.inside == 3)
    gate.open.set()
    thread.join()
    return aside[0]


class Trickle(Body):
    """A body of which no more comes until it is let go."""

    def __init__(self) -> None:
        super().__init__(b"hello")
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.begun.set()
        self.go_on.wait(10)
        return super().read(size)


def test_who_still_sends_takes_no_place(gate: Gate) -> None:
    door = Turnstile(gate, at_work=1, waiting=0)
    gate.open.set()
    slow = [Trickle() for _ in range(5)]
    statuses: list[str] = []
    threads = [threading.Thread(target=lambda body=body: statuses.append(ask(door, body=body)[0])) for body in slow]
    for thread in threads:
        thread.start()
    for body in slow:
        assert body.begun.wait(10)
    assert ask(door)[0] == "200 OK"
    for thread, body in zip(threads, slow, strict=True):
        body.go_on.set()
        thread.join()
    assert statuses == ["200 OK"] * 5


class Broken(Body):
    """A body whose link breaks, with or without a word."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__(b"hell")
        self.error = error

    def read(self, size: int = -1) -> bytes:
        if self.error:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("error", [None, TimeoutError(), ConnectionResetError()])
def test_half_a_message_is_not_passed_on(gate: Gate, error: OSError | None) -> None:
    gate.open.set()
    status, headers, _ = ask(Turnstile(gate, at_work=1, waiting=0), body=Broken(error))
    assert (status, "Retry-After" in headers, gate.bodies) == ("503 Service Unavailable", True, [])


def counted(why: str) -> float:
    labels = {"route": "/api/v1/sync", "why": why}
    return REGISTRY.get_sample_value("pestwatch_sent_away_total", labels) or 0.0


def test_who_is_sent_away_is_counted_and_written_down(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    before = {why: counted(why) for why in ("full", "waited", "broke_off")}
    waits = REGISTRY.get_sample_value("pestwatch_turn_seconds_count") or 0.0
    door = Turnstile(gate, at_work=1, waiting=1, patience_s=0.05)
    threads, statuses = crowd(door, 2)
    until(lambda: len(statuses) == 1)
    full = Turnstile(gate, at_work=1, waiting=0)
    full._inside.acquire()
    ask(full, "/api/v1/sync?token=secret")
    ask(door, body=Broken(None))
    gate.open.set()
    for thread in threads:
        thread.join()
    assert {why: counted(why) - count for why, count in before.items()} == {"full": 1, "waited": 1, "broke_off": 1}
    assert REGISTRY.get_sample_value("pestwatch_turn_seconds_count") == waits + 2
    lines = [json.loads(JsonLines().format(r)) for r in caplog.records if r.name == "pestwatch.turnstile"]
    assert {line["why"] for line in lines} == {"full", "waited", "broke_off"}
    assert {(line["route"], line["status"], line["problem"]) for line in lines} == {("/api/v1/sync", 503, "503.3")}


def test_who_has_waited_too_long_is_sent_away_too(gate: Gate) -> None:
    door = Turnstile(gate, at_work=1, waiting=1, patience_s=0.05)
    threads, statuses = crowd(door, 2)
    until(lambda: statuses == ["503 Service Unavailable"])
    gate.open.set()
    for thread in threads:
        thread.join()
    assert statuses == ["503 Service Unavailable", "200 OK"]


def test_a_request_that_breaks_gives_its_place_back() -> None:
    def breaks(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise ArithmeticError

    door = Turnstile(breaks, at_work=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ArithmeticError):
            ask(door)


def test_the_server_stands_behind_it(app: Flask, phone: Phone) -> None:
    full = Turnstile(app.wsgi_app, at_work=1, waiting=0)
    full._inside.acquire()
    app.wsgi_app, behind = full, app.wsgi_app
    response = phone.send(json.dumps(push(trap_fact(1))).encode())
    assert (response.status_code, response.json["problem"]["number"]) == (503, "503.3")
    app.wsgi_app = behind
    assert isinstance(behind, Turnstile)
    assert phone.sync(trap_fact(1))["items"][0]["status"] == "stored"
