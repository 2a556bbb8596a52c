"""What lies between a phone and its server: a link that is slow, breaks off, swallows answers, or belongs to a captive portal."""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.soak.link import read_message

PORTAL = b"HTTP/1.0 200 OK\r\ncontent-type: text/html\r\n\r\n<!doctype html><title>Pay</title><h1>Pay for Wi-Fi</h1>"
TROUBLE = b"HTTP/1.0 500 Internal Server Error\r\ncontent-type: text/html\r\n\r\n<h1>500</h1>"
CHUNK_BYTES = 1024


@dataclass
class Exchange:
    """One request, and how much of the answer has reached the phone."""

    path: str
    head: str
    answered_bytes: int = 0


@dataclass
class Link:
    """Listens on a port of its own; one request for each connection, as the test server wants it."""

    server_port: int
    bytes_per_s: float | None = None
    """What all answers share."""
    is_cut: bool = False
    breaks_in: tuple[str, int] | None = None
    """In the answer to a path with this end, after so many bytes, the whole link breaks."""
    swallows: str | None = None
    """The server hears requests to a path with this end and answers; the phone never hears it."""
    says: bytes | None = None
    """Whatever is asked, this is the answer, and no server hears of it."""
    exchanges: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.app_url = f"{self.url}/app/"
        self._lane = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.is_cut = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def mend(self) -> None:
        self.is_cut, self.breaks_in, self.swallows, self.says, self.bytes_per_s = False, None, None, None, None

    def asked_for(self, end: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.path.endswith(end)]

    def _accept(self) -> None:
        while True:
            try:
                phone, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(phone,), daemon=True).start()

    def _carry(self, phone: socket.socket) -> None:
        # Closed so, the phone sees a broken connection, and not the end of an answer.
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with phone, contextlib.suppress(OSError):
            if self.is_cut:
                return
            request = _read_request(phone)
            path = request.split(b" ", 2)[1].decode() if request else ""
            exchange = Exchange(path, request.split(b"\r\n\r\n")[0].decode("latin-1").lower())
            self.exchanges.append(exchange)
            if self.says:
                phone.sendall(self.says)
                _end(phone)
                return
            with socket.create_connection(("127.0.0.1", self.server_port), timeout=30) as server:
                server.sendall(request)
                if self._carry_back(server, phone, exchange):
                    _end(phone)

    def _carry_back(self, server: socket.socket, phone: socket.socket, exchange: Exchange) -> bool:
        """Whether the phone got the whole answer."""
        is_whole = True
        while chunk := server.recv(CHUNK_BYTES):
            # A test may change these at any moment.
            swallows, speed, breaks_in = self.swallows, self.bytes_per_s, self.breaks_in
            if swallows and exchange.path.endswith(swallows):
                is_whole = False
                continue
            if speed:
                with self._lane:
                    time.sleep(len(chunk) / speed)
            if breaks_in and exchange.path.endswith(breaks_in[0]):
                self.is_cut |= exchange.answered_bytes + len(chunk) > breaks_in[1]
            if self.is_cut:
                return False
            phone.sendall(chunk)
            exchange.answered_bytes += len(chunk)
        return is_whole


def _end(phone: socket.socket) -> None:
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    phone.shutdown(socket.SHUT_WR)


def _read_request(phone: socket.socket) -> bytes:
    """A request whose head is whole, else nothing."""
    message = read_message(phone)
    return message if b"\r\n\r\n" in message else b""
