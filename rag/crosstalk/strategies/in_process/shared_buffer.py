"""The 2 AM incident: one ConversationBufferMemory, made when the app starts, serves every user."""

from __future__ import annotations

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy
from rag.crosstalk.strategies.plain_messages import plain


class SharedBuffer(Strategy):
    name = "shared-buffer"
    lesson = "One memory object for all users: everybody's words are in everybody's prompt."
    wrong = (
        "The memory is made once, beside the model, and has no idea of a session. Each prompt holds what all users "
        "said before, so the model answers one user with another's data. No race is needed: one after the other is "
        "enough."
    )
    seen = (
        "Chainlit/chainlit#333, #733",
        "FlowiseAI/Flowise#291, #885",
        "langflow-ai/langflow#608",
        "gradio-app/gradio#743, #10462",
    )
    fix = "Share what has no user in it (the model, the clients); look the history up by session id, on every turn."
    expects = frozenset({"foreign-read", "foreign-write", "interleaved-turns", "key-collision", "mid-turn-read"})
    expects_cancelled = frozenset({"torn-turn"})
    may = frozenset({"amnesia", "backward-read", "duplicate", "reordered", "stale-prompt", "swapped-answer"})
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
