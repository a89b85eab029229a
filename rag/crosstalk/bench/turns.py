"""A strategy's whole turn for `rag.chat.bench`: sources found, and the turn served as in a simulation, less its log."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from rag.crosstalk.log.events import Document
from rag.crosstalk.run.hosts import StrategyHost
from rag.crosstalk.run.runner import Search
from rag.crosstalk.run.workload import Planned
from rag.crosstalk.strategies import Lab


class StrategyTurns(AbstractContextManager["StrategyTurns"]):
    """A contender. answer: what the model says, at once. sources: how many are found for each question."""

    def __init__(self, name: str, lab: Lab, search: Search, answer: str, sources: int) -> None:
        self.name = name
        self._search = search
        self._sources = sources
        self._host = StrategyHost(name, lab, lambda _: answer, None, threading.Event(), lambda _: None)

    def turn(self, session_id: str, text: str) -> str:
        found = self._search(text, self._sources, session_id)
        passages = [Document(one.id, session_id if one.private else "shared", one.text) for one in found]
        planned = Planned(0, session_id, session_id, 0, 0, text, (), (), "library", 0.0, None)
        served = self._host.serve(planned, passages)
        if served.end != "ok":
            raise ValueError(f"{self.name} did not answer: {served.text}")
        return served.text

    def stored(self, session_id: str) -> int:
        return len(self._host.history(session_id))

    def delete(self, session_id: str) -> None:
        self._host.forget([session_id])

    def __exit__(self, *_: object) -> None:
        self._host.close()
