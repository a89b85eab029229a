"""Limits that packages state in their own documentation, shown beside a check that fails because of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """What a package says of itself."""

    package: str
    """Its distribution."""
    checks: tuple[str, ...]
    """Ids."""
    words: str
    """Its own, quoted."""
    link: str


LIMITS: tuple[Limit, ...] = ()


def documented(check: str, packages: Iterable[str]) -> str:
    """What one of these packages documents about what this check asserts; empty if nothing is known."""
    named = set(packages)
    found = [each for each in LIMITS if check in each.checks and each.package in named]
    return " ".join(f"{each.package} documents: “{each.words}” {each.link}" for each in found)
