"""Any function `(session_id, text) -> str` that answers, plain or async: a chat of which nothing shows but answers."""

from __future__ import annotations

import inspect
from typing import Any

from rag.audit.kit.contract import Address, Subject, run_apart


class AnsweringFunction(Subject):
    interface = "a function (session_id, text) -> str"
    able = frozenset({"ask", "ids"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        nothing = "a function that answers shows nothing of what it keeps"
        self.lacks = dict.fromkeys(
            ("read", "append", "clear", "list", "search", "owner", "messages", "process"), nothing
        )
        self.lacks["turn"] = "a function that answers has its own model"

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return callable(made) and not inspect.isclass(made) and {"session_id", "text"} <= parameters_of(made)

    def _awaited(self) -> bool:
        return any(map(inspect.iscoroutinefunction, (self.made, getattr(self.made, "__call__", None))))  # noqa: B004

    async def probe(self) -> None:
        if self._awaited() != (self.lane == "async"):
            raise TypeError(f"the function has no {self.lane} calls")

    async def ask(self, at: Address, text: str) -> str:
        if self.lane == "async":
            answer = await self.made(session_id=at.session, text=text)
        else:
            answer = run_apart(lambda: self.made(session_id=at.session, text=text))
        if not isinstance(answer, str):
            raise TypeError(f"the function returned a {type(answer).__name__}, expected its answer as a str")
        return answer


def parameters_of(made: Any) -> set[str]:
    """The names of what a callable takes."""
    try:
        return set(inspect.signature(made).parameters)
    except (TypeError, ValueError):  # some of C's tell nothing
        return set()
