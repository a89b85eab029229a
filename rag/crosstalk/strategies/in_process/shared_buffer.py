"""The 2 AM incident: one ConversationBufferMemory, made when the app starts, serves every user."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy
from rag.crosstalk.strategies.plain_messages import plain


class SharedBuffer(Strategy):
    name = "shared-buffer"
    title = "One memory for everyone"
    place = 10
    lesson = "One memory object for all users: everyone's words end up in everyone's prompt."
    wrong = (
        "The memory is created once, next to the model, and knows nothing of sessions. Each prompt contains what all "
        "users said before, so the model answers one user with another's data. It takes no race: one user after the "
        "other is enough."
    )
    seen = (
        "Chainlit/chainlit#333, #733",
        "FlowiseAI/Flowise#291, #885",
        "langflow-ai/langflow#608",
        "gradio-app/gradio#743, #10462",
    )
    fix = "Share what holds no user data (the model, the clients); look the history up by session id on every turn."
    expects = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.INTERLEAVED_TURNS, kind.KEY_COLLISION)
    expects_cancelled = kinds(kind.TORN_TURN)
    may = kinds(
        kind.AMNESIA,
        kind.BACKWARD_READ,
        kind.DUPLICATE,
        kind.MID_TURN_READ,
        kind.REORDERED,
        kind.STALE_PROMPT,
        kind.SWAPPED_ANSWER,
    )
    in_process = True

    def __init__(self, lab: Lab) -> None:
        from langchain_classic.memory import ConversationBufferMemory

        super().__init__(lab)
        self.memory = ConversationBufferMemory(return_messages=True)  # the bug

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.memory.chat_memory.add_user_message(asked.text)
        yield "load"
        history = self.memory.load_memory_variables({})["history"]
        yield "ask"
        answer = asked.ask(plain(history))
        yield "save answer"
        self.memory.chat_memory.add_ai_message(answer)
        return answer

    def history(self, session: str) -> list[Message]:
        del session
        return plain(self.memory.chat_memory.messages)
