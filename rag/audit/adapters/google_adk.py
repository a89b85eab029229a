"""Google ADK's `BaseSessionService`: sessions of users, to which events are appended, and a `Runner` over it.

Source: google-adk, `sessions/base_session_service.py` and `runners.py`; the same in 1.26 and 2.13.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, Think

APP = "audited"


class AdkSessionService(Subject):
    interface = "Google ADK BaseSessionService"
    possible = ("async",)
    able = frozenset({"read", "clear", "list", "owner", "turn", "messages", "process"})
    one_by_one = True

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "an event is appended alone: a question and its answer are two calls",
            "search": "a session service has no search",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseSessionService" for kind in type(made).__mro__)

    def _named(self, at: Address) -> dict[str, str]:
        return {"app_name": APP, "user_id": at.owner or "somebody", "session_id": at.session}

    async def _session(self, at: Address) -> Any:
        """It, made if it is not there. Of several that make it at once one does, and the others get it."""
        found = await self.made.get_session(**self._named(at))
        if found is not None:
            return found
        try:
            made = await self.made.create_session(**self._named(at))
        except Exception:
            if (found := await self.made.get_session(**self._named(at))) is None:
                raise
            return found
        if not at.session and made.id:  # as documented: an id that is not given is made
            await self.made.delete_session(**self._named(Address(made.id, at.owner)))
            raise ValueError("an empty id stands for one that the service makes")
        return made

    async def read(self, at: Address) -> list[Said]:
        return [event_said(each) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        found = await self.made.get_session(**self._named(at))
        return list(found.events) if found else []

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [event_of(each, "i1") for each in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        session = await self._session(at)
        for each in messages:
            await self.made.append_event(session, each)

    async def clear(self, at: Address) -> None:
        await self.made.delete_session(**self._named(at))

    async def listed(self, owner: str) -> list[str]:
        found = await self.made.list_sessions(app_name=APP, user_id=owner or "somebody")
        return sorted(each.id for each in found.sessions)

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from google.adk.agents import BaseAgent
        from google.adk.runners import Runner

        class Thinking(BaseAgent):  # type: ignore[misc]  # Any, where it is not installed
            async def _run_async_impl(self, ctx: Any) -> AsyncIterator[Any]:
                *before, question = [event_said(each) for each in ctx.session.events]
                yield event_of(("assistant", await think(question[1], before)), ctx.invocation_id)

        await self._session(at)
        runner = Runner(app_name=APP, agent=Thinking(name="agent"), session_service=self.made)
        named, answer = self._named(at), ""
        asked = event_of(("user", text), "").content
        async for event in runner.run_async(user_id=named["user_id"], session_id=at.session, new_message=asked):
            answer = event_said(event)[1] or answer
        return answer

    def samples(self) -> list[Any]:
        from google.adk.events import Event, EventActions
        from google.genai import types

        def event(*parts: Any, role: str = "model", **more: Any) -> Any:
            content = types.Content(role=role, parts=list(parts))
            return Event(author="agent" if role == "model" else "user", invocation_id="i1", content=content, **more)

        call = types.FunctionCall(id="c1", name="look_up", args={"id": 7, "exact": True})
        found = types.FunctionResponse(id="c1", name="look_up", response={"found": [7, None]})
        return [
            event(types.Part(text="Ünïcode 🙂\n\ttab"), types.Part(text="a second part"), role="user"),
            event(types.Part(text="a thought", thought=True), types.Part(function_call=call)),
            event(types.Part(function_response=found), role="user"),
            event(types.Part(inline_data=types.Blob(data=b"\x00\xff", mime_type="image/png"))),
            event(types.Part(text=""), actions=EventActions(state_delta={"kept": [1, {"two": None}]})),
            event(types.Part(text="over"), error_code="E1", error_message="refused", custom_metadata={"more": 1}),
        ]


def event_of(said: Said, invocation: str) -> Any:
    from google.adk.events import Event
    from google.genai import types

    role, author = ("user", "user") if said[0] == "user" else ("model", "agent")
    content = types.Content(role=role, parts=[types.Part(text=said[1])])
    return Event(author=author, invocation_id=invocation, content=content)


def event_said(event: Any) -> Said:
    parts = event.content.parts if event.content else []
    return "user" if event.author == "user" else "assistant", "".join(part.text or "" for part in parts or [])
