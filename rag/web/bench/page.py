"""A benchmark's table in the page that shows it, between two comments that name it; all else there is a person's."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import CrosswireError


@dataclass(frozen=True, slots=True)
class Measured:
    """When it began, and how much else this machine had to do then: the mean load of the last minute."""

    began: float = field(default_factory=time.time)
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def __str__(self) -> str:
        day = time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(self.began)).lstrip("0")
        return f"{os.cpu_count()} cores, load {self.load:.1f} before it began, {day}"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def replaced(page: str, name: str, content: str) -> str:
    """The page with this between `<!-- name -->` and `<!-- /name -->`. Raises CrosswireError where they are not."""
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found, rest = page.partition(first)
    _, ended, after = rest.partition(last)
    if not found or not ended:
        raise CrosswireError(f"The page has no place for this table: add the lines {first.strip()} and {last.strip()}.")
    return f"{before}{first}{content}{last}{after}"


def write(path: Path, name: str, command: str, measured: Measured, tables: str) -> None:
    """Raises CrosswireError if the page cannot be read or written, or has no place for it."""
    try:
        page = path.read_text(encoding="utf-8")
        path.write_text(replaced(page, name, f"`{command}`; {measured}.\n\n{tables}"), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CrosswireError(f"{path} cannot be written ({exc}). Name a page that has a place for this table.") from exc
