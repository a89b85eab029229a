"""LlamaIndex's `BaseChatStore`: messages by key, and a `SimpleChatEngine` over a `ChatMemoryBuffer`.

Source: llama-index-core 0.14, `storage/chat_store/base.py`. Its async methods run the others in a thread unless a store
has its own.
"""

from __future__ import annotations

from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, Think, run_now

_AWAITED = {"add_message": "async_add_message"}


class LlamaIndexChatStore(Subject):
    interface = "LlamaIndex BaseChatStore"
    able = frozenset({"read", "clear", "list", "turn", "messages", "process"})
    one_by_one = True

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "a message is added alone: a question and its answer are two calls",
            "owner": "a conversation has a key, and no owner",
            "search": "a chat store has no search",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseChatStore" for kind in type(made).__mro__)

    async def _call(self, name: str, *given: Any) -> Any:
        if self.lane == "sync":
            return getattr(self.made, name)(*given)
        return await getattr(self.made, _AWAITED.get(name, f"a{name}"))(*given)

    async def read(self, at: Address) -> list[Said]:
        return [spoken(each) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        return list(await self._call("get_messages", at.session))

    async def append(self, at: Address, *said: Said) -> None:
        from llama_index.core.llms import ChatMessage

        await self.keep(at, [ChatMessage(text, role=role) for role, text in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        for each in messages:
            await self._call("add_message", at.session, each)

    async def clear(self, at: Address) -> None:
        await self._call("delete_messages", at.session)

    async def listed(self, owner: str) -> list[str]:  # noqa: ARG002  # it knows no owner
        return sorted(await self._call("get_keys"))

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from llama_index.core.chat_engine import SimpleChatEngine
        from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata
        from llama_index.core.memory import ChatMemoryBuffer

        async def answered(messages: Any) -> Any:
            *before, question = [spoken(each) for each in messages]
            return ChatResponse(message=ChatMessage(await think(question[1], before), role="assistant"))

        class Thinking(CustomLLM):  # type: ignore[misc]  # Any, where it is not installed
            @property
            def metadata(self) -> Any:
                return LLMMetadata(context_window=10_000_000, is_chat_model=True)

            def chat(self, messages: Any, **_: Any) -> Any:
                return run_now(answered(messages))

            async def achat(self, messages: Any, **_: Any) -> Any:
                return await answered(messages)

            def complete(self, *_: Any, **__: Any) -> Any:
                raise TypeError("a chat model completes nothing")

            stream_complete = complete

        memory = ChatMemoryBuffer.from_defaults(
            token_limit=10_000_000, chat_store=self.made, chat_store_key=at.session, tokenizer_fn=list
        )
        engine = SimpleChatEngine.from_defaults(llm=Thinking(), memory=memory)
        return str(engine.chat(text) if self.lane == "sync" else await engine.achat(text))

    def samples(self) -> list[Any]:
        from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

        call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": 7}'}}
        return [
            ChatMessage("You are brief.", role="system"),
            ChatMessage(
                blocks=[TextBlock(text="Ünïcode 🙂\n\ttab"), ImageBlock(url="http://a.test/b.png")], role="user"
            ),
            ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [call]}),
            ChatMessage('{"found": [7, null]}', role="tool", additional_kwargs={"tool_call_id": "c1"}),
        ]


def spoken(message: Any) -> Said:
    return str(message.role.value), message.content or ""
