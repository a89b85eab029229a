"""A message a key, that names its session: redisvl's MessageHistory (hashes), and many apps' texts and documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from rag.inspector.key_scan import of_each
from rag.inspector.layouts.base import BATCH, Stored
from rag.inspector.layouts.scattered import Scattered
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import JSON, Look, looks
from rag.inspector.parsing.message_parsers import json_object
from rag.inspector.parsing.spoken import REST, SESSION, said_in

LONGEST_ID = 1000


class SingleMessages(Scattered):
    def part(self, look: Look) -> tuple[str, bytes] | None:
        value = message_in(look)
        if value is None:
            return None
        said = said_in(value)
        at = f"{said.at if said else 0:020.6f}".encode()
        return str(next(value[name] for name in SESSION if value.get(name)))[:LONGEST_ID], at

    def gathered(self, session_id: str, keys: Sequence[bytes], pace: Pace) -> Stored | None:
        lines, left = list[bytes](), dict[str, int]()
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            found = {look.key: message_in(look) for look in looks(self.client, part, pace)}
            lefts = pace(of_each, self.client, part, lambda pipe, key: pipe.pttl(key))
            for key, (ms,) in zip(part, lefts, strict=True):
                if (value := found.get(key)) is not None:
                    lines.append(orjson.dumps(value))
                    left[key.decode("utf-8", "replace")] = ms
        return Stored(session_id, lines, len(lines), left) if lines else None


def message_in(look: Look) -> dict[str, Any] | None:
    """The message that this key is, None if it is none, or names no session."""
    if look.too_large or not look.parts:
        return None
    if look.type == "hash":
        texts = {name: value for name, value in look.fields.items() if len(name) < 100}
        value: dict[str, Any] | None = {
            name.decode("utf-8", "replace"): cell.decode("utf-8", "replace") for name, cell in texts.items()
        }
    elif look.type in ("string", JSON):
        value = json_object(look.parts[0]) if look.parts[0].lstrip()[:1] == b"{" else None
    else:
        return None
    if value is None or not any(value.get(name) for name in SESSION):
        return None
    said = said_in(value)
    return value if said is not None and said.role != REST and said.text else None


def claims(look: Look) -> bool:
    return message_in(look) is not None
