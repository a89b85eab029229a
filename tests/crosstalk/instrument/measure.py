"""Makes docs/instrument.md: every case behind every door, over many seeds.

`python -m tests.crosstalk.instrument.measure`
"""

from __future__ import annotations

import argparse
import logging
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import open_target
from tests.crosstalk.instrument import stored
from tests.crosstalk.instrument.cases import Case
from tests.crosstalk.instrument.gallery import STRATEGY_CASES
from tests.crosstalk.instrument.meeting import MEETINGS
from tests.crosstalk.instrument.right import STYLES
from tests.crosstalk.instrument.serving import PROTOCOLS, behind
from tests.crosstalk.instrument.wrong import WRONG
from tests.crosstalk.targets.protocol_servers import application
from tests.crosstalk.targets.test_protocols import test_a_protocol_is_recognised_by_its_address_and_spoken
from tests.web.serving import serving

HEAD = """# How often the instrument errs

Chats whose answer is known, each behind several doors: called in the process, JSON, server-sent events, a websocket.
The wrong ones are made after public reports and the gallery's memories, the right ones answer in eleven ways. Each row
is {seeds} runs of 20 users, each with a seed of its own.

Made by `python -m tests.crosstalk.instrument.measure` on {date}, Python {python}.

{summary}

| case | after | door | anomalies | isolated | unknown | found |
|---|---|---|---|---|---|---|
"""

PROTOCOL_HEAD = """
## Protocols

A right server of each protocol, recognised by its address.

| protocol | address | anomalies | isolated | unknown |
|---|---|---|---|---|
"""
MEETING_HEAD = """
## Users who meet

A service with a login, its conversations and files, and what is said of it when one user deletes another's
conversation, or names another's file.

| service | scene | must be | anomalies | isolated | unknown |
|---|---|---|---|---|---|
"""
STORED_HEAD = """
## Stored histories

As `sessions scan --format auto` reads a database, with a canary that one user stated.

| what is stored | must be | is | layouts read, sessions |
|---|---|---|---|
"""


VERDICTS = ("anomalies", "isolated", "unknown")


@dataclass(frozen=True, slots=True)
class Row:
    case: Case
    protocol: str
    verdicts: Counter[str]
    kinds: Counter[str]

    @property
    def right(self) -> bool:
        """Whether every run said what it had to."""
        leaked = self.verdicts["anomalies"]
        return leaked == self.verdicts.total() if self.case.wrong else not leaked

    def __str__(self) -> str:
        found = ", ".join(kind for kind, _ in self.kinds.most_common(3))
        counts = " | ".join(str(self.verdicts[one] or "") for one in VERDICTS)
        return f"| {self.case.name} | {self.case.source} | {self.protocol} | {counts} | {found} |"


CASES = (*WRONG, *STRATEGY_CASES, *STYLES)


Known = dict[tuple[str, str], Row]
"""By name and door."""


def rows(seeds: int, processes: int, known: Known) -> Iterator[Row]:
    """In order; those that are known are not measured. A case is known to the processes by its place: what makes it
    cannot be sent."""
    every = [
        (place, protocol)
        for place, case in enumerate(CASES)
        for protocol in (PROTOCOLS if case in STYLES else PROTOCOLS[:2])
    ]
    wanted = [(place, door, seeds) for place, door in every if (CASES[place].name, door) not in known]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        found = pool.map(measured, wanted)
        for place, door in every:
            case = CASES[place]
            yield known.get((case.name, door)) or Row(case, door, *next(found))


def written(file: Path, but: Sequence[str]) -> Known:
    """The rows of a table as it was written, but of cases with one of these words in their name."""
    cases = {case.name: case for case in CASES if not any(word in case.name for word in but)}
    known: Known = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0] in cases and cells[1] == cases[cells[0]].source:
            counts = dict(zip(VERDICTS, (int(cell or 0) for cell in cells[3:6]), strict=True))
            kinds = Counter(dict.fromkeys(filter(None, cells[6].split(", ")), 1))
            known[cells[0], cells[2]] = Row(cases[cells[0]], cells[2], Counter(counts), kinds)
    return known


def measured(wanted: tuple[int, str, int]) -> tuple[Counter[str], Counter[str]]:
    place, protocol, seeds = wanted
    logging.disable(logging.INFO)
    case, verdicts, kinds = CASES[place], Counter[str](), Counter[str]()
    for seed in range(1, seeds + 1):
        with behind(case, protocol) as target:
            report = simulate(target, case.planned(seed)).report
        verdicts[report.verdict] += 1
        kinds.update(dict.fromkeys(report.counts, 1))
    return verdicts, kinds


