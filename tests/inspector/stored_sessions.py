"""A store to look at, and ways to put trouble into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict

from rag.inspector import Inspector
from rag.inspector.forensics.scan import Report, scan
from rag.sessions import SessionStore
from rag.sessions.ids import SessionId

HOSTILE = (
    "**bold** [link](javascript:alert(1)) <script>alert(1)</script> <img src=x onerror=alert(1)> $x$ :red[x]\n"
    "```\n# out of the fence\n```\n\x1b[2J\x1b]0;title\x07 \u202egnp.exe \u200b\ufeff\x00 [bold]rich[/bold]"
)
"""What a message may hold to do harm where it is shown."""
HARMFUL = "\x1b\x07\x00\u202e\u200b\ufeff"


@dataclass(frozen=True, slots=True)
class Place:
    client: Any
    store: SessionStore
    inspector: Inspector

    def said(self, session_id: str, *texts: str, **more: Any) -> None:
        """One turn a pair of texts."""
        for question, answer in zip(texts[::2], texts[1::2], strict=True):
            with self.store.turn(session_id) as turn:
                turn.commit([HumanMessage(question), AIMessage(answer)], **more)

    def judged(self, session_id: str) -> None:
        """Read it as a process would that has not seen it yet: what is not its own goes into quarantine."""
        SessionStore(self.client, key_prefix=self.store.protocol.keys.prefix).messages(session_id)

    def history(self, session_id: str) -> str:
        return self.store.protocol.keys.history(SessionId(session_id))

    def hash(self, session_id: str) -> str:
        return self.store.protocol.keys.session(SessionId(session_id))

    def lines(self, session_id: str) -> list[bytes]:
        return list(self.client.lrange(self.history(session_id), 0, -1))

    def rewrite(self, session_id: str, number: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Change one stored element."""
        value = json.loads(self.client.lindex(self.history(session_id), number))
        change(value)
        self.client.lset(self.history(session_id), number, json.dumps(value))

    def scan(self, **options: Any) -> Report:
        return scan(self.inspector.histories, **options)

    def commands(self) -> int:
        """How many commands the server has run, this one not."""
        return sum(int(one["calls"]) for one in dict(self.client.info("commandstats")).values())


def stored(message: BaseMessage) -> str:
    return json.dumps(message_to_dict(message))
