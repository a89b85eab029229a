"""The process that runs checks: one JSON object a line on its standard output, nothing else there.

`python -m rag.audit.run.worker TARGET ID…`. What the audited package prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
import traceback

from rag.audit.checks import CHECKS
from rag.audit.run.loading import loaded
from rag.audit.run.trying import tried


def main(spec: str, ids: list[str]) -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def say(**what: object) -> None:
        out.write(json.dumps(what) + "\n")

    try:
        target = loaded(spec)
    except Exception as exc:
        traceback.print_exc()
        say(error=f"{type(exc).__name__}: {exc}")
        return
    for each in ids:
        say(begins=each)
        say(outcome=dataclasses.asdict(asyncio.run(tried(CHECKS[each], target))))
    say(done=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
