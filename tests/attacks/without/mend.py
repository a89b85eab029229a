"""What a defence is, and what stands there instead when it is taken out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests import PROJECT


@dataclass(frozen=True)
class Edit:
    """The text of a file that defends, which it holds exactly once; and what a program without it would have there."""

    path: str
    line: str
    without: str

    def changed(self, top: Path = PROJECT) -> str:
        """The file without it. Raises ValueError if this is not in there once."""
        text = (top / self.path).read_text(encoding="utf-8")
        if text.count(self.line) != 1:
            raise ValueError(f"{self.path} holds {self.line!r} {text.count(self.line)} times")
        return text.replace(self.line, self.without)


@dataclass(frozen=True)
class Mend:
    """attack: what is tried, by the words of docs/attacks.md. edits: all of a defence that has several places.

    tests: each of them turns red without it.
    """

    attack: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def mend(attack: str, path: str, line: str, without: str, *tests: str) -> Mend:
    """One line of one file."""
    return Mend(attack, (Edit(path, line, without),), tests)
