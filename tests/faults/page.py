"""docs/reliability.md, from a run."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import fill, shorten

from tests import PROJECT
from tests.faults.fault import Fault
from tests.faults.people.uploading import MISSED
from tests.faults.run import Outcome

PAGE = PROJECT / "docs" / "reliability.md"
MOST_TOLD = 3
LONGEST = 110
HEAD = """# Faults

Made by `make soak` ({date}, {cores} cores shared with others, load {load:.0f}, Python {python}), one run: {users} users
of the API with cookie jars and {visitors} of the chat page, each in a Chromium context of its own, talk without a pause
to replicas of the real application while each fault is made. Users of the API ask whichever replica comes next. Faults
of Redis and of the model: two replicas. Of processes and the library: four behind `deploy/nginx.conf`, on a cluster of
three masters and a Chroma server.

- **shown**: the fault's own sign, counted by who had it. Without one it did not happen: "not shown".
- **acked**: turns whose answer arrived, in all and while the fault lasted.
- **L D T F**: acked turns that are not in the history afterwards, that are there twice, questions without their answer,
  and texts that state another user's order number; **leaks**: what the product's checker finds in what users saw.
- **well after**: seconds from the fault's end until every user of the API was answered again, and every page. Nothing
  that the fault does not name was restarted. Seven seconds would be the rest of a turn's lease (10 s), which could not
  be given up while nothing could be written.

| fault | shown | acked (meanwhile) | L D T F | leaks | well after: API, pages |
|---|---|---|---|---|---|
"""
WORDS = """
{sum}

*: that Redis was told to forget, or to keep nothing on disk; whole conversations may go, and nobody gets another's.
Whoever runs an evicting Redis is warned at the start.

## What visitors see

Instead of an answer; none of these turns was acknowledged.

| fault | answers of the API | on the page |
|---|---|---|
"""
FOOT = """
Elsewhere, as tests: disk full, `tests/sessions/embedded/test_disk.py`; the embedded server and its supervisor killed,
`tests/sessions/embedded/test_embedded.py`; a command cancelled at every await,
`tests/sessions/connection/test_cancelled.py`; websockets and reloads in Chromium, `tests/browser/test_survival.py`. Not
tried: jumps of the clock.
"""


def rows(outcome: Outcome) -> tuple[str, str]:
    """Of the table of figures, and of the table of words."""
    verdict, name = outcome.verdict, f"{outcome.fault.kind}: {outcome.fault.name}"
    shown = f"{outcome.signs:,} {outcome.fault.sign.words}" if outcome.shown else "**not shown**"
    if outcome.missed:
        shown += f"; {outcome.missed}{'*' if outcome.fault.forgets_uploads else ''} {MISSED}"
    lost = f"{verdict.lost}{'*' if outcome.fault.forgets else ''}"
    well = "never" if outcome.recovered is None else "{:.1f}, {:.1f}".format(*outcome.recovered)
    unread = f" ({verdict.unread} could not be read)" if verdict.unread else ""
    return (
        f"| {name} | {shown} | {verdict.acknowledged} ({outcome.answered_meanwhile}) "
        f"| {lost} {verdict.doubled} {verdict.torn} {verdict.foreign}{unread} | {sum(verdict.leaks.values())} "
        f"| {well} |",
        f"| {name} | {_most(outcome.told)} | {_most(outcome.read)} |",
    )


def _most(said: Counter[str]) -> str:
    alike: Counter[str] = Counter()
    for text, count in said.items():
        alike[_one_line(text)] += count
    return "<br>".join(f"{count}× {text}" for text, count in alike.most_common(MOST_TOLD)) or "nothing else"


def _one_line(text: str) -> str:
    """Without places and times, which would tell the same trouble apart. An icon's name is drawn, not read."""
    text = re.sub(r"\b(?:redis|unix|http)s?(?:\+\w+)?://\S+|(?:/[\w.-]+){2,}", "…", text)
    text = re.sub(r"^[a-z_]+\n", "", text)
    return shorten(text.replace("|", "/"), LONGEST, placeholder=" …")


def write(outcomes: Sequence[Outcome], users: int, visitors: int, left_out: Sequence[Fault] = ()) -> None:
    """left_out: faults that this run did not make; the page says so."""
    held = sum(one.held for one in outcomes)
    acked = sum(one.verdict.acknowledged for one in outcomes)
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        cores=os.cpu_count(),
        load=os.getloadavg()[2],
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        users=users,
        visitors=visitors,
    )
    total = f"{held} of {len(outcomes)} faults were borne, with {acked:,} acknowledged turns."
    if left_out:
        total += f" Not made in this run: {'; '.join(f'{one.kind}: {one.name}' for one in left_out)}."
    figures, words = zip(*map(rows, outcomes), strict=True)
    page = [head + "\n".join(figures), WORDS.replace("{sum}", fill(total, 120)) + "\n".join(words), FOOT]
    PAGE.write_text("\n".join(page), encoding="utf-8")
