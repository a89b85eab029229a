"""A process of ours that is spoken to in pickles, over its standard input and output.

It ends with its parent: the end of standard input is the last order.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from rag.resources import child_environment

STOP_SECONDS = 5.0


def started(module: str) -> subprocess.Popen[bytes]:
    """The process that runs a module whose `main` calls `serve`."""
    return subprocess.Popen(  # noqa: S603 - a module of ours
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(),
        # Ctrl-C is the parent's to understand: it ends a run with a verdict.
        start_new_session=True,
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for its end, which has been asked for, and not for long."""
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(run: Callable[[IO[bytes], IO[bytes]], None]) -> None:
    """Of the other end: run is given the orders, and where the replies go."""
    gc.freeze()  # what is loaded stays to the end
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    with suppress(EOFError, BrokenPipeError):  # whoever wanted the replies is gone: nobody is left to be told
        run(sys.stdin.buffer, replies)
    gc.freeze()  # at its end Python would look through everything, several times: a fifth of a short run
