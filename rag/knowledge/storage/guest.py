"""The guest's side of a shared library: each question goes to the owner's process and its answer or error comes back.

Connections are kept and used again, one question at a time on each, so many threads can ask at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import cast

from rag.errors import CrosswireError, LibraryUnavailable
from rag.knowledge.files import Sources
from rag.knowledge.storage.owner import PROTOCOL, Answer, read_note
from rag.knowledge.types import Document, DocumentInfo, IngestReport, Passage, Progress

GREETING_SECONDS = 5.0
PATIENCE_SECONDS = 120.0
"""How long an owner may take for one answer, or for one file of an ingest."""


class OwnerGone(Exception):
    """The owner's process ended or closed the library; whoever asks next may become the owner."""


class Guest:
    """The library of another process. Raises OwnerGone when that process is gone."""

    def __init__(self, folder: Path, address: str, key: bytes) -> None:
        self._folder = folder
        self._address = address
        self._key = key
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def visit(cls, folder: Path, embeddings: str) -> Guest | None:
        """A guest of the present owner; None if there is none. Raises LibraryUnavailable if they do not fit."""
        note = read_note(folder)
        if note is None:
            return None
        guest = cls(folder, *note)
        try:
            connection, hello = guest._connect()
        except OwnerGone:
            return None
        guest._idle.append(connection)
        if hello != (PROTOCOL, embeddings):
            guest.close()
            raise LibraryUnavailable(
                str(folder),
                f"the running Crosswire has it open with the embeddings {hello[1]}, this one is set to {embeddings}",
                "Set EMBEDDINGS and EMBEDDING_MODEL alike, or stop the other first.",
            )
        return guest

    def search(self, text: str, k: int = 4, session_id: str | None = None) -> list[Passage]:
        """See Library."""
        return cast(list[Passage], self._ask("search", text=text, k=k, session_id=session_id))

    def documents(self, session_id: str | None = None) -> list[DocumentInfo]:
        """See Library."""
        return cast(list[DocumentInfo], self._ask("documents", session_id=session_id))

    def document(self, document_id: str, session_id: str | None = None) -> Document | None:
        """See Library."""
        return cast(Document | None, self._ask("document", document_id=document_id, session_id=session_id))

    def ingest(
        self, sources: Sources, progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport:
        """See ChromaLibrary."""
        return cast(IngestReport, self._ask("ingest", progress, sources=sources, prune=prune))

    def add_private(self, session_id: str, name: str, data: bytes) -> DocumentInfo:
        """See Library."""
        return cast(DocumentInfo, self._ask("add_private", session_id=session_id, name=name, data=data))

    def remove_private(self, session_id: str, document_id: str) -> bool:
        """See Library."""
        return cast(bool, self._ask("remove_private", session_id=session_id, document_id=document_id))

    def forget(self, session_id: str) -> None:
        """See Library."""
        self._ask("forget", session_id=session_id)

    def private_sessions(self) -> list[str]:
        """See Library."""
        return cast(list[str], self._ask("private_sessions"))

    def health(self) -> None:
        """See Library."""
        self._ask("health")

    def close(self) -> None:
        """Leave. The owner stays."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for connection in idle:
            connection.close()

    def _connect(self) -> tuple[Connection, tuple[str, str]]:
        connection: Connection | None = None
        try:
            connection = Client(self._address, family="AF_UNIX")
            if not connection.poll(GREETING_SECONDS):
                raise TimeoutError
            answer_challenge(connection, self._key)
            deliver_challenge(connection, self._key)
            return connection, cast(tuple[str, str], connection.recv())
        except (OSError, EOFError, AuthenticationError) as exc:
            if connection is not None:
                connection.close()
            raise OwnerGone from exc

    def _ask(self, method: str, progress: Callable[[Progress], None] | None = None, **arguments: object) -> object:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()[0]
        try:
            answer = self._exchange(connection, (method, arguments, progress is not None), progress)
        except BaseException:
            # Also when the user stops it: what is still to come on this connection belongs to this question.
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                connection = None
        if connection is not None:
            connection.close()
        kind, value = answer
        if kind == "error":
            raise cast(CrosswireError, value)
        return value

    def _exchange(
        self, connection: Connection, question: object, progress: Callable[[Progress], None] | None
    ) -> Answer:
        try:
            connection.send(question)
        except OSError as exc:
            raise OwnerGone from exc
        while True:
            kind, value = cast(Answer, self._receive(connection))
            if kind != "progress":
                return kind, value
            if progress is not None:
                progress(cast(Progress, value))

    def _receive(self, connection: Connection) -> object:
        try:
            if connection.poll(PATIENCE_SECONDS):
                return connection.recv()
        except (OSError, EOFError) as exc:
            raise OwnerGone from exc
        reason = f"its owner gave no answer for {PATIENCE_SECONDS:.0f} s"
        raise LibraryUnavailable(str(self._folder), reason, "Restart the Crosswire that was started first.")
