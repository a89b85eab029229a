"""The operation log while it is written: append-only, from many threads, a whole event a line, never all in memory.

An event may be given more keys than the format has (phases of a turn, for example): readers leave out what they do
not know.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rag.crosstalk.log.events import Event, to_json
from rag.errors import CrosswireError

BUFFER = 256 << 10
SECONDS = 0.25


class LogWriter:
    """Thread-safe. What was written is in the file a quarter of a second later, when more follows, or at `flush`.
    heard: is given each event, in the order of the log.

    Raises CrosswireError where the file cannot be made.
    """

    def __init__(self, path: Path, heard: Callable[[Event], None] = lambda _: None) -> None:
        self.path = path
        self._heard = heard
        self.events = 0
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as exc:
            raise CrosswireError(f"The log {path} cannot be written ({exc.strerror}). Name another file.") from exc
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._size = 0
        self._flushed = time.monotonic()

    def write(self, event: Event, **more: Any) -> None:
        text = line(event, **more)
        with self._lock:
            if self._file.closed:
                return  # a turn that was still running when the run was stopped
            self._heard(event)
            self._lines.append(text)
            self._size += len(text)
            self.events += 1
            if self._size > BUFFER or time.monotonic() - self._flushed > SECONDS:
                self._flush()

    def flush(self) -> None:
        with self._lock:
            if not self._file.closed:
                self._flush()

    def close(self) -> None:
        with self._lock:
            if not self._file.closed:
                self._flush()
                self._file.close()

    def _flush(self) -> None:
        if self._lines:
            self._file.write("\n".join(self._lines) + "\n")
            self._lines.clear()
        self._file.flush()
        self._size, self._flushed = 0, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def line(event: Event, **more: Any) -> str:
    """One event, with these additional keys."""
    text = to_json(event)
    return f"{text[:-1]}, {json.dumps(more)[1:]}" if more else text
