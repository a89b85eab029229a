"""A follow-up question made self-contained by the model that answers, before it is searched for."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from rag.chat.pieces import text_of

LONGEST = 400
LOOK_BACK = 6
"""Messages that the model is shown."""

_INSTRUCTION = """\
Rewrite the last question of the conversation so that it can be understood without the conversation. Replace pronouns
by what they refer to and add what was left out. Do not answer it, do not add anything else, keep its language. If it
is already self-contained, repeat it unchanged. Reply with the question alone."""


def rewritten(question: str, history: Sequence[BaseMessage], model: BaseChatModel) -> str | None:
    """The question on its own, or None where there is nothing before it or the model gave nothing of use."""
    recent = [message for message in history if message.type in ("human", "ai") and message.text][-LOOK_BACK:]
    if not any(isinstance(message, HumanMessage) for message in recent):
        return None
    lines = [f"{'Customer' if message.type == 'human' else 'Assistant'}: {message.text[:500]}" for message in recent]
    request = "\n".join([*lines, f"Customer: {question}"])
    try:
        text = text_of(model, [SystemMessage(_INSTRUCTION), HumanMessage(request)])
    except Exception:  # whatever a provider raises: the question is searched for as it is, and the answer reports it
        return None
    text = " ".join(text.split()).strip('"“”')
    return text if text and len(text) <= LONGEST else None
