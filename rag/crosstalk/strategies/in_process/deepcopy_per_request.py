"""The clever fix that is worse: each request copies the shared memory, runs on its copy and writes the copy back."""

from __future__ import annotations

import copy

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy
from rag.crosstalk.strategies.plain_messages import plain


class DeepcopyPerRequest(Strategy):
    name = "deepcopy-per-request"
    title = "A copy of one memory per request"
    place = 20
    lesson = "A copy for each request hides the leak while requests overlap, and loses what the others said."
    wrong = (
        "The copy is made of everyone's history, so users who come one after another still read each other's words. "
        "Users who overlap start from the same copy, and the last one to write back wipes out what the others stored."
    )
    seen = ("FlowiseAI/Flowise#1497", "langgraph-redis PR #79")
    fix = "Do not copy what should not be shared. Keep one history per session, with one writer at a time."
    expects = kinds(
        kind.AMNESIA, kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.KEY_COLLISION, kind.LOST_APPEND, kind.LOST_UPDATE
    )
    may = kinds(kind.BACKWARD_READ, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)
    in_process = True

    def __init__(self, lab: Lab) -> None:
        from langchain_classic.memory import ConversationBufferMemory

        super().__init__(lab)
        self.memory = ConversationBufferMemory(return_messages=True)

    def turn(self, asked: Asked) -> Steps:
        yield "load a copy"
        memory = copy.deepcopy(self.memory)  # the bug
        yield "ask"
        history = memory.load_memory_variables({})["history"]
        answer = asked.ask([*plain(history), Message("user", asked.text)])
        memory.save_context({"input": asked.text}, {"output": answer})
        yield "save the copy"
        self.memory = memory  # the bug
        return answer

    def history(self, session: str) -> list[Message]:
        del session
        return plain(self.memory.chat_memory.messages)
