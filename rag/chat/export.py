"""A conversation as a file that its owner takes away: Markdown to read, JSON to process.

Whatever shows the Markdown asks no other server for a picture and runs no HTML: an address of a model's or a document's
making could carry the conversation away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from langchain_core.messages import HumanMessage

from rag.chat.citations import numbered
from rag.chat.service import sources_of
from rag.safe_text import line
from rag.sessions import StoredMessage

_PICTURE, _TAG = re.compile(r"!(?=\[)"), re.compile(r"<(?=[A-Za-z/!?])")


def to_markdown(name: str, records: Sequence[StoredMessage]) -> str:
    """`name` is the session's friendly name."""
    lines = [f"# Conversation of {name}", ""]
    for record in records:
        who = "You" if isinstance(record.message, HumanMessage) else "Assistant"
        text, sources = numbered(record.message.text, sources_of(record.message))
        lines += [f"**{who}** · {_time(record.at)}", "", _inert(text), ""]
        lines += [f"- [{source.number}] {_inert(line(source.label))}" for source in sources]
        if lines[-1]:
            lines.append("")
    return "\n".join(lines)


def to_json(name: str, records: Sequence[StoredMessage]) -> str:
    """`{"session": name, "messages": [{turn, at, role, text, sources}]}`, times in ISO 8601 UTC."""
    messages = [
        {
            "turn": record.turn,
            "at": _time(record.at),
            "role": "user" if isinstance(record.message, HumanMessage) else "assistant",
            "text": record.message.text,
            "sources": [source.to_dict() for source in sources_of(record.message)],
        }
        for record in records
    ]
    return json.dumps({"session": name, "messages": messages}, ensure_ascii=False, indent=2)


def _inert(text: str) -> str:
    """An entity, as a backslash may stand before the `<` already."""
    return _TAG.sub("&lt;", _PICTURE.sub(r"!\\", text))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
