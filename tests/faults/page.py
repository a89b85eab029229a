"""docs/reliability.md, from a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import fill

from tests import PROJECT
from tests.faults.fault import Fault
from tests.faults.run import Outcome

PAGE = PROJECT / "docs" / "reliability.md"
MOST_TOLD = 3
HEAD = """# Faults

Made by `make soak` ({date}, {cores} cores shared with others, Python {python}), one run: {users} users with cookie
jars talk without a pause to replicas of the real application, whichever comes next, while each fault is made. Faults of
Redis and of the model: two replicas. Of processes and the library: four behind `deploy/nginx.conf`, on a cluster of
three masters and a Chroma server.

- **acked**: turns whose answer arrived, in all and while the fault lasted.
- **L D T F**: acked turns that are not in the history afterwards, that are there twice, questions without their answer,
  and texts that state another user's order number; **leaks**: what the product's checker finds in what users saw.
- **well after**: seconds from the fault's end until every user was answered again. Nothing that the fault does not name
  was restarted. Seven seconds would be the rest of a turn's lease (10 s), which could not be given up while nothing
  could be written.
- **told**: what visitors got instead of an answer; none of these turns was acknowledged.

| fault | acked (meanwhile) | L D T F | leaks | well after | told |
|---|---|---|---|---|---|
"""
FOOT = """
{sum}

*: that Redis was told to forget, or to keep nothing on disk; whole conversations may go (0: this
time none went), and nobody gets another's. Whoever runs an evicting Redis is warned at the start.

Elsewhere, as tests: disk full, `tests/sessions/embedded/test_disk.py`; the embedded server and its supervisor killed,
`tests/sessions/embedded/test_embedded.py`; a command cancelled at every await,
`tests/sessions/connection/test_cancelled.py`; websockets and reloads in Chromium, `tests/browser/test_survival.py`. Not
tried: jumps of the clock.
"""


def row(outcome: Outcome) -> str:
    verdict = outcome.verdict
    lost = f"{verdict.lost}{'*' if outcome.fault.forgets else ''}"
    told = ", ".join(f"{count}× {text}" for text, count in outcome.seen.most_common(MOST_TOLD)) or "nothing else"
    well = "never" if outcome.recovered is None else f"{outcome.recovered:.1f}"
    unread = f" ({verdict.unread} could not be read)" if verdict.unread else ""
    return (
        f"| {outcome.fault.kind}: {outcome.fault.name} | {verdict.acknowledged} ({outcome.answered_meanwhile}) "
        f"| {lost} {verdict.doubled} {verdict.torn} {verdict.foreign}{unread} | {sum(verdict.leaks.values())} "
        f"| {well} | {told} |"
    )


def write(outcomes: Sequence[Outcome], users: int, left_out: Sequence[Fault] = ()) -> None:
    """left_out: faults that this run did not make; the page says so."""
    held = sum(one.held for one in outcomes)
    acked = sum(one.verdict.acknowledged for one in outcomes)
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        cores=os.cpu_count(),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        users=users,
    )
    total = f"{held} of {len(outcomes)} faults were borne, with {acked:,} acknowledged turns."
    if left_out:
        total += f" Not made in this run: {'; '.join(f'{one.kind}: {one.name}' for one in left_out)}."
    PAGE.write_text(
        head + "\n".join(map(row, outcomes)) + "\n" + FOOT.replace("{sum}", fill(total, 120)), encoding="utf-8"
    )
