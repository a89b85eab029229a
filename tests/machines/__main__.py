"""`python -m tests.machines [--only TEXT]`: try all that happens to deployments; `--page` writes docs/machines.md.

`--old REVISION`: which earlier version of this repository runs beside today's. Exit status 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests import PROJECT
from tests.machines.scenarios import SCENARIOS, Outcome, earlier, run

PAGE = PROJECT / "docs" / "machines.md"
OLD = "178960d"
HEAD = """# Several machines, tried

Made by `python -m tests.machines --page` ({date}, {cores} cores shared with others), one run: {users} browsers talk
without a pause to replicas of the real application behind `deploy/nginx.conf` (without `ip_hash`: each request goes to
the next replica), with a Chroma server, on a Redis Cluster of three masters with a replica each, or on two servers with
Sentinel. Every fourth turn a browser opens its other session. `REDIS_WAIT_REPLICAS=1`, no limits. "Two versions":
{old} ({described}) and the code of this page.

- **acked**: turns whose answer arrived. **L D T F**: of these, not in the history afterwards; questions that are there
  twice; questions without their answer; texts that state another session's order number. **leaks**: what the product's
  checker finds in what people saw. **strayed**: answers of a session that was not open.
- **told**: what people got instead of an answer; **again**: how often somebody was not answered who had asked again at
  once. **well after**: seconds until everybody was answered again.

| what happens | on | acked | L D T F | leaks | strayed | told | again | well after |
|---|---|---|---|---|---|---|---|---|
"""


def row(outcome: Outcome) -> str:
    found, seen = outcome.verdict, outcome.seen
    told = ", ".join(f"{count}× {text}" for text, count in seen.told.most_common(3)) or "nothing else"
    well = "never" if outcome.recovered is None else f"{outcome.recovered:.1f}"
    unread = f" ({found.unread} not read)" if found.unread else ""
    return (
        f"| {outcome.scenario.name} | {outcome.scenario.engine} | {found.acknowledged:,} "
        f"| {found.lost} {found.doubled} {found.torn} {found.foreign}{unread} | {sum(found.leaks.values())} "
        f"| {seen.strayed} | {told} | {seen.unmended} | {well} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="what holds this text in its name or engine")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--old", default=OLD, metavar="REVISION")
    parser.add_argument("--page", action="store_true", help="write docs/machines.md")
    given = parser.parse_args()
    chosen = [one for one in SCENARIOS if any(text in f"{one.engine}: {one.name}" for text in given.only or [""])]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="cw-old-") as folder:
        old = earlier(given.old, Path(folder)) if any(one.old for one in chosen) else PROJECT
        for scenario in chosen:
            outcomes.append(run(scenario, given.users, old))
            print(row(outcomes[-1]), flush=True)  # noqa: T201
    if given.page:
        told = subprocess.run(
            ["git", "log", "-1", "--format=%ad", "--date=format:%d %B %Y, %H:%M", given.old],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        head = HEAD.format(
            date=datetime.now(UTC).date(), cores=os.cpu_count(), users=given.users,
            old=given.old, described=told.stdout.strip(),
        )  # fmt: skip
        PAGE.write_text(head + "\n".join(map(row, outcomes)) + "\n", encoding="utf-8")
    return 0 if outcomes and all(one.held for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