Lines = dict[tuple[str, str], str]
"""Of a table: each line by what its first two cells hold."""


def kept(file: Path, heading: str, but: Sequence[str]) -> Lines:
    """Of the table under a heading as it was written, but those with one of these words in their name."""
    text = file.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found: Lines = {}
    for line in text.splitlines():
        if line.startswith("|") and not any(word in line.split("|")[1] for word in but):
            name, second = (cell.strip() for cell in line.split("|")[1:3])
            found[name, second] = line
    return found


def spoken(seeds: int, known: Lines) -> Iterator[str]:
    """A row for each protocol whose description comes along, against a right server of it."""
    [mark] = test_a_protocol_is_recognised_by_its_address_and_spoken.pytestmark  # type: ignore[attr-defined]
    with serving(application()) as address:
        for path, protocol in mark.args[1]:
            if line := known.get((protocol, f"`{path}`")):
                yield line
                continue
            url = address.replace("http", "ws") + path.removeprefix("ws") if path.startswith("ws") else address + path
            verdicts = Counter[str]()
            for seed in range(1, seeds + 1):
                with closing(open_target(url, timeout=20)) as target:
                    report = simulate(target, Workload(users=12, turns=3, in_flight=6, seed=seed)).report
                verdicts[report.verdict] += 1
            counts = " | ".join(str(verdicts[one] or "") for one in ("anomalies", "isolated", "unknown"))
            yield f"| {protocol} | `{path}` | {counts} |"


def met(seeds: int, known: Lines) -> Iterator[str]:
    """A row for each service whose users meet."""
    for one in MEETINGS:
        if line := known.get((one.name, one.scene)):
            yield line
            continue
        verdicts: list[str] = [one.played(seed).report.verdict for seed in range(1, seeds + 1)]
        counts = " | ".join(str(verdicts.count(verdict) or "") for verdict in VERDICTS)
        mark = "" if set(verdicts) == {one.must} else " **(wrong)**"
        yield f"| {one.name} | {one.scene} | {one.must}{mark} | {counts} |"


def remembered(known: Lines) -> Iterator[str]:
    """A row for each stored history."""
    every = [case[:2] for case in stored.cases()]
    new: Lines = {}
    for name, expected, verdict, read in stored.rows(known) if set(every) - known.keys() else ():
        mark = "" if verdict == expected else " **(wrong)**"
        new[name, expected] = f"| {name} | {expected} | {verdict}{mark} | {read} |"
    yield from (known.get(one) or new[one] for one in every)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("docs/instrument.md"))
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="WORD",
        help="Measure cases with it in their name, and what is new; keep the others.",
    )
    arguments = parser.parse_args()
    found = []
    known = written(arguments.out, arguments.only) if arguments.only else {}
    for row in rows(arguments.seeds, arguments.processes, known):
        found.append(row)
        sys.stderr.write(f"{'  ' if row.right else '! '}{row}\n")
    wrong, right = [row for row in found if row.case.wrong], [row for row in found if not row.case.wrong]
    summary = (
        f"- **Wrong: {len(wrong)} targets, {sum(row.verdicts.total() for row in wrong)} runs.** Found in every run: "
        f"{sum(row.right for row in wrong)}; runs that missed: "
        f"{sum(row.verdicts.total() - row.verdicts['anomalies'] for row in wrong)}.\n"
        f"- **Right: {len(right)} targets, {sum(row.verdicts.total() for row in right)} runs.** Accused: "
        f"{sum(row.verdicts['anomalies'] for row in right)} runs."
    )
    date = datetime.now(UTC).date().isoformat()
    head = HEAD.format(seeds=arguments.seeds, date=date, python=platform.python_version(), summary=summary)
    protocols, stories, histories = (
        kept(arguments.out, heading, arguments.only) if arguments.only else {}
        for heading in ("Protocols", "Users who meet", "Stored histories")
    )
    text = (
        f"{head}{chr(10).join(map(str, found))}\n{PROTOCOL_HEAD}{chr(10).join(spoken(arguments.seeds, protocols))}\n"
        f"{MEETING_HEAD}{chr(10).join(met(arguments.seeds, stories))}\n"
        f"{STORED_HEAD}{chr(10).join(remembered(histories))}\n"
    )
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
