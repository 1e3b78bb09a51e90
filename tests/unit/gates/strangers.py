"""Servers on this machine that behave as strangers may: each is told what to send, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Behave = Callable[[socket.socket, bytes], None]
"""Answers one request: the connection, and what was asked."""


@dataclass
class Stranger:
    """A server, and what it was asked so far."""

    port: int
    asked: list[bytes] = field(default_factory=list)
    sent: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def stranger(behave: Behave, tls: ssl.SSLContext | None = None) -> Iterator[Stranger]:
    """A server that takes connections one after the other until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        here = Stranger(listener.getsockname()[1])
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                with contextlib.suppress(OSError), contextlib.closing(connection):
                    if tls is None:
                        talk(connection)
                    else:
                        with tls.wrap_socket(connection, server_side=True) as wrapped:
                            talk(wrapped)

        def talk(connection: socket.socket) -> None:
            asked = b""
            while b"\r\n\r\n" not in asked:
                piece = connection.recv(65536)
                if not piece:
                    return
                asked += piece
            head, _, body = asked.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            while len(body) < length:
                body += connection.recv(65536)
            here.asked.append(head + b"\r\n\r\n" + body)
            behave(connection, here.asked[-1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield here
        finally:
            over.set()
            thread.join(10)


def answer(status: str = "200 OK", body: bytes = b"", headers: str = "") -> bytes:
    """A whole answer, as bytes."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def says(data: bytes) -> Behave:
    """Sends `data` and closes."""
    return lambda connection, _asked: connection.sendall(data)


def drips(head: bytes, piece: bytes, every: float) -> Behave:
    """Sends `head`, then `piece` again and again, as long as somebody listens."""

    def behave(connection: socket.socket, _asked: bytes) -> None:
        connection.sendall(head)
        while piece:
            connection.sendall(piece)
            time.sleep(every)
        connection.recv(1)

    return behave


def resets(head: bytes = b"") -> Behave:
    """Sends `head` and then breaks the connection off (RST)."""

    def behave(connection: socket.socket, _asked: bytes) -> None:
        connection.sendall(head)
        time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave
