"""An audit as it is printed: each level with its checks, what was seen where one did not pass, and the verdict."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rag.audit.checks import CHECKS, LEVELS
from rag.audit.report.files import by_level
from rag.audit.results import Audit, Outcome
from rag.audit.targets import NAMED
from rag.safe_text import line

COLOURS = {"pass": "green", "fail": "bold red", "unknown": "bold yellow", "not applicable": "dim"}
WIDTH = max(len(status) for status in COLOURS)
LONGEST = 600
"""Characters of evidence that are shown; the files have all."""


def all_choices() -> dict[str, object]:
    """Levels, checks and targets, as `--list --json` has them."""
    checks = [{"id": each.id, "asserts": each.asserts, "why": each.why, "link": each.link} for each in CHECKS.values()]
    return {"levels": LEVELS, "checks": checks, "targets": list(NAMED)}


def show_list(shown: Console) -> None:
    """Levels with their checks, and the targets that come along."""
    for level, claim in LEVELS.items():
        shown.print(Text.assemble((level, "bold"), f": {claim}"))
        for check in CHECKS.values():
            if check.level == level:
                shown.print(Text.assemble("  ", (check.id, "bold")))
                _below(shown, 4, check.asserts)
    shown.print(Text.assemble(("targets", "bold"), ": " + ", ".join(NAMED)))


def show(result: Audit, shown: Console) -> None:
    """Each level with its checks, what was seen where one did not pass, and the verdict."""
    packages = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    shown.print(Text.assemble((line(result.target), "bold"), f": {result.interface}"))
    shown.print(Text(line(f"{packages}{', ' * bool(packages)}Python {result.python}"), "dim"))
    for level, claim, rows in by_level(result):
        shown.print(Text.assemble("\n", (level, "bold"), f": {claim}"))
        for check, outcome in rows:
            status = outcome.status
            shown.print(Text.assemble((f"{status:<{WIDTH}} ", COLOURS[status]), check.id))
            for text in _told(outcome, check.asserts):
                _below(shown, WIDTH + 1, text)
    shown.print(Text.assemble("\n", *verdict(result)))


def _told(outcome: Outcome, asserts: str) -> list[str]:
    if outcome.status == "pass":
        return []
    said = [asserts if outcome.status == "fail" else "", line(outcome.evidence, LONGEST), line(outcome.documented)]
    return [each for each in said if each]


def _below(shown: Console, indent: int, text: str) -> None:
    """In lines of this indent, without blanks at their ends."""
    for each in Text(text).wrap(shown, max(20, shown.width - indent)):
        shown.print(Text(" " * indent + each.plain.rstrip()), no_wrap=True, overflow="ignore")


def verdict(result: Audit) -> list[str | tuple[str, str]]:
    """`fail: 2 failed, 1 unknown, 37 passed …`, in parts with their colours."""
    words = {"fail": "failed", "unknown": "unknown", "pass": "passed", "not applicable": "not applicable"}
    counted = ", ".join(f"{count} {words[status]}" for status, count in result.counts.items() if count) or "none tried"
    partial = f" It is partial: {len(result.left)} were not tried." if result.partial else ""
    return [(result.status, COLOURS[result.status]), f": {counted}, in {result.seconds:.1f} s.{partial}"]
