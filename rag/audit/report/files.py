"""An audit as a file: JSON, JUnit XML, one HTML page that needs nothing else, and a folder of reproductions.

Whatever a store or its user wrote is text in it: no markup, no script, nothing invisible. The page loads nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from rag.audit.checks import CHECKS, LEVELS, Check
from rag.audit.report.reproduction import name_of_test
from rag.audit.results import Audit, Outcome
from rag.safe_text import visible

SHOWN = 40
"""Last steps of a replay that are shown; the JSON has all."""
COLUMNS = 3
"""People who get a column each in a replay; of more, each step names who it is."""


def as_junit(audit: Audit) -> bytes:
    """A test case a check: a failure, an error where it cannot be told, skipped where it does not apply."""
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    suite = TestSuite(visible(f"crosswire audit {audit.target}"))
    for outcome in audit.outcomes:
        case = TestCase(outcome.id, f"crosswire.{CHECKS[outcome.id].level}", outcome.seconds)
        told = visible(outcome.evidence)
        if outcome.status == "fail":
            failure = Failure(told, outcome.id)
            failure.text = visible("\n".join(explained(outcome)))
            case.result = [failure]
        elif outcome.status == "unknown":
            case.result = [Error(told, "unknown")]
        elif outcome.status == "not applicable":
            case.result = [Skipped(told)]
        suite.add_testcase(case)
    for name in audit.left:
        case = TestCase(name, f"crosswire.{CHECKS[name].level}")
        case.result = [Error("It was not tried: the audit was stopped.", "unknown")]
        suite.add_testcase(case)
    xml = JUnitXml("crosswire")
    xml.add_testsuite(suite)
    written = io.BytesIO()
    xml.write(written)
    return written.getvalue()


def explained(outcome: Outcome, steps: int = SHOWN) -> list[str]:
    """What a check asserts, what was seen instead, how, and who did what in which order; lines."""
    check = CHECKS[outcome.id]
    lines = [f"{check.id}: {check.asserts}", f"Seen: {outcome.evidence}"]
    lines += [f"Documented: {outcome.documented}"] if outcome.documented else []
    lines += [f"Why it matters: {check.why} {check.link}".rstrip()]
    lines += [f"Tried: {each}" for each in outcome.tried]
    if outcome.replay:
        lines.append("Who did what, in order" + (f" (the last {steps})" if len(outcome.replay) > steps else "") + ":")
        lines += [f"  {who} {did} -> {came}" for who, did, came in outcome.replay[-steps:]]
    return lines


def as_html(audit: Audit) -> str:
    """Levels with their checks; each with its evidence, how it was tried, its replay and its reproduction."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(visible=lambda value: visible(str(value)))
    return pages.get_template("audit.html.j2").render(audit=audit, levels=by_level(audit), replay=Replay.of)


def by_level(audit: Audit) -> list[tuple[str, str, list[tuple[Check, Outcome]]]]:
    """Level, what a store may claim by it, and its checks that were tried."""
    found = []
    for level, claim in LEVELS.items():
        rows = [(CHECKS[each.id], each) for each in audit.outcomes if CHECKS[each.id].level == level]
        if rows:
            found.append((level, claim, rows))
    return found


@dataclass(frozen=True)
class Replay:
    """The last steps of an outcome, and who gets a column of their own in it."""

    steps: list[tuple[str, str, str]]
    people: list[str]
    earlier: int

    @classmethod
    def of(cls, outcome: Outcome) -> Replay:
        steps = outcome.replay[-SHOWN:]
        people = list(dict.fromkeys(who for who, _, _ in steps))
        return cls(steps, people if len(people) <= COLUMNS else [], len(outcome.replay) - len(steps))


def reproductions(audit: Audit) -> dict[str, str]:
    """File name -> text, of each failure that has one."""
    return {f"{name_of_test(each.id)}.py": each.reproduction for each in audit.outcomes if each.reproduction}
