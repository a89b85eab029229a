"""The OpenAI Agents SDK's `Session`: four async methods, one object a conversation.

Source: openai-agents, `agents/memory/session.py`; a turn is `Runner.run(agent, text, session=session)`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, Think

_METHODS = ("get_items", "add_items", "pop_item", "clear_session")


class AgentsSession(Subject):
    interface = "OpenAI Agents SDK Session"
    possible = ("async",)
    each_session = True
    able = frozenset({"read", "append", "clear", "turn", "messages", "process"})

    def __init__(self, made: Callable[[str], Any], lane: str) -> None:
        super().__init__(made, lane)
        self.used: dict[str, Any] = {}
        self.lacks = {
            "owner": "a session has an id, and no owner",
            "list": "a session object knows itself alone",
            "search": "a session object has no search",
        }
        if find_spec("agents") is None:
            self.able -= {"turn"}
            self.lacks["turn"] = "the package openai-agents, which runs turns, is not installed"

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return all(callable(getattr(made, name, None)) for name in _METHODS)

    def _session(self, at: Address) -> Any:
        self.used[at.session] = self.made(at.session)
        return self.used[at.session]

    def audited(self) -> list[Any]:
        return list(self.used.values())

    async def read(self, at: Address) -> list[Said]:
        return [item_said(each) for each in await self._session(at).get_items()]

    async def append(self, at: Address, *said: Said) -> None:
        await self._session(at).add_items([{"role": role, "content": text} for role, text in said])

    async def clear(self, at: Address) -> None:
        await self._session(at).clear_session()

    async def turn(self, at: Address, text: str, think: Think) -> str:
        import agents
        from agents.models.interface import Model
        from openai.types.responses import ResponseOutputMessage, ResponseOutputText

        class Thinking(Model):  # type: ignore[misc]  # Any, where it is not installed
            async def get_response(self, *given: Any, **named: Any) -> Any:
                items = named["input"] if "input" in named else given[1]
                *before, question = [("user", items)] if isinstance(items, str) else [item_said(each) for each in items]
                said = ResponseOutputText(text=await think(question[1], before), type="output_text", annotations=[])
                message = ResponseOutputMessage(
                    id="m", content=[said], role="assistant", status="completed", type="message"
                )
                return agents.ModelResponse(output=[message], usage=agents.Usage(), response_id=None)

            def stream_response(self, *given: Any, **named: Any) -> Any:
                raise NotImplementedError

        agents.set_tracing_disabled(True)
        agent = agents.Agent(name="audited", model=Thinking())
        done = await agents.Runner.run(agent, text, session=self._session(at))
        return str(done.final_output)

    def samples(self) -> list[Any]:
        return [
            {"role": "user", "content": "Ünïcode 🙂\n\ttab"},
            {"role": "user", "content": [{"type": "input_text", "text": "a part"}]},
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"id": 7}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"found": [7, null]}'},
            {"type": "reasoning", "id": "r1", "summary": []},
            {"role": "assistant", "content": ""},
        ]

    async def keep(self, at: Address, messages: list[Any]) -> None:
        await self._session(at).add_items(messages)

    async def kept(self, at: Address) -> list[Any]:
        return list(await self._session(at).get_items())


def item_said(item: Any) -> Said:
    content = item.get("content", item.get("output", ""))
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return item.get("role", item.get("type", "?")), content
