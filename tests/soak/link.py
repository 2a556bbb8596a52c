"""A TCP link between a phone and a server that breaks, repeats and delays as it is told, to the byte."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Fault:
    """What happens to the next exchange; nothing, if nothing is said."""

    request_bytes: int | None = None
    """The link is cut when this many bytes of the request have gone through."""
    answer_bytes: int | None = None
    """The link is cut when this many bytes of the answer have gone through: the server has done its work."""
    copies: int = 1
    """How often the request reaches the server; the phone hears the last answer."""
    delay_s: float = 0.0
    """How long the request lies about before it reaches the server."""
    is_held: bool = False
    """The link breaks for the phone, and the request lies about until the test lets it go on."""


class FaultyLink:
    """Listens on a port of its own; one request and one answer for each connection."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.fault = Fault()
        self.bytes_sent = self.bytes_answered = 0
        self.held: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self.accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join()

    def let_go(self, order: Random) -> int:
        """Brings what was held to the server, in any order, and says how many requests that were; nobody hears the answers."""
        order.shuffle(self.held)
        for request in self.held:
            with socket.create_connection(("127.0.0.1", self.server_port), timeout=30) as server:
                server.sendall(request)
                if not read_message(server).startswith(b"HTTP/1.1 200"):
                    raise AssertionError(request)
        brought, self.held = len(self.held), []
        return brought

    def _accept(self) -> None:
        while True:
            try:
                phone, _ = self.listener.accept()
            except OSError:
                return
            # The fault is the one that is told now, though another exchange may begin before this one ends.
            threading.Thread(target=self._carry, args=(phone, self.fault), daemon=True).start()

    def _carry(self, phone: socket.socket, fault: Fault) -> None:
        with phone, contextlib.suppress(OSError):
            request = read_message(phone)
            self.bytes_sent = len(request)
            if fault.is_held:
                self.held.append(request)
                return
            time.sleep(fault.delay_s)
            answer = b""
            for _ in range(fault.copies):
                with socket.create_connection(("127.0.0.1", self.server_port), timeout=30) as server:
                    if fault.request_bytes is not None:
                        server.sendall(request[: fault.request_bytes])
                        return
                    server.sendall(request)
                    answer = read_message(server)
            self.bytes_answered = len(answer)
            phone.sendall(answer[: fault.answer_bytes])


def read_message(peer: socket.socket) -> bytes:
    """One whole HTTP message: its head, and as much after it as the head announces."""
    message = b""
    while b"\r\n\r\n" not in message:
        chunk = peer.recv(65_536)
        if not chunk:
            return message
        message += chunk
    head, _, rest = message.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(rest) if lengths else 0
    while missing > 0 and (chunk := peer.recv(65_536)):
        message += chunk
        missing -= len(chunk)
    return message
