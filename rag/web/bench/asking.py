"""The process that asks in a benchmark: a job is a line of JSON on its standard input, its result one on its output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any, cast

from rag.errors import CrosswireError
from rag.resources import child_environment


@contextmanager
def asking_process(module: str) -> Iterator[Callable[[Any], dict[str, Any]]]:
    """Has this module perform a job, a dataclass; what comes back are the fields of its result.

    Raises CrosswireError when the process has ended.
    """
    with subprocess.Popen(  # noqa: S603 (our own)
        [sys.executable, "-P", "-m", module],
        env=child_environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        jobs, results = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

        def perform(job: Any) -> dict[str, Any]:
            jobs.write(json.dumps(asdict(job)) + "\n")
            jobs.flush()
            if not (line := results.readline()):
                raise CrosswireError("The process that asks has ended. Run it again.")
            found: dict[str, Any] = json.loads(line)
            return found

        try:
            yield perform
        finally:
            process.kill()
