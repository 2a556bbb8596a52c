"""A 2G link in front of a server: each way waits half a round trip, and lets so many bytes through in a second.

Counts a segment's 40 bytes of TCP and IP as well, and a round trip for the connection itself. No loss, no TLS.
"""

import socket
import threading
import time

ROUND_TRIP_S = 0.7
UP_BYTES_S = 20_000 / 8
DOWN_BYTES_S = 40_000 / 8
SEGMENT_BYTES = 1400
HEADER_BYTES = 40


class Link:
    """Listens on a port of its own and passes everything on to `port`."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            # The near socket is there at once; on the air the connection takes a round trip before the first byte.
            opened = time.monotonic() + ROUND_TRIP_S
            for source, sink, rate in ((near, far, UP_BYTES_S), (far, near, DOWN_BYTES_S)):
                threading.Thread(target=self._pass_on, args=(source, sink, rate, opened), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, rate: float, opened: float) -> None:
        free_at = opened
        while piece := source.recv(SEGMENT_BYTES):
            self.requests += piece.startswith(b"POST ")
            free_at = max(free_at, time.monotonic()) + (len(piece) + HEADER_BYTES) / rate
            time.sleep(max(0.0, free_at + ROUND_TRIP_S / 2 - time.monotonic()))
            try:
                sink.sendall(piece)
            except OSError:
                return
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        """Takes no more connections."""
        self._listener.close()
