"""LangChain's `BaseChatMessageHistory`: one object a conversation, bare and under `RunnableWithMessageHistory`.

Source: langchain-core, `chat_history.py` and `runnables/history.py`. Its async methods run the others in a thread
unless a store has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.audit.adapters.langchain_messages import message_of, message_samples, said_of
from rag.audit.kit.contract import Address, Said, Subject, Think, run_now


class LangChainHistory(Subject):
    interface = "LangChain BaseChatMessageHistory"
    each_session = True
    able = frozenset({"read", "append", "clear", "turn", "messages", "process"})

    def __init__(self, made: Callable[..., Any], lane: str) -> None:
        super().__init__(made, lane)
        self.used: dict[Address, Any] = {}
        self.lacks = {"list": "a history knows itself alone", "search": "a history has no search"}
        if getattr(made, "owned", False):
            self.able = self.able | {"owner"}
        else:
            self.lacks["owner"] = "the factory takes a session_id, and no owner"

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseChatMessageHistory" for kind in type(made).__mro__)

    def _history(self, at: Address) -> Any:
        self.used[at] = self.made(at.session, at.owner)
        return self.used[at]

    def audited(self) -> list[Any]:
        return list(self.used.values())

    async def read(self, at: Address) -> list[Said]:
        return [said_of(each) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        history = self._history(at)
        return list(history.messages if self.lane == "sync" else await history.aget_messages())

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [message_of(each) for each in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        history = self._history(at)
        if self.lane == "sync":
            history.add_messages(messages)
        else:
            await history.aadd_messages(messages)

    async def clear(self, at: Address) -> None:
        history = self._history(at)
        if self.lane == "sync":
            history.clear()
        else:
            await history.aclear()

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from langchain_core.runnables import RunnableLambda
        from langchain_core.runnables.history import RunnableWithMessageHistory

        async def answer(given: Any) -> Any:
            return message_of(
                ("assistant", await think(given["question"], [said_of(each) for each in given["before"]]))
            )

        def answer_now(given: Any) -> Any:
            return run_now(answer(given))

        chain = RunnableWithMessageHistory(
            RunnableLambda(answer_now, answer),
            lambda session_id: self._history(Address(session_id, at.owner)),
            input_messages_key="question",
            history_messages_key="before",
        )
        config: Any = {"configurable": {"session_id": at.session}}
        given = {"question": text}
        done = chain.invoke(given, config) if self.lane == "sync" else await chain.ainvoke(given, config)
        return str(done.content)

    def samples(self) -> list[Any]:
        return message_samples()
