"""Looks for what is left of a session, in other ways than `rag.erasure` does: so each shows whether the other one sees.

Redis by what DUMP gives of each key, which is any type's bytes; files and their names; all objects of this process.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNLOGGED = ("--slowlog-log-slower-than", "-1")
"""Of a Redis that is to be without leftovers: on a busy machine any command may be slow."""
MANY = 10_000
RUN = secrets.token_hex(8)
"""In every mark: memory is walked once for all of them. Only `mark` makes texts of it, so that none lies about."""


def mark(session: str, kind: str) -> str:
    """What only this session has, of this kind. No number, which Redis would not keep as text."""
    return f"{session}x{RUN}x{kind}"


def in_redis(client: Any, marks: Iterable[str], *beside: str) -> set[str]:
    """Which marks are in a key or its name. beside: keys that are left out."""
    client.config_set("rdbcompression", "no")
    found, wanted = set(), [one.encode() for one in marks]
    for key in client.scan_iter(count=1000):
        if key.decode() in beside:
            continue
        seen = key + (client.dump(key) or b"")
        found |= {one.decode() for one in wanted if one in seen}
    return found


def in_files(folder: Path, marks: Iterable[str]) -> set[str]:
    found, wanted = set(), [one.encode() for one in marks]
    for path in folder.rglob("*"):
        seen = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        found |= {one.decode() for one in wanted if one in seen}
    return found


def in_memory() -> list[str]:
    """What refers to any mark."""
    gc.unfreeze()
    gc.collect()
    found = []
    holders = gc.get_objects()
    for start in range(0, len(holders), MANY):  # there are millions: one call for many takes less than a call for each
        if _marked(*holders[start : start + MANY]):
            for holder in holders[start : start + MANY]:
                found += [f"{type(holder).__name__}: {one[:80]!r} in {str(holder)[:200]}" for one in _marked(holder)]
    gc.freeze()
    return found


def _marked(*holders: object) -> list[str | bytes]:
    """What these refer to that holds a mark, also by way of what is not listed itself."""
    found: list[str | bytes] = []
    needle = RUN.encode()
    inside = gc.get_referents(*holders)
    while inside:
        found += [one for one in inside if type(one) is str and RUN in one and one != RUN]
        found += [one for one in inside if type(one) is bytes and needle in one and one != needle]
        plain = [one for one in inside if type(one) in (tuple, dict) and not gc.is_tracked(one)]  # as of texts alone
        inside = gc.get_referents(*plain)
    return found
