"""docs/audit-rounds.md, made of what the rounds came to."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from typing import Any

from rag.audit.checks import CHECKS
from tests import PROJECT
from tests.audit.planted.known import BY_DESIGN, FIGURES

PAGE = PROJECT / "docs" / "audit-rounds.md"
HEAD = """# How sure a verdict of the audit is

An instrument is tried on what is known. For each check there is a store that is wrong in exactly that way, behind
each interface that can have the fault, and the check has to find it every time; a right store must never be accused.
`{figures}` are figures, without a verdict: they cannot fail, and are not in these tables.

{when}: `python -m tests.audit.rounds PART… -n 50 --file FILE`, several parts beside each other on a machine of
{cores} cores that was busy with other work, too: a load of {least:g} to {most:g}, so that a round took several times
as long as on a quiet one. `--page FILE…` writes this page.

"""
Record = dict[str, Any]


def written(records: list[Record]) -> None:
    PAGE.write_text(page(records), encoding="utf-8")


def page(records: list[Record]) -> str:
    days = sorted({record["at"][:10] for record in records})
    loads = [record["load"] for record in records]
    head = HEAD.format(
        figures="`, `".join(sorted(FIGURES)),
        when=" to ".join(dict.fromkeys((days[0], days[-1]))),
        least=min(loads),
        most=max(loads),
        cores=os.cpu_count(),
    )
    found = [record for record in records if record["part"].endswith(":faults")]
    others = [record for record in records if record["part"].endswith(":others")]
    right = [record for record in records if not record["fault"]]
    return head + "\n".join([*faults(found), *against_others(others), *rights(right), *exceptions(records)]) + "\n"


def grouped(records: list[Record], *keys: str) -> dict[tuple[str, ...], list[Record]]:
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(record[key] for key in keys)].append(record)
    return groups


def found_of(records: list[Record]) -> str:
    return f"{sum(not each['wrong'] for each in records)}/{len(records)}"


def faults(records: list[Record]) -> list[str]:
    stores = list(dict.fromkeys(record["store"] for record in records))
    lines = ["## Each fault by its own check: found / tried", "", f"| check | {' | '.join(stores)} |"]
    lines.append("|---" * (len(stores) + 1) + "|")
    cells = grouped(records, "fault", "store")
    for check in CHECKS:
        row = [cells.get((check, store)) for store in stores]
        if any(row):
            lines.append(f"| `{check}` | {' | '.join(found_of(each) if each else '–' for each in row)} |")
    more = {(check, kind) for check, kind in grouped(records, "fault", "kind")}
    several = sorted(check for check in CHECKS if len([1 for each, _ in more if each == check]) > 1)
    return [*lines, "", f"Several kinds of the fault are planted for {', '.join(f'`{each}`' for each in several)}.", ""]


def against_others(records: list[Record]) -> list[str]:
    tried = sum(record["checks"] for record in records)
    wrong = sum(len(record["wrong"]) for record in records)
    lines = [
        "## Each fault by all other checks, once",
        "",
        f"{len(records)} faulty stores, {tried} verdicts, of which {wrong} are wrong. Where one fault is seen by two "
        "checks, both are right:",
        "",
        "| the fault of | behind | does not pass either |",
        "|---|---|---|",
    ]
    for (fault, store), those in grouped(records, "fault", "store").items():
        also = {each for record in those for each in record["also"]} - BY_DESIGN.get(store, frozenset())
        if also:
            lines.append(f"| `{fault}` | {store} | {', '.join(f'`{each}`' for each in sorted(also))} |")
    return [*lines, ""]


def rights(records: list[Record]) -> list[str]:
    lines = [
        "## Right stores",
        "",
        "A round is every check that applies, except where a server of its own is restarted: there it is that check "
        "alone. Asynchronous stores and histories of ours are tried a fifth as often. By design: a graph keeps a "
        "question before it asks its model, so its saver fails what asks for pairs, in as many rounds as stand there.",
        "",
        "| store | rounds | checks a round | accused | unknown | by design | seconds a round |",
        "|---|---|---|---|---|---|---|",
    ]
    for (store, kind), those in grouped(records, "store", "kind").items():
        came = [text for record in those for text in record["wrong"].values()]
        failed = sum(each.startswith("fail") for each in came)
        seconds = sum(record["seconds"] for record in those) / len(those)
        checks = min(record["checks"] for record in those)
        design = Counter(each for record in those for each in record["also"])
        known = ", ".join(f"`{each}` {times}" for each, times in sorted(design.items())) or "–"
        lines.append(
            f"| {kind}, {store} | {len(those)} | {checks} | {failed} | {len(came) - failed} | {known} | {seconds:.1f} |"
        )
    return [*lines, ""]


def exceptions(records: list[Record]) -> list[str]:
    """All that came out as it should not, with its evidence."""
    lines = ["## What came out as it should not", ""]
    for record in records:
        for check, text in record["wrong"].items():
            what = f"the fault of `{record['fault']}`" if record["fault"] else "right"
            lines.append(
                f"- `{check}` at {record['kind']}, {record['store']} ({what}), round {record['round']}: {text}"
            )
    for (store, kind), those in grouped([each for each in records if not each["fault"]], "store", "kind").items():
        for check in sorted({each for record in those for each in record["also"]}):
            if missed := sum(check not in record["also"] for record in those):
                lines.append(
                    f"- `{check}` at {kind}, {store} (which it fails by design) passed {missed} of {len(those)}"
                )
    return [*lines, *(["Nothing."] if len(lines) == 2 else [])]
