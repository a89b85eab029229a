"""How a result is marked: an icon and a word, never colour alone."""

from __future__ import annotations

from collections.abc import Iterable

from rag.audit.results import ORDER, Outcome, Status

MARKS: dict[Status, tuple[str, str, str]] = {
    "fail": ("close", "red", "✗"),
    "unknown": ("question_mark", "orange", "?"),
    "pass": ("check", "green", "✓"),
    "not applicable": ("remove", "gray", "–"),
}
"""Icon, colour and, in a table, sign."""


def badge(status: Status, text: str = "") -> str:
    """Markdown. text: instead of the status itself."""
    icon, colour, _ = MARKS[status]
    return f":{colour}-badge[:material/{icon}: {text or status}]"


def sign(status: Status) -> str:
    return f"{MARKS[status][2]} {'n/a' if status == 'not applicable' else status}"


def counts(outcomes: Iterable[Outcome]) -> str:
    """How many came out in each way, as badges, the worst first."""
    found = [each.status for each in outcomes]
    return " ".join(badge(status, f"{found.count(status)} {status}") for status in ORDER if status in found)
