"""docs/attacks.md, from a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import fill

from tests import PROJECT
from tests.attacks.without.mend import Mend
from tests.attacks.without.mends import MENDS

PAGE = PROJECT / "docs" / "attacks.md"
HEAD = """# Attacks

Made by `python -m tests.attacks.without --page` ({date}). Each line is an attack and what defends against it. In a copy
of the checkout that defence was taken out, and the tests named were run: `red` is a test that failed then, so that it
guards what it says. With everything in place all of them pass.

| attack | defence | tests without it |
|---|---|---|
"""
GOOD = ("failed", "no end")
TOLD = {"failed": "red", "no end": "red: it does not end", "passed": "GREEN", "broken": "did not begin"}


def row(mend: Mend, outcomes: dict[str, str]) -> str:
    places = ", ".join(dict.fromkeys(f"`{edit.path}`" for edit in mend.edits))
    tests = "<br>".join(f"{TOLD.get(outcomes[test], outcomes[test])}: `{test}`" for test in mend.tests)
    return f"| {mend.attack} | {places} | {tests} |"


def holds(outcomes: dict[str, str]) -> bool:
    """Every test noticed."""
    return all(outcome in GOOD for outcome in outcomes.values())


def write(tried: Sequence[tuple[Mend, dict[str, str]]]) -> None:
    """The lines of those that were not tried stay as they are."""
    known = {line.split(" | ")[0]: line for line in lines()}
    for mend, outcomes in tried:
        line = row(mend, outcomes)
        known[line.split(" | ")[0]] = line
    kept = [known[name] for mend in MENDS if (name := f"| {mend.attack}") in known]
    tests = sum(line.count("`tests/") for line in kept)
    red = sum(line.count(f"{TOLD[good]}: `tests/") for line in kept for good in GOOD)
    told = f"{len(kept)} defences were taken out, and {red} of {tests} tests turned red."
    head = HEAD.format(date=datetime.now(UTC).strftime("%-d %B %Y"))
    PAGE.write_text("\n".join([head + kept[0], *kept[1:], "", fill(told, 120), ""]), encoding="utf-8")


def lines() -> list[str]:
    """Of the table, as it stands."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return [line for line in text.splitlines() if line.startswith("| ")][1:]
