"""Where an answer is in what a target sends.

A path is made of keys and list places joined by dots: `choices.0.message.content`; -1 is the last place, `*` is every
one, and their texts are joined: `output.*.content.*.text`. A text that stands where a path is wanted is the path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag.crosstalk.targets.errors import TargetFailed

LONGEST = 1 << 20
"""Bytes of an answer."""
_END_OF_LINE = re.compile(rb"\r\n|\r|\n")


def at(value: Any, path: str) -> Any:
    """What is there; None if nothing is. With `*`, a list of what is found."""
    return _at(value, path.split(".") if path else [])


def _at(value: Any, keys: Sequence[str]) -> Any:
    for number, key in enumerate(keys):
        if key == "*":
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            found = (_at(one, keys[number + 1 :]) for one in inner)
            return [part for one in found if one is not None for part in (one if isinstance(one, list) else [one])]
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def text_at(value: Any, paths: Iterable[str]) -> str | None:
    """The text at the first path that has one; None if none has."""
    for path in paths:
        found = at(value, path)
        if isinstance(found, list) and "*" in path.split(".") and found and all(isinstance(one, str) for one in found):
            return "".join(found)
        if isinstance(found, str):
            return found
    return None


def holds(value: Any, condition: str) -> bool:
    """`path=value`, or a path at which there is something that is not false."""
    path, equals, wanted = condition.partition("=")
    found = at(value, path.strip())
    if not equals:
        return bool(found)
    return (found if isinstance(found, str) else json.dumps(found)) == wanted.strip()


def parsed(text: str | bytes) -> Any:
    """Raises ValueError, also for what is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def refused(value: Any, errors: Iterable[str]) -> str:
    """What it says instead of an answer; empty if it says nothing of the kind. errors: the paths of it."""
    said = next(filter(None, (at(value, path) for path in errors if path)), None)
    return complaint(said) if said else ""


def complaint(said: Any) -> str:
    """An error in one line, whatever holds its words."""
    if isinstance(said, dict):
        named = (said.get(key) for key in ("message", "detail", "error", "data"))
        said = next(filter(None, named), said)
    if said is None or isinstance(said, bool | int | float):
        return "that it failed, and nothing more"
    words = said.get("message", said) if isinstance(said, dict) else said
    return " ".join((words if isinstance(words, str) else json.dumps(words))[:200].split())


def lines(pieces: Iterable[bytes], target: str) -> Iterator[str]:
    """As server-sent events and NDJSON have them, whose texts may hold what is an end of line elsewhere."""
    size, rest = 0, list[bytes]()
    for piece in pieces:
        size += len(piece)
        if size > LONGEST:
            raise too_long(target)
        end, *others = _END_OF_LINE.split(piece)
        rest.append(end)
        for line in others:
            yield b"".join(rest).decode("utf-8", "replace")
            rest = [line]
    yield b"".join(rest).decode("utf-8", "replace")


def sse(pieces: Iterable[bytes], target: str) -> Iterator[tuple[str, str]]:
    """The name (`message` if it has none) and the data of each event, up to one whose data is [DONE]."""
    name, data = "message", list[str]()
    for line in lines(pieces, target):
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
        elif key == "event":
            name = value
        elif key == "data":
            if value == "[DONE]":
                break
            data.append(value)
    if data:
        yield name, "\n".join(data)


def bounded(pieces: Iterable[bytes], target: str) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > LONGEST:
            raise too_long(target)
    return bytes(found)


def late(target: str, deadline: float) -> TargetFailed:
    return TargetFailed(target, f"its answer was not whole after {deadline:g} seconds")


def too_long(target: str) -> TargetFailed:
    return TargetFailed(target, f"its answer is longer than {LONGEST:,} bytes")


def shown(text: str | bytes, longest: int = 120) -> str:
    """A part of it in one line."""
    whole = text[: 4 * longest].decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(whole[:longest].split())
