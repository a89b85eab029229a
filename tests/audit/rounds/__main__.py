"""`python -m tests.audit.rounds [PART…] -n 50 --file FILE`: try them, a line of JSON a round; `--page` writes the page.

Each fault has to be found by its own check every time, and no check may accuse a right store. Parts may run in
processes beside each other; what one has found is in its file when it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.opening import Target
from rag.audit.results import Outcome
from rag.audit.run.session import SPARE
from rag.audit.run.trying import tried
from tests.audit.planted.bare import Bare
from tests.audit.rounds.cases import PARTS, Case
from tests.audit.rounds.page import written


def outcomes(case: Case) -> Iterable[Outcome]:
    """Of each check that applies. One that takes longer than it may is stopped in an audit, and unknown."""
    target = Target(case.make, [*ADAPTERS, Bare])
    for each in case.checks:
        found = asyncio.run(tried(CHECKS[each], target))
        if found.seconds > CHECKS[each].limit + SPARE:
            found.status, found.evidence = "unknown", f"{found.seconds:.0f} s; {found.status}: {found.evidence}"
        if found.status != "not applicable":
            yield found


def one_round(part: str, case: Case, number: int) -> dict[str, Any]:
    """What came of it. `wrong`: check -> how it came out that should not, and why."""
    began = time.monotonic()
    came = list(outcomes(case))
    should = {each.id: "fail" if each.id == case.fault else "pass" for each in came}
    return {
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "part": part,
        "store": case.store,
        "kind": case.kind,
        "fault": case.fault,
        "round": number,
        "checks": len(came),
        "also": sorted(each.id for each in came if each.status != should[each.id] and each.id in case.also),
        "wrong": {
            each.id: f"{each.status}: {each.evidence}"
            for each in came
            if each.status != should[each.id] and each.id not in case.also
        },
        "seconds": round(time.monotonic() - began, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def run(part: str, rounds: int, file: TextIO) -> int:
    """How many rounds came out as they should not."""
    total = 0
    for case in PARTS[part]():
        wanted = max(1, round(case.share * rounds))
        wrong: list[str] = []
        for number in range(1, wanted + 1):
            record = one_round(part, case, number)
            if not record["checks"]:  # it does not apply to this interface
                break
            file.write(json.dumps(record) + "\n")
            file.flush()
            wrong += [", ".join(record["wrong"])] if record["wrong"] else []
        told(f"{part} {case.kind} {case.fault}: {len(wrong)} of {wanted} wrong {sorted({*wrong}) or ''}")
        total += len(wrong)
    return total


def told(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command's result


def main(given: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.audit.rounds", description=__doc__)
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options.add_argument("-n", type=int, default=50, help="rounds (default: 50)")
    options.add_argument("--file", type=Path, default="rounds.jsonl", help="a line of JSON a round is added to it")
    options.add_argument("--page", type=Path, nargs="+", metavar="FILE", help="write docs/audit-rounds.md from these")
    chosen = options.parse_args(given)
    if chosen.page:
        written([json.loads(line) for file in chosen.page for line in file.read_text("utf-8").splitlines()])
        return 0
    wanted = [part for part in PARTS if not chosen.parts or {part, part.partition(":")[0]} & {*chosen.parts}]
    if unknown := {*chosen.parts} - {name for part in wanted for name in (part, part.partition(":")[0])}:
        options.error(f"no part is named {', '.join(sorted(unknown))}. Parts: {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    with chosen.file.open("a", encoding="utf-8") as file:
        return min(1, sum([run(part, chosen.n, file) for part in wanted]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
