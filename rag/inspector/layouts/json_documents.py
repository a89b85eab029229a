"""A JSON document a message, found by its key: langchain-redis, Spring AI. Needs a server that has the JSON module.

Nothing says which documents a session has but their keys, which lie scattered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rag.errors import CrosswireError
from rag.inspector.key_scan import of_each, steps
from rag.inspector.layouts.base import Stored
from rag.inspector.layouts.scattered import Scattered, text
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import JSON, Look
from rag.sessions.connection.errors import translated

_PLACE = re.compile(rb"[0-9A-Za-z]{26}|\d{10,19}")
"""The end of a key: langchain-redis' ULID, which begins with the time, or Spring AI's milliseconds."""


class Documents(Scattered):
    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        self._needs_module()
        self.begin()
        with translated(self.target):
            for found in steps(self.client, pace, self.prefix):
                self.found(Look(key, JSON) for key in found)
                yield len(found), []
        for sessions in self.index.sessions():
            yield 0, sessions

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        if self.walked:
            return super().read(ids, pace, first)
        self._needs_module()
        # Without a walk over all keys: those that begin as this session's do.
        self.begin()
        with translated(self.target):
            for sid in ids:
                for part in steps(self.client, pace, f"{self.prefix}{sid}:"):
                    self.found(Look(key, JSON) for key in part)
        found = super().read(ids, pace, first)
        self.walked = False
        return found

    def part(self, look: Look) -> tuple[str, bytes] | None:
        session, colon, place = look.key.removeprefix(self.prefix.encode()).rpartition(b":")
        return (text(session), place) if session and colon and _PLACE.fullmatch(place) else None

    def gathered(self, session_id: str, keys: Sequence[bytes], pace: Pace) -> Stored | None:
        def ask(pipe: Any, name: bytes) -> None:
            pipe.execute_command("JSON.GET", name)
            pipe.pttl(name)
            pipe.type(name)

        lines, left = list[bytes](), dict[str, int]()
        for start in range(0, len(keys), pace.step):
            part = keys[start : start + pace.step]
            for name, (document, ms, kind) in zip(part, pace(of_each, self.client, part, ask), strict=True):
                if kind == JSON.encode() and isinstance(document, bytes | str):
                    lines.append(document.encode() if isinstance(document, str) else document)
                    left[name.decode("utf-8", "replace")] = ms
        return Stored(session_id, lines, len(lines), left) if lines else None

    def _needs_module(self) -> None:
        try:
            with translated(self.target):
                self.client.execute_command("JSON.GET", self.prefix or "x")
        except CrosswireError as exc:
            if "unknown command" not in str(exc):
                raise
            raise CrosswireError(
                f"The server at {self.target} has no JSON module, so there is nothing of {self.layout.title} in it. "
                "Expected Redis 8, or Redis Stack; or choose another format."
            ) from exc
