"""The matrix as a page: every store by level, each failing check by its evidence, and what it takes to see it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rag.audit.checks import CHECKS, LEVELS
from tests.audit.matrix.rows import NOT_RUN, ROWS

BEGINS, ENDS = "<!-- matrix -->", "<!-- end of matrix -->"
SHOWN = {
    "Crosswire store",
    "langchain-community Redis history",
    "langchain-redis history",
    "LangGraph AsyncSqliteSaver",
    "LangGraph PostgresSaver",
    "OpenAI Agents SQLiteSession",
    "Google ADK DatabaseSessionService",
    "Agno SqliteDb",
    "mem0 Memory, local",
}
"""The rows that the README shows."""
MARKS = {"pass": "✓", "fail": "✗", "unknown": "?", "not applicable": "–"}


def page(kept: dict[str, dict[str, Any]]) -> str:
    """docs/audit.md, from what was kept: the name of a row -> its audit."""
    return "\n".join([*_head(kept), *_levels(kept), *_checks(kept), *_failures(kept), *_not_run()]) + "\n"


def with_head(readme: str, kept: dict[str, dict[str, Any]]) -> str:
    """The README with the head of the matrix between its two marks."""
    before, _, rest = readme.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    table = _levels({name: audit for name, audit in kept.items() if name in SHOWN})
    lines = table[: table.index("")]
    return f"{before}{BEGINS}\n{chr(10).join(lines)}\n{ENDS}{after}"


def _head(kept: dict[str, dict[str, Any]]) -> list[str]:
    day = datetime.now(UTC).date().isoformat()
    pythons = sorted({audit["python"] for audit in kept.values() if audit["python"]})
    return [
        "# Which stores keep conversations apart?",
        "",
        f"{len(kept)} stores, {len(CHECKS)} checks, {day}, Python {', '.join(pythons)}. Made by `make matrix`, which "
        "runs each store in a virtual environment of its own; the same in JSON: [audit.json](audit.json).",
        "",
        "✓ it holds · ✗ so many checks fail · ? it cannot be told · – the interface has nothing of it",
        "",
        "A store is measured by what its interface can do, and no further. Each ✗ has a test that fails with the "
        "package alone, without Crosswire. How to audit a store of your own: [audit-a-store.md](audit-a-store.md).",
        "",
    ]


def _cell(outcomes: list[dict[str, Any]]) -> str:
    failed = sum(each["status"] == "fail" for each in outcomes)
    if failed:
        return f"✗ {failed}"
    for status in ("unknown", "pass"):
        if any(each["status"] == status for each in outcomes):
            return MARKS[status]
    return MARKS["not applicable"]


def _levels(kept: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"| store | {' | '.join(LEVELS)} |", "|---" * (len(LEVELS) + 1) + "|"]
    for name, audit in kept.items():
        cells = [_cell([each for each in audit["outcomes"] if each["id"].startswith(f"{level}.")]) for level in LEVELS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", *(f"- **{level}**: {what}" for level, what in LEVELS.items()), ""]


def _checks(kept: dict[str, dict[str, Any]]) -> list[str]:
    numbers = " | ".join(str(number) for number in range(1, len(kept) + 1))
    lines = [
        "## Check by check",
        "",
        *(f"{number}. {_versions(name, kept)}" for number, name in enumerate(kept, 1)),
        "",
    ]
    lines += [f"| check | {numbers} |", "|---" * (len(kept) + 1) + "|"]
    for check in CHECKS.values():
        row = []
        for audit in kept.values():
            status = next((each["status"] for each in audit["outcomes"] if each["id"] == check.id), "unknown")
            row.append(MARKS[status])
        lines.append(f"| `{check.id}` | {' | '.join(row)} |")
    return [*lines, ""]


def _versions(name: str, kept: dict[str, dict[str, Any]]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in kept[name]["versions"].items())
    fixed = next((row.fixed for row in ROWS if row.name == name), "")
    return f"{name}{f' ({versions})' if versions else ''}{f'; reported as {fixed}' if fixed else ''}"


def _failures(kept: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["## What fails", ""]
    for name, audit in kept.items():
        failed = [each for each in audit["outcomes"] if each["status"] == "fail"]
        if failed:
            lines += [f"### {name}", ""]
        for each in failed:
            says = f" {each['documented']}" if each["documented"] else ""
            lines.append(f"- `{each['id']}`: {_plain(each['evidence'])}{says} [Test]({each['reproduction']})")
        if failed:
            lines.append("")
    return lines


def _not_run() -> list[str]:
    return ["## Not run", "", *(f"- {name}: {why}." for name, why in NOT_RUN.items())] if NOT_RUN else []


def _plain(text: str) -> str:
    """Evidence as Markdown shows it: nothing of it is markup."""
    short = text if len(text) <= 400 else f"{text[:400]}…"
    return "".join(f"\\{each}" if each in "|*_<>[]`" else each for each in short)
