"""Kinds of anomalies, as pages explain them: from their records."""

from __future__ import annotations

from collections.abc import Iterable

from rag.crosstalk.checker.anomalies import DEFINITIONS


def definitions(kinds: Iterable[str]) -> str:
    """Markdown, for a `help`."""
    known = [DEFINITIONS[kind] for kind in kinds if kind in DEFINITIONS]
    return "\n".join(f"- **{one.kind}** ({one.term}): {one.text}" for one in known)
