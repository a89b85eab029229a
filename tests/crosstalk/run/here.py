"""Where jobs are done in the tests' own process, which can be patched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rag.crosstalk.background.apart import Job


@dataclass(frozen=True)
class _Line:
    say: Callable[[Any], None]
    stop: threading.Event
    ask: Callable[..., Any]


class Here:
    def do(self, job: Job, hear: Callable[[Any], None], stop: threading.Event, answer: Callable[..., Any]) -> None:
        line: Any = _Line(hear, stop, answer)
        job(line)

    def close(self) -> None:
        return
