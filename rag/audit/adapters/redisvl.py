"""RedisVL's `MessageHistory` and `SemanticMessageHistory`: one object a conversation, or one for all of them, which is
told the conversation's tag with each call.

Source: redisvl 0.28, `extensions/message_history/`. Both have blocking calls alone.
"""

from __future__ import annotations

from typing import Any

from rag.audit.kit.contract import Address, Said, Subject
from rag.audit.kit.opening import OnePerSession

MOST_MESSAGES = 100_000
"""That are asked for at once: a look finds five unless it is told."""


class RedisVLHistory(Subject):
    interface = "RedisVL BaseMessageHistory"
    possible = ("sync",)
    able = frozenset({"read", "append", "messages", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.used: list[Any] = []
        self.lacks = {
            "clear": "its clear() deletes every conversation, as its documentation says",
            "list": "conversations are not listed",
            "owner": "a conversation has a tag, and no owner",
            "search": "it has no search by meaning",
            "turn": "what a turn recalls and keeps is the application's",
        }
        if isinstance(made, OnePerSession):
            self.able = self.able | {"clear"}
        elif hasattr(made, "get_relevant"):
            self.able = self.able | {"search"}

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseMessageHistory" for kind in type(made).__mro__)

    def _history(self, at: Address) -> tuple[Any, dict[str, str]]:
        """The object to be called, and what it is told beside."""
        if isinstance(self.made, OnePerSession):
            history, told = self.made(at.session), {}
        else:
            history, told = self.made, {"session_tag": at.session}
        self.used = [history]
        return history, told

    def audited(self) -> list[Any]:
        return self.used

    async def read(self, at: Address) -> list[Said]:
        return [(each["role"], each["content"]) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        history, told = self._history(at)
        return _plain(history.get_recent(top_k=MOST_MESSAGES, **told) if told else history.messages)

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [{"role": role, "content": text} for role, text in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        history, told = self._history(at)
        history.add_messages(messages, **told)

    async def clear(self, at: Address) -> None:
        self._history(at)[0].clear()

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:  # noqa: ARG002  # none is named
        history, told = self._history(at)
        found = history.get_relevant(word, top_k=MOST_MESSAGES, fall_back=True, **told)
        return [(each["role"], each["content"]) for each in _plain(found)]

    def samples(self) -> list[Any]:
        return [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": "Ünïcode 🙂\n\ttab"},
            {"role": "assistant", "content": "A call.", "metadata": {"kept": [1, {"two": None}]}},
            {"role": "tool", "content": '{"found": [7, null]}', "tool_call_id": "c1"},
        ]


def _plain(messages: list[Any]) -> list[Any]:
    """With each role as the text that its enumeration stands for."""
    return [{**each, "role": str(getattr(each["role"], "value", each["role"]))} for each in messages]
