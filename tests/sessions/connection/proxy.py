"""Stands between a client and a server; it loses replies and cuts connections when it is told to, or answers late."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Self


class Proxy:
    """Listens on loopback and passes on to a server's Unix socket, or to its port on loopback.

    `lose_replies(n)`: the next n replies never arrive. The server has carried out a command whose reply is lost: the
    connection is cut only when its reply is here. `cut()`: all connections end. source: the loopback address that the
    server sees. delay: seconds that each reply is held back.
    """

    def __init__(self, target: Path | int, source: str = "", delay: float = 0.0) -> None:
        self._target, self._source, self._delay = target, source, delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._to_lose = 0
        self.lost = 0
        """Replies that never arrived, in all."""
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def left_to_lose(self) -> int:
        return self._to_lose

    def lose_replies(self, count: int) -> None:
        with self._lock:
            self._to_lose = count

    def cut(self) -> None:
        for end in tuple(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target), source_address=(self._source, 0))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._target))
        except OSError:
            server.close()
            raise
        return server

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = self._connected()
                except OSError:  # it is down, and may come back
                    client.close()
                    continue
                self._open |= {client, server}
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if replies and self._lost():
                    break
                if replies and self._delay:
                    time.sleep(self._delay)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open -= {source, target}

    def _lost(self) -> bool:
        with self._lock:
            if not self._to_lose:
                return False
            self._to_lose -= 1
            self.lost += 1
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits in accept or recv is woken by shutdown only.
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
