"""A chain object in st.cache_resource; each request sets its `session_id` attribute, then runs it."""

from __future__ import annotations

from collections import defaultdict

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy


class Chain:
    """What the app caches: made once, used by every browser."""

    def __init__(self) -> None:
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)
        self.session_id = ""

    def load(self) -> list[Message]:
        return list(self.histories[self.session_id])  # the bug

    def save(self, message: Message) -> None:
        self.histories[self.session_id].append(message)  # the bug


class CachedChain(Strategy):
    name = "cached-chain"
    title = "Session id kept on a cached chain"
    place = 30
    lesson = "A session id that is an attribute of a shared object belongs to whoever set it last."
    wrong = (
        "Histories are kept apart, but which one is meant is written on the one chain that all requests share. A "
        "second request changes it while the first is waiting for the model: the first answer then goes to the second "
        "user's history, or the first user reads that history."
    )
    seen = (
        "FlowiseAI/Flowise#1497",
        "infiniflow/ragflow#11697",
        "acheong08/ChatGPT#1024",
        "streamlit/streamlit#5581, #1960",
        "langchain-ai/web-explorer#4",
        "streamlit/cookbook's arc_finetuning app",
    )
    fix = "Pass the session id to every call as an argument. A cached object has no attribute that a request sets."
    expects = kinds(kind.AMNESIA, kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.LOST_APPEND)
    may = kinds(
        kind.BACKWARD_READ,
        kind.INTERLEAVED_TURNS,
        kind.LOST_UPDATE,
        kind.MID_TURN_READ,
        kind.STALE_PROMPT,
        kind.SWAPPED_ANSWER,
        kind.TORN_TURN,
    )
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.chain = Chain()

    def turn(self, asked: Asked) -> Steps:
        yield "load: set the session"
        self.chain.session_id = asked.session  # the bug
        yield "load"
        history = self.chain.load()
        yield "ask"
        answer = asked.ask([*history, Message("user", asked.text)])
        yield "save question"
        self.chain.save(Message("user", asked.text))
        yield "save answer"
        self.chain.save(Message("assistant", answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.chain.histories[session])
