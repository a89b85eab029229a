"""What may be asked. Everything that reaches a prompt or the store as a question went through `checked`.

A follow-up question is made self-contained by the model that answers, before it is searched for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from rag.chat.pieces import text_of
from rag.errors import BadQuestion

LONGEST_QUESTION = 4000
LONGEST_TITLE = 60
LONGEST_REWRITTEN = 400
LOOK_BACK = 6
"""Messages that the model is shown."""

_INSTRUCTION = """\
Rewrite the last question of the conversation so that it can be understood without the conversation. Replace pronouns
by what they refer to and add what was left out. Do not answer it, do not add anything else, keep its language. If it
is already self-contained, repeat it unchanged. Reply with the question alone."""


def checked(text: str) -> str:
    """The text as it is asked: line ends unified, blanks around it removed. Raises BadQuestion."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise BadQuestion("The question is empty: write what you want to know.")
    if len(text) > LONGEST_QUESTION:
        raise BadQuestion(
            f"The question has {len(text):,} characters, at most {LONGEST_QUESTION:,} are allowed: "
            "shorten it, or upload the text as a document."
        )
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t":
            raise BadQuestion(
                f"The question holds the control character U+{ord(char):04X}: remove it and send it again."
            )
    return text


def title_of(question: str) -> str:
    """The question on one line, cut at a word where there is one."""
    line = " ".join(question.split())
    if len(line) <= LONGEST_TITLE:
        return line
    cut = line[:LONGEST_TITLE]
    whole_words = cut.rpartition(" ")[0]
    return f"{whole_words or cut[:-1]}…"


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
    return text if text and len(text) <= LONGEST_REWRITTEN else None
