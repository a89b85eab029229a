"""In which scene a memory shows what is wrong with it: how many turns that takes, whether two tabs or one given up."""

from __future__ import annotations

from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import find

TWO_TURNS = frozenset({"thread-local", "semantic-cache", "reused-connection"})
"""What these mix up, users have stored in a turn before."""


def own_scene(strategy: str) -> Scene:
    """The smallest one that shows it; two users who each send a turn where there is nothing to show."""
    kind = find(strategy)
    turns = 2 if strategy in TWO_TURNS else 1
    tabs_alone = bool(kind.expects_tabs) and not (kind.expects or kind.expects_cancelled)
    return Scene(tabs=tabs_alone, turns=turns, cancels=1 if kind.cancels else 0)


def lacks(strategy: str, scene: Scene) -> str:
    """What is missing in a scene to show it, as half a sentence; empty: nothing."""
    own = own_scene(strategy)
    missing = []
    if own.tabs and not scene.tabs:
        missing.append("two tabs of one user")
    if own.turns > scene.turns and not scene.tabs:
        missing.append("two turns each")
    if own.cancels > scene.cancels:
        missing.append("a cancelled turn")
    return " and ".join(missing)


def elsewhere(strategy: str) -> bool:
    """Whether what is wrong with it shows only between processes, which the lab does not have."""
    kind = find(strategy)
    return bool(kind.expects_processes) and not (kind.expects or kind.expects_tabs or kind.expects_cancelled)
