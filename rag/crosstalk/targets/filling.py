"""Places in a description, `{name}`, and what they become. `{{name}}` is the text itself."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

_PLACE = re.compile(r"\{\{[a-z_][a-z0-9_]{0,60}\}\}|\{([a-z_][a-z0-9_]{0,60})\}")


def names(value: Any) -> set[str]:
    """Of all places in a text, or in the texts of lists and mappings."""
    if isinstance(value, str):
        return {found[1] for found in _PLACE.finditer(value) if found[1]}
    if isinstance(value, Mapping):
        return {name for pair in value.items() for part in pair for name in names(part)}
    if isinstance(value, list | tuple):
        return {name for part in value for name in names(part)}
    return set()


def literal(value: Any, but: Collection[str]) -> Any:
    """With the places doubled that are none, so that they stand for themselves. but: names of those that are."""
    if isinstance(value, Mapping):
        return {literal(key, but): literal(one, but) for key, one in value.items()}
    if isinstance(value, list):
        return [literal(one, but) for one in value]
    if not isinstance(value, str):
        return value
    return _PLACE.sub(lambda found: f"{{{found[0]}}}" if found[1] not in but else found[0], value)


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """With the places filled in, each once: what a value holds is left as it is.

    A text that is nothing but a place becomes what stands for it, a list even.
    """
    if isinstance(value, Mapping):
        return {filled(key, values): filled(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole and whole[1]:
        return values[whole[1]]
    return _PLACE.sub(lambda found: _text(values[found[1]]) if found[1] else found[0][1:-1], value)


def filled_address(url: str, values: Mapping[str, Any]) -> str:
    """The same for an address: what is filled in is one part of a path or query, whatever it holds."""
    return _PLACE.sub(lambda found: quote(_text(values[found[1]]), safe="") if found[1] else found[0][1:-1], url)


def texts(value: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """The same for headers, cookies, queries and forms, which hold texts alone; nothing is sent for null."""
    return {key: _text(one) for key, one in filled(value, values).items() if one is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
