"""What the operator should know of the server that holds the sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Turns can be stored. disk, free: the embedded server's folder, and how many bytes are left there."""

    disk: str = ""
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Eviction:
    """What the server does when its memory is used up. maxmemory: bytes, 0 for no limit of its own."""

    policy: str
    maxmemory: int

    @property
    def loses_sessions(self) -> bool:
        """Whether it drops histories before their time to live is over, and says so to nobody."""
        return self.maxmemory > 0 and self.policy != "noeviction"

    @property
    def warning(self) -> str:
        """A line for whoever runs it, empty if there is nothing to warn of."""
        if not self.loses_sessions:
            return ""
        return (
            f"This Redis drops sessions before they expire, and tells nobody (maxmemory {self.maxmemory:,} bytes, "
            f"maxmemory-policy {self.policy}). Set maxmemory-policy to noeviction."
        )


def eviction_of(info: dict[str, Any]) -> Eviction | None:
    """From one `INFO memory`, or a cluster's: then of the first node that loses sessions. None if it does not say."""
    nodes = [info] if "maxmemory_policy" in info else [node for node in info.values() if isinstance(node, dict)]
    found = [
        Eviction(str(node["maxmemory_policy"]), int(node.get("maxmemory", 0)))
        for node in nodes
        if "maxmemory_policy" in node
    ]
    return max(found, key=lambda one: one.loses_sessions, default=None)
