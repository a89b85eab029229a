"""Who the users of a target are to it: rows of a CSV file, or values made from a pattern."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.crosstalk.targets.errors import BadTarget, first_line
from rag.crosstalk.targets.filling import filled, names

MOST = 10_000
"""Rows that are read."""


@dataclass(frozen=True, slots=True)
class People:
    """patterns: by the value's name. rows: one a user; none: the patterns make any number of users."""

    patterns: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Mapping[str, str], ...] = ()
    source: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.rows[0] if self.rows else self.patterns)

    def of(self, number: int, session: str) -> dict[str, str]:
        """The values of a user. number: from 1. Raises BadTarget where there are not so many."""
        if not self.rows:
            given = {"number": str(number), "session": session}
            return {name: str(filled(pattern, given)) for name, pattern in self.patterns.items()}
        if number > len(self.rows):
            raise BadTarget(
                self.source, f"it has {len(self.rows)} users: add rows for more, or start with fewer (--users)"
            )
        return dict(self.rows[number - 1])


def read_people(users: str | Mapping[str, str], folder: Path, where: str) -> People:
    """users: the name of a CSV file with a header, relative to `folder`, or a pattern for each value."""
    if not isinstance(users, str):
        for name, pattern in users.items():
            if not name.isidentifier() or name != name.lower():
                raise BadTarget(where, f"users: {name!r} is not a name: expected small letters, digits and _")
            if unknown := names(pattern) - {"number", "session"}:
                raise BadTarget(where, f"users.{name} has {{{min(unknown)}}}: expected {{number}} or {{session}}")
        return People(users)
    path = folder / users
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for _, row in zip(range(MOST), csv.DictReader(file), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise BadTarget(where, f"its users in {path.name} cannot be read ({first_line(exc)})") from exc
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise BadTarget(where, f"line {number} of {path.name} has not as many values as the first line has names")
    if not rows:
        raise BadTarget(where, f"{path.name} has no users: expected a line of names and one line for each user")
    return People({}, tuple({name.strip(): value for name, value in row.items()} for row in rows), str(path))
