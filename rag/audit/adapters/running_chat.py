"""A chat that runs somewhere: nothing shows but its answers, and its code is not at hand."""

from __future__ import annotations

from typing import Any

from rag.audit.adapters.function import AnsweringFunction


class RunningChat(AnsweringFunction):
    interface = "a running chat"
    possible = ("sync",)
    reproducible = False

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        if not made.takes_ids:
            self.able = self.able - {"ids"}
            self.lacks["ids"] = "the chat gives its own ids: others cannot be sent"

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return callable(made) and hasattr(made, "takes_ids")

    def audited(self) -> list[Any]:
        return []
