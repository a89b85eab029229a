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


TINTS = {
    sign("fail"): "background-color: rgba(224, 49, 49, 0.24)",
    sign("unknown"): "background-color: rgba(232, 143, 12, 0.24)",
    sign("pass"): "background-color: rgba(47, 158, 99, 0.16)",
}
"""Of a table's cells, so thin that either theme's text is read on them."""


def counts(outcomes: Iterable[Outcome]) -> str:
    """How many came out in each way, as badges, the worst first."""
    found = [each.status for each in outcomes]
    return " ".join(badge(status, f"{found.count(status)} {status}") for status in ORDER if status in found)


def took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms"
