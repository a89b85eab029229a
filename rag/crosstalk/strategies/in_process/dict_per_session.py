"""A dict from session id to history, in the process' memory: the pattern of most tutorials."""

from __future__ import annotations

from rag.crosstalk.checker.anomalies import AMNESIA, LOST_APPEND, STALE_PROMPT, kinds
from rag.crosstalk.strategies.base import Asked, PerSession, Steps, pair, question


class DictPerSession(PerSession):
    name = "dict-per-session"
    title = "A dict of histories"
    place = 80
    lesson = "A key for each session keeps users apart. Two tabs, two processes and a restart are another matter."
    wrong = (
        "Users never meet. But two tabs of one session read the same history and answer without each other, and a "
        "second process, or a restarted one, knows nothing of the first one's dict."
    )
    seen = ("LangChain's own examples of RunnableWithMessageHistory, as a first step",)
    fix = "Hold the session for the whole turn, and keep its history outside the process."
    expects_tabs = kinds(STALE_PROMPT)
    expects_processes = kinds(AMNESIA, LOST_APPEND)
    expects_restart = kinds(AMNESIA, LOST_APPEND)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))
        return answer
