"""What every reader of a foreign log gives: turns, as far as that log tells of them. A reader a format, one contract.

A log that names neither a session nor a user of a turn gives None for them: nobody is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rag.crosstalk.log.events import Message

LONGEST = 200_000
"""Characters of one text; what is longer is cut."""
LABEL = 200
"""Characters of a session's or user's id."""
MOST_NAMED = 50
"""Plants of one turn."""

NOBODY = frozenset(("anonymous", "anon", "guest", "unknown", "undefined", "none", "null", "default", "n/a", "-"))
"""What applications write for a user whom they do not know."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn. t, t_end: seconds since 1970. text: what its user typed. answer: None: the log has none. prompt: what
    the model was given; None: not in the log. plants, expects: as in the operation log, where its metadata has them."""

    session: str | None
    user: str | None
    t: float
    t_end: float
    text: str
    answer: str | None = None
    error: str = ""
    prompt: tuple[Message, ...] | None = None
    plants: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()


class Format(Protocol):
    """A kind of log. name: as its makers call it."""

    name: str

    def knows(self, record: Record) -> bool:
        """Whether this is one of its records."""

    def exchanges(self, records: Iterable[Record]) -> Iterator[Exchange | None]:
        """In any order; None for a turn that lacks a time or a question. Never raises for a record of any shape."""


def label(*values: object) -> str | None:
    """The first that is an id: text, or a number."""
    for value in values:
        if isinstance(value, str) and value.strip():
            return value[:LABEL]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:LABEL] if abs(value) < 10**LABEL else None
    return None


def person(*values: object) -> str | None:
    """The same of a user: what stands for anybody is none."""
    found = label(*values)
    return None if found is not None and found.strip().lower() in NOBODY else found


def first(record: Mapping[str, Any], *names: str) -> Any:
    """Of these keys, the value of the first one that is there and not null."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def mapping(value: object) -> Mapping[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def seconds(value: object) -> float | None:
    """Of a time in ISO 8601 (UTC, where it names no zone), or a number of seconds, ms, µs or ns since 1970."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()[:40]
        if not (text.isascii() and text.isdigit()):
            return _iso(text)
        value = int(text)
    if not isinstance(value, int | float) or not 0 < value < 10**19 or not math.isfinite(value):
        return None
    for unit in (1e17, 1e14, 1e11):
        if value >= unit:
            return float(value) / (unit * 1e-8)
    return float(value)


def _iso(text: str) -> float | None:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def named(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """`plants` or `expects` of a turn's metadata: a text or a list of texts."""
    value = metadata.get(name)
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text[:LABEL] for text in texts[:MOST_NAMED] if isinstance(text, str) and text.strip())
