"""The table of levels and checks in docs/audit-a-store.md. `python -m tests.audit.ids_table` writes it anew."""

from __future__ import annotations

from rag.audit.checks import CHECKS, LEVELS
from tests import PROJECT

PAGE = PROJECT / "docs" / "audit-a-store.md"
HEAD = "| level | check | it asserts |\n|---|---|---|\n"


def table() -> str:
    """As the registry has them."""
    lines = []
    for level in LEVELS:
        for number, check in enumerate(each for each in CHECKS.values() if each.level == level):
            first = f"**{level}**: {LEVELS[level]}" if number == 0 else ""
            lines.append(f"| {first} | `{check.id}` | {check.asserts} |\n")
    return HEAD + "".join(lines)


def parts() -> tuple[str, str, str]:
    """The page before its table, the table, and the page after it."""
    before, head, rest = PAGE.read_text(encoding="utf-8").partition(HEAD)
    rows, blank, after = rest.partition("\n\n")
    return before, f"{head}{rows}\n", blank[1:] + after


if __name__ == "__main__":
    before, _, after = parts()
    PAGE.write_text(before + table() + after, encoding="utf-8")
