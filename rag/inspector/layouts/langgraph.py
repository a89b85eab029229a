"""LangGraph's savers on Redis: a hash a checkpoint (the how-to's, `checkpoint$<thread>$<namespace>$<id>`), or a JSON
document (langgraph-checkpoint-redis, `checkpoint:<thread>:…`), each with the pending writes beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.inspector.key_scan import of_each
from rag.inspector.layouts.base import BATCH, Stored
from rag.inspector.layouts.scattered import Scattered
from rag.inspector.pace import Pace
from rag.inspector.parsing.checkpoints import Thread, from_base64
from rag.inspector.parsing.looks import JSON, Look, looks
from rag.inspector.parsing.message_parsers import json_object


class Threads(Scattered):
    """A session is a thread, in all of its namespaces."""

    def part(self, look: Look) -> tuple[str, bytes] | None:
        if look.type == JSON:
            value = json_object(look.parts[0]) or {}
            write = "channel" in value
            thread, place = str(value.get("thread_id")), str(value.get("checkpoint_id"))
            return thread, f"{place} {int(write)} {value.get('idx', '')}".encode()
        write = b"channel" in look.fields
        separator = "$" if b"$" in look.key else ":"
        _, *parts = look.name.split(separator)
        # After the thread: namespace and checkpoint, and of a write its task and number.
        after = 2 if not write else 4 if parts and parts[-1].lstrip("-").isdigit() else 3
        thread = separator.join(parts[:-after]) or look.name
        place = parts[1 - after] if len(parts) >= after > 1 else ""
        return thread, f"{place} {int(write)} {look.name}".encode("utf-8", "surrogateescape")

    def gathered(self, session_id: str, keys: Sequence[bytes], pace: Pace) -> Stored | None:
        thread, left, wrong = Thread(), dict[str, int](), dict[str, str]()
        for start in range(0, len(keys), BATCH):
            seen = {look.key: look for look in looks(self.client, keys[start : start + BATCH], pace)}
            there = [seen[key] for key in keys[start : start + BATCH] if key in seen]
            lefts = _lefts(self, there, pace)
            for look, ms in zip(there, lefts, strict=True):
                name = look.key.decode("utf-8", "replace")
                left[name] = ms
                if look.too_large:
                    wrong[name] = look.too_large
                else:
                    _add(thread, look)
        return Stored(session_id, thread.lines, len(thread.lines), left, wrong=wrong) if left else None


def _lefts(threads: Threads, there: Sequence[Look], pace: Pace) -> list[Any]:
    keys = [look.key for look in there]
    replies = pace(of_each, threads.client, keys, lambda pipe, key: pipe.pttl(key)) if keys else []
    return [left for (left,) in replies]


def _add(thread: Thread, look: Look) -> None:
    if look.type == JSON:
        value = json_object(look.parts[0]) or {} if look.parts else {}
        held = value.get("checkpoint")
        if isinstance(held, str):
            thread.add("json", held)
        elif held is not None:
            thread.state(held)
        else:
            thread.add(str(value.get("type")), from_base64(value.get("blob")), str(value.get("channel")))
        return
    fields = look.fields
    kind = fields.get(b"type", b"json").decode("utf-8", "replace")
    if b"channel" in fields:
        thread.add(kind, fields.get(b"value"), fields[b"channel"].decode("utf-8", "replace"))
    else:
        thread.add(kind, fields.get(b"checkpoint"))
