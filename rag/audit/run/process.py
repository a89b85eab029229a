"""The worker as its parent sees it: what it says, whether it lives, and its end, with all that it started and left."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOOKS = 0.1
"""Seconds between two looks at whether it is to stop."""
IN_WORKER = "CROSSWIRE_AUDIT_WORKER"
"""Set in the environment of a worker: a module that audits when it is imported would start workers without end."""
_KEPT = 20
"""Last lines of its standard error."""
_LONGEST = 300
"""Characters of what is quoted of them."""


class Worker:
    """A process of `python` that runs these checks. Leaving it ends the process and what it started."""

    def __init__(self, spec: str, ids: Sequence[str], python: str, stop: threading.Event) -> None:
        self._stop = stop
        self._folder = tempfile.TemporaryDirectory(prefix="audit-", ignore_cleanup_errors=True)
        first = (
            [str(Path.cwd()), *(path for path in sys.path if path)] if python == sys.executable else [str(Path.cwd())]
        )
        self._process = subprocess.Popen(  # noqa: S603  # the command is ours, the target is the caller's own
            [python, str(Path(__file__).with_name("alone.py")), "worker", "\n".join(first), spec, *ids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            env={**os.environ, "TMPDIR": self._folder.name},
            start_new_session=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=_KEPT)
        self._readers = [threading.Thread(target=each, daemon=True) for each in (self._hear, self._hear_errors)]
        for reader in self._readers:
            reader.start()

    def _hear(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def _hear_errors(self) -> None:
        self._errors.extend(self._process.stderr or ())

    def said(self, limit: float) -> dict[str, Any] | None:
        """The next object; None if it is silent for so many seconds, has ended, or is to stop."""
        until = time.monotonic() + limit
        while not self._stop.is_set() and time.monotonic() < until:
            try:
                line = self._lines.get(timeout=LOOKS)
            except queue.Empty:
                continue
            if line is None:
                self._process.wait()
                return None
            return json.loads(line)  # type: ignore[no-any-return]  # it writes objects only
        return None

    def runs(self) -> bool:
        return self._process.poll() is None

    def ended(self) -> str:
        """How: its exit status, or the signal's name."""
        status = self._process.wait()
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name

    def last_words(self) -> str:
        """The last thing that it wrote on standard error, as a sentence; empty if it wrote nothing."""
        self._end()
        self._readers[1].join(1)
        lines = [line.strip() for line in self._errors if line.strip()]
        return f"It said last: {lines[-1][:_LONGEST]}" if lines else ""

    def _end(self) -> None:
        """It and all of its group."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone, or a zombie on macOS
            self._process.kill()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._process.wait()
        for reader, pipe in zip(self._readers, (self._process.stdout, self._process.stderr), strict=True):
            reader.join(1)
            if pipe and not reader.is_alive():  # else something that left its group has it
                pipe.close()
        if self._process.stdin:
            self._process.stdin.close()
        self._folder.cleanup()
