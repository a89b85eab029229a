"""Agno's `BaseDb` and `AsyncBaseDb`: sessions of users, of which an agent's run keeps each turn.

Source: agno 3, `agno/db/base.py`; a turn is `Agent(db=…).run(text, session_id=…, user_id=…)`. A blocking database
serves `arun` as well.
"""

from __future__ import annotations

import inspect
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, Think, run_now


class AgnoDb(Subject):
    interface = "Agno database of sessions"
    able = frozenset({"read", "clear", "list", "owner", "turn", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "a session keeps the runs of an agent, and is written whole",
            "messages": "a session keeps the runs of an agent, whose messages the agent makes",
            "search": "what is in a session is not searched",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(
            kind.__module__ == "agno.db.base" and kind.__name__ in ("BaseDb", "AsyncBaseDb")
            for kind in type(made).__mro__
        )

    async def _call(self, name: str, **named: Any) -> Any:
        from agno.db.base import SessionType

        if name.startswith("get"):
            named["session_type"] = SessionType.AGENT
        found = getattr(self.made, name)(**named)
        if not inspect.isawaitable(found):
            return found
        if self.lane == "sync":
            found.close()  # type: ignore[attr-defined]  # a coroutine
            raise TypeError("this database has no blocking calls")
        return await found

    def _named(self, at: Address) -> dict[str, str]:
        return {"session_id": at.session, "user_id": at.owner or "somebody"}

    async def read(self, at: Address) -> list[Said]:
        found = await self._call("get_session", **self._named(at))
        return [(each.role, str(each.content)) for each in found.get_chat_history()] if found else []

    async def append(self, at: Address, *said: Said) -> None:
        """By runs whose model gives the answer that is told."""
        for (_, question), (_, answer) in zip(said[::2], said[1::2], strict=True):

            async def tells(_: str, __: list[Said], answer: str = answer) -> str:
                return answer

            await self.turn(at, question, tells)

    async def clear(self, at: Address) -> None:
        await self._call("delete_session", **self._named(at))

    async def listed(self, owner: str) -> list[str]:
        return sorted(each.session_id for each in await self._call("get_sessions", user_id=owner or "somebody"))

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from agno.agent import Agent
        from agno.models.base import Model
        from agno.models.response import ModelResponse
        from agno.run.base import RunStatus

        async def answered(messages: list[Any]) -> Any:
            *before, question = [(each.role, str(each.content)) for each in messages if each.role != "system"]
            return ModelResponse(role="assistant", content=await think(question[1], before))

        class Thinking(Model):  # type: ignore[misc]  # Any, where it is not installed
            def invoke(self, messages: list[Any], *_: Any, **__: Any) -> Any:
                return run_now(answered(messages))

            async def ainvoke(self, messages: list[Any], *_: Any, **__: Any) -> Any:
                return await answered(messages)

            def invoke_stream(self, *_: Any, **__: Any) -> Any:
                raise TypeError("it does not stream")

            ainvoke_stream = _parse_provider_response = _parse_provider_response_delta = invoke_stream

        agent = Agent(
            id="audited",
            model=Thinking(id="thinking"),
            db=self.made,
            add_history_to_context=True,
            num_history_runs=1_000_000,
            telemetry=False,
        )
        done = agent.run(text, **self._named(at)) if self.lane == "sync" else await agent.arun(text, **self._named(at))
        if done.status != RunStatus.completed:  # what went wrong is told as the answer
            raise RuntimeError(f"the run ended as {done.status}: {done.content}")
        return str(done.content)
