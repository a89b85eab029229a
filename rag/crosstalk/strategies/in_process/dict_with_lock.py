"""A dict from session id to history, and a lock for each session that a turn holds from its first step to its last."""

from __future__ import annotations

import threading
from collections import defaultdict

from rag.crosstalk.checker.anomalies import AMNESIA, LOST_APPEND, kinds
from rag.crosstalk.strategies.base import Asked, Lab, PerSession, Steps, Wait, pair, question


class DictWithLock(PerSession):
    name = "dict-with-lock"
    title = "A dict of histories, with locks"
    place = 90
    lesson = "A lock for each session makes two tabs correct. It reaches as far as the process, and so does the dict."
    wrong = "Correct within one process. A second process has its own dict and locks; a restart begins with none."
    fix = "Use a store and a lock that all processes share, and a lock that expires should its holder die."
    expects_processes = kinds(AMNESIA, LOST_APPEND)
    expects_restart = kinds(AMNESIA, LOST_APPEND)

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
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
