"""A dict from session id to history, in the process' memory: the pattern of most tutorials."""

from __future__ import annotations

from collections import defaultdict

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question


class DictPerSession(Strategy):
    name = "dict-per-session"
    lesson = "A key for each session keeps users apart. Two tabs, two processes and a restart are another matter."
    wrong = (
        "Users never meet. But two tabs of one session read the same history and answer without each other, and a "
        "second process, or a restarted one, knows nothing of the first one's dict."
    )
    seen = ("LangChain's own examples of RunnableWithMessageHistory, as a first step",)
    fix = "Hold the session for the length of a turn, and keep its history outside of the process."
    expects_tabs = frozenset({"stale-prompt"})
    expects_processes = frozenset({"amnesia", "lost-append"})
    expects_restart = frozenset({"amnesia", "lost-append"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.histories[session])
