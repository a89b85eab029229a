"""Where two messages differ, by their own idea of what is equal."""

from __future__ import annotations

import copy
from typing import Any


def kind_of(message: Any) -> str:
    """Its class, or what a dict says of itself."""
    named = (message.get("type") or message.get("role")) if isinstance(message, dict) else None
    return str(named or type(message).__name__)


def difference(before: Any, after: Any, where: str) -> str:
    """The innermost thing that is not equal: where it is, before and after; empty if they are equal."""
    if type(before) is not type(after):
        return f"{where} was {_shown(before)}, and is {_shown(after)} ({type(after).__name__})."
    if before == after:
        return ""
    parts, others = _parts(before), _parts(after)
    for name in {**parts, **others}:
        if name not in others:
            return f"{where}{name} was {_shown(parts[name])}, and is gone."
        if name not in parts:
            return f"{where}{name} was not there, and is {_shown(others[name])}."
        if found := difference(parts[name], others[name], f"{where}{name}"):
            return found
    return f"{where} was {_shown(before)}, and is {_shown(after)}."


def given_an_id(before: Any, after: Any) -> bool:
    """Whether all that was changed is that a message without an id has one now: nothing is lost by that."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.get("id") is None and after == {**before, "id": after.get("id")} != before
    if getattr(before, "id", "") is None and getattr(after, "id", None) is not None:
        same = copy.copy(after)
        same.id = None
        return not difference(before, same, "")
    return False


def _parts(value: Any) -> dict[str, Any]:
    """What it consists of, by how one would write it."""
    if isinstance(value, dict):
        return {f"[{name!r}]": each for name, each in value.items()}
    if isinstance(value, list | tuple):
        return {f"[{number}]": each for number, each in enumerate(value)}
    return {f".{name}": each for name, each in getattr(value, "__dict__", {}).items()}


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text)} characters)"
