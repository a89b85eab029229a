"""A dict from session id to history, and a lock for each session that a turn holds from its first step to its last."""

from __future__ import annotations

import threading
from collections import defaultdict

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, Wait, pair, question


class DictWithLock(Strategy):
    name = "dict-with-lock"
    lesson = "A lock for each session makes two tabs right. It reaches as far as the process, and so does the dict."
    wrong = "Right within one process. A second process has a dict and locks of its own; a restart begins with none."
    fix = "A store and a lock that all processes share, with an end to it should the holder die."
    expects_processes = frozenset({"amnesia", "lost-append"})
    expects_restart = frozenset({"amnesia", "lost-append"})
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def turn(self, asked: Asked) -> Steps:
        lock = self.locks[asked.session]
        yield Wait("wait for the session", lambda: not lock.locked())
        with lock:
            yield "load"
            history = list(self.histories[asked.session])
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn"
            self.histories[asked.session].extend(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.histories[session])
