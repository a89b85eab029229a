"""The process that runs checks: one JSON object a line on its standard output, nothing else there.

It is started by `process.py`, through `alone.py`, and ends with its parent. What the audited package prints goes to
standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import platform
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from typing import Any

from rag.audit.checks import CHECKS
from rag.audit.kit.contract import PROBE, Subject
from rag.audit.kit.opening import Target
from rag.audit.report.reproduction import reproduced, sources_of
from rag.audit.report.versions import classes_of, imported_by, versions_of
from rag.audit.run.loading import loaded, split
from rag.audit.run.process import IN_WORKER
from rag.audit.run.trying import tried
from rag.errors import CrosswireError


def main(arguments: list[str]) -> None:
    """The target and the checks' ids."""
    spec, *ids = arguments
    say = _speaker()
    _end_with_parent()
    os.environ[IN_WORKER] = "1"
    try:
        target = loaded(spec)
        adapter, header = asyncio.run(described(target, spec))
    except BaseException as exc:  # also SystemExit: a module that calls exit() when it is imported
        traceback.print_exc()
        known = "" if isinstance(exc, CrosswireError) else f"{type(exc).__name__}: "
        say(error=" ".join(f"{known}{exc}".split()))
        return
    say(header=header)
    for each in ids:
        say(begins=each)
        outcome = asyncio.run(tried(CHECKS[each], target))
        if outcome.status == "fail" and adapter.reproducible:
            outcome.reproduction = reproduced(CHECKS[each], outcome, split(spec), adapter)
        say(outcome=dataclasses.asdict(outcome))
    say(done=True)


async def described(target: Target, spec: str) -> tuple[type[Subject], dict[str, Any]]:
    """The adapter that fits, and what the head of the report says. Raises what the store raises when it is opened."""
    with tempfile.TemporaryDirectory() as folder:
        async with target.open(folder) as subject:
            with contextlib.suppress(Exception):  # so that an object for one conversation is made; the checks say more
                await subject.read(PROBE)
            classes = classes_of(subject.audited())
            adapter = type(subject)
    modules = [name.rpartition(".")[0] for name in classes]
    for source in sources_of(adapter, split(spec)):
        modules += imported_by(source)
    return adapter, {
        "interface": adapter.interface,
        "classes": classes,
        "versions": versions_of(modules),
        "python": platform.python_version(),
    }


def _speaker() -> Callable[..., None]:
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def say(**what: object) -> None:
        out.write(json.dumps(what) + "\n")

    return say


def _end_with_parent() -> None:
    """Its standard input ends when the parent does, however that ended."""
    parent = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        os.read(parent, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
