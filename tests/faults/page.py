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
to replicas of the real application while each fault is made. Users of the API ask whichever replica comes next.

Faults are made in:

- processes, library: three replicas behind `deploy/nginx.conf`, a cluster of three masters with a replica each, and
  Chroma's server; a turn counts when a replica of Redis has it, too.
- embedded: two processes that share one STATE_DIR, on a disk of 64 MB.
- clock: two replicas and one Redis, whose time of day libfaketime sets; their steady clocks go on.
- asyncio: a chat on `AsyncSessionStore`, without a page. Every reply of Redis is 4 ms late, and every second turn is
  cancelled, each at the next of its awaits. The same chat over connections as redis-py had them up to 4.5.3 is found
  out by the same checker (`tests/faults/test_faults.py`).
- Redis, failover, model: two replicas and one Redis; failover: master, replica and Sentinel.

What is counted:

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

*: that Redis was told to forget, keeps nothing on disk, or found that every session had expired; or the documents' only
copy was removed. Whole conversations may go, and nobody gets another's. Whoever runs an evicting Redis is warned at the
start.

## What visitors see

Instead of an answer; none of these turns was acknowledged.

| fault | answers of the API | on the page |
|---|---|---|
"""
FOOT = """
"CONNECTING" is what Streamlit shows while a page has no connection; it comes back by itself, on another replica too,
and draws what is stored. "(the question is gone)": what is sent just when a connection drops may never arrive, and a
page that comes back has not kept it: it has to be typed again. "page loaded anew": after 30 s without a usable page.

On Chroma's server a session's own documents are looked for at each search, whichever replica added them; what
others wrote to the articles, once a second.

Elsewhere, as tests: what is said of a full disk, `tests/sessions/embedded/test_disk.py`; a page that moves to another
replica while one drains, `tests/browser/test_machines.py`; reloads, `tests/browser/test_survival.py`.
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
