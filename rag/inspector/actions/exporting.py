"""Sessions as files: JSON that can be imported again, Markdown to read, CSV for a spreadsheet.

An export holds what was said in the clear, also where the store encrypts it. Nothing in one can do anything where it is
opened: no Markdown or HTML of a stranger's is live, no cell is a formula.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from rag.errors import SealBroken
from rag.inspector.inspector import Inspector
from rag.inspector.layouts.crosswire import Own
from rag.inspector.pace import Pace
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.timestamps import shown
from rag.safe_text import cell, fenced, line
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import Unreadable, decode
from rag.sessions.messages.seal import open_field
from rag.sessions.names import friendly_name

FORMAT = "crosswire.sessions"
VERSION = 1
COLUMNS = ("session", "name", "number", "turn", "at", "role", "text", "documents", "problem")
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]()#+-.!|<>~&:"})


@dataclass(frozen=True, slots=True)
class Export:
    """sessions: a dict each, with id, created, seen, turns, ttl, title, model, and messages."""

    sessions: tuple[dict[str, Any], ...]
    at: float
    source: str

    def written(self, form: str) -> str:
        """form: json, markdown or csv."""
        return {"json": self._json, "markdown": self._markdown, "csv": self._csv}[form]()

    def _json(self) -> str:
        known = {
            "format": FORMAT,
            "version": VERSION,
            "exported": shown(self.at),
            "source": self.source,
            "sessions": list(self.sessions),
        }
        return json.dumps(known, ensure_ascii=True, indent=1)

    def _markdown(self) -> str:
        parts = [f"# {len(self.sessions)} session{'' if len(self.sessions) == 1 else 's'}, exported {shown(self.at)}"]
        for one in self.sessions:
            parts.append(f"## {one['name']}\n\n`{_code(one['id'])}`, {len(one['messages'])} messages")
            parts += [_paragraph(message) for message in one["messages"]]
        return "\n\n".join(parts) + "\n"

    def _csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for one in self.sessions:
            for message in one["messages"]:
                documents = " ".join(message["documents"])
                texts = (one["id"], one["name"], message["role"], message["text"], documents, message["problem"])
                session, name, role, text, documents, problem = map(cell, texts)
                at = shown(message["at"])
                writer.writerow((session, name, message["number"], message["turn"], at, role, text, documents, problem))
        return out.getvalue()


def export(inspector: Inspector, ids: Sequence[str]) -> Export:
    """Those of these sessions that are there. The caller audits it: exporting is looking."""
    pace = Pace(share=1.0)
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 50):
        for stored in inspector.histories.read(ids[start : start + 50], pace):
            known = _session(inspector, stored.id)
            messages = [
                _message(number, inspector.histories.parse(raw, stored.id), _inner(inspector, raw, stored.id))
                for number, raw in enumerate(stored.elements)
            ]
            found.append({"id": stored.id, "name": friendly_name(stored.id), **known, "messages": messages})
    return Export(tuple(found), inspector.now, inspector.layout.name)


def _session(inspector: Inspector, session_id: str) -> dict[str, Any]:
    if not isinstance(inspector.histories, Own):
        return {}
    sid, seal = SessionId(session_id), inspector.store.protocol.seal
    fields = inspector.fields(sid)
    for name in ("title", "summary"):
        try:
            fields[name] = open_field(seal, sid, name, fields.get(name, ""))
        except SealBroken:
            fields[name] = ""
    whole = {name: int(_number(fields, name)) for name in ("turns", "trimmed", "summary_turns")}
    return {
        "created": _number(fields, "created"),
        "seen": _number(fields, "seen"),
        "ttl": fields.get("ttl"),
        "title": fields["title"],
        "model": fields.get("model", ""),
        "summary": fields["summary"],
        **whole,
    }


def _number(fields: dict[str, str], name: str) -> float:
    """0 where it is none: whatever can be exported is."""
    try:
        value = float(fields.get(name, 0))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _message(number: int, said: Said, inner: dict[str, Any] | None) -> dict[str, Any]:
    kept = {name: getattr(said, name) for name in ("role", "text", "turn", "at", "problem")}
    return {"number": number, **kept, "documents": list(said.documents), "message": inner}


def _inner(inspector: Inspector, raw: bytes, session_id: str) -> dict[str, Any] | None:
    """LangChain's `message_to_dict`, decrypted; None if it is no message of this session."""
    from langchain_core.messages import message_to_dict

    try:
        if isinstance(inspector.histories, Own):
            return message_to_dict(decode(raw, session_id, inspector.store.protocol.seal).message)
        value = orjson.loads(raw)
        return {"type": value["type"], "data": value["data"]} if "data" in value and "type" in value else None
    except (Unreadable, SealBroken, ValueError, TypeError):
        return None


def _paragraph(message: dict[str, Any]) -> str:
    at = f", {shown(message['at'])}" if message["at"] else ""
    turn = f", turn {message['turn']}" if message["turn"] else ""
    sources = "".join(f"\n- {_escaped(one)}" for one in message["documents"])
    problem = f"\n\n**{message['problem']}**: this is no message of this session." if message["problem"] else ""
    return f"**{message['role']}**{turn}{at}{problem}\n\n{fenced(message['text'])}" + (
        f"\n{sources}" if sources else ""
    )


def _escaped(text: str) -> str:
    return line(text).translate(_MARKDOWN)


def _code(text: str) -> str:
    return line(text).replace("`", "'")
