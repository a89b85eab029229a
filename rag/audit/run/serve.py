"""An audit for a program that reads it: one JSON object a line on standard output. The pytest plugin is one.

Without a target: each check. With one and ids: each outcome as it comes, with the lines that tell it to people.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading

from rag.audit.checks import CHECKS, LEVELS
from rag.audit.report.files import explained
from rag.audit.run.session import audit
from rag.errors import CrosswireError
from rag.safe_text import visible

STEPS = 20
"""Last steps of a replay that a failure shows."""


def main(arguments: list[str], stop: threading.Event | None = None) -> None:
    """`[]`, or `[target, seconds a check or "", id…]`. stop: ends the audit when it is set."""
    if not arguments:
        for check in CHECKS.values():
            _say(id=check.id, level=check.level, asserts=check.asserts, claim=LEVELS[check.level])
        return
    target, limit, *ids = arguments
    try:
        running = audit(target, [CHECKS[each] for each in ids], limit=float(limit) if limit else None, stop=stop)
        for outcome in running:
            _say(**dataclasses.asdict(outcome), told=[visible(line) for line in explained(outcome, STEPS)])
    except CrosswireError as exc:
        _say(error=visible(str(exc)))


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
