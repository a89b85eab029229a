"""The owner's side of a shared library: it answers guests on a Unix socket, with one thread for each connection.

Only who can read `owner.json` (mode 0600) has the key, and nothing is unpickled before both sides have proved theirs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing import AuthenticationError, Pipe
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge, wait
from pathlib import Path
from typing import Any, Literal
from weakref import WeakSet

from filelock import BaseFileLock

from rag.errors import CrosswireError, LibraryUnavailable
from rag.knowledge.embedding.embedders import Embedder
from rag.knowledge.library import ChromaLibrary
from rag.knowledge.storage.chroma import Store
from rag.knowledge.storage.erasing import erase
from rag.knowledge.types import Progress

QUESTIONS = frozenset(
    (
        "search",
        "documents",
        "document",
        "ingest",
        "add_private",
        "remove_private",
        "forget",
        "private_sessions",
        "health",
    )
)
Question = tuple[str, dict[str, Any], bool]
"""Method, arguments by name, and whether progress is wanted."""
Answer = tuple[Literal["progress", "result", "error"], object]
NOTE = "owner.json"
PROTOCOL = "1"
_TEMPORARY = "crosswire-library-"
_LONGEST_ADDRESS = 100
"""Bytes of a Unix socket's path that every system takes."""


class Owner(ChromaLibrary):
    """The library with its socket. It has the lock from its caller and releases it in the end, or when it fails."""

    def __init__(self, store: Store, embedder: Embedder, knowledge_dir: Path, folder: Path, lock: BaseFileLock) -> None:
        super().__init__(store, embedder, knowledge_dir)
        self._lock = lock
        self._folder = folder
        self._desk = Desk(self, folder, embedder.name)

    def close(self) -> None:
        """Answer what was asked already, then let the next owner in."""
        self._desk.close()
        super().close()
        erase(self._folder)
        self._lock.release()


class Desk:
    """Takes guests' questions to a library until it is closed."""

    def __init__(self, library: ChromaLibrary, folder: Path, embeddings: str) -> None:
        self._library = library
        self._folder = folder
        self._hello = (PROTOCOL, embeddings)
        self._key = secrets.token_bytes(32)
        self._bell, self._rope = Pipe(duplex=False)
        self._guests: WeakSet[Connection] = WeakSet()
        self._threads: set[threading.Thread] = set()
        _clean(folder)
        self._address = _address(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._address))
        self._socket.listen(64)
        self._start(self._accept)
        _DESKS.add(self)
        _note(folder, {"address": str(self._address), "key": self._key.hex(), "pid": os.getpid()})

    def close(self) -> None:
        """Stop taking questions, and wait for the answers to those taken."""
        self._rope.close()
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout=30)
        self._socket.close()
        self._bell.close()
        _clean(self._folder)

    def hang_up(self) -> None:
        """Let go of the sockets in a forked child, so that guests notice when the owner itself ends."""
        self._socket.close()
        for guest in tuple(self._guests):
            if not guest.closed:
                guest.close()

    def _accept(self) -> None:
        while self._socket in wait([self._socket, self._bell]) and not self._bell.poll():
            try:
                guest, _ = self._socket.accept()
            except OSError:
                self._bell.poll(0.05)  # out of file descriptors: those in use come back
                continue
            self._start(partial(self._serve, Connection(guest.detach())))

    def _start(self, target: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                target()
            finally:
                self._threads.discard(thread)

        thread = threading.Thread(target=run, name="library-desk", daemon=True)
        self._threads.add(thread)
        thread.start()
        return thread

    def _serve(self, guest: Connection) -> None:
        self._guests.add(guest)
        with guest, contextlib.suppress(OSError, EOFError, AuthenticationError):
            deliver_challenge(guest, self._key)
            answer_challenge(guest, self._key)
            guest.send(self._hello)
            while guest in wait([guest, self._bell]):
                guest.send(self._answer(guest, guest.recv()))

    def _answer(self, guest: Connection, question: Question) -> Answer:
        def tell(progress: Progress) -> None:
            guest.send(("progress", progress))

        method, arguments, follow = question
        if method not in QUESTIONS:
            return "error", LibraryUnavailable(str(self._folder), f"{method!r} is no question", "Try again.")
        try:
            if follow:
                arguments = {**arguments, "progress": tell}
            return "result", getattr(self._library, method)(**arguments)
        except CrosswireError as exc:
            return "error", exc
        except OSError:
            raise
        except Exception as exc:
            # A fault of ours must not look to the guest as if the owner had gone: it would ask again for ever.
            return "error", LibraryUnavailable(str(self._folder), f"{type(exc).__name__}: {exc}", "Try again.")


def _address(folder: Path) -> Path:
    address = folder / "owner.sock"
    if len(os.fsencode(address)) <= _LONGEST_ADDRESS:
        return address
    return Path(tempfile.mkdtemp(prefix=_TEMPORARY), "owner.sock")


def _note(folder: Path, content: dict[str, str | int]) -> None:
    new = folder / f"{NOTE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    new.replace(folder / NOTE)


def read_note(folder: Path) -> tuple[str, bytes] | None:
    """The owner's address and key; None if there is no owner, or none yet."""
    try:
        content = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        return str(content["address"]), bytes.fromhex(content["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _clean(folder: Path) -> None:
    """Remove what an owner leaves behind, or left behind when it was killed. Only for the holder of the lock."""
    if (note := read_note(folder)) and (parent := Path(note[0]).parent).name.startswith(_TEMPORARY):
        shutil.rmtree(parent, ignore_errors=True)
    (folder / NOTE).unlink(missing_ok=True)
    (folder / "owner.sock").unlink(missing_ok=True)


def _hang_up() -> None:
    for desk in tuple(_DESKS):
        desk.hang_up()


_DESKS: WeakSet[Desk] = WeakSet()
os.register_at_fork(after_in_child=_hang_up)
