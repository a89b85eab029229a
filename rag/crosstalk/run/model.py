"""The model of a simulation. The mirror knows nothing but its prompt: asked for facts, it repeats the newest ones that
it finds there, whoever stated them, so that what leaks into a prompt can be read in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rag.crosstalk.log.events import Message

if TYPE_CHECKING:
    # It takes half a second to load, in each process of a run.
    from langchain_core.language_models import BaseChatModel

Model = Callable[[Sequence[Message]], str]
"""From a prompt, the question last, to the answer. Thread-safe and without state."""
MakeModel = Callable[[], "BaseChatModel"]
"""Called once a process; with several processes it has to be picklable."""

_ROLES = {"user": "user", "assistant": "assistant"}
_FACTS = {
    "name": re.compile(r"my name is (.{1,200}?),"),
    "order": re.compile(r"my order is (LK-[\w-]+)"),
    "address": re.compile(r"my address is (.{1,200}?)(?:\.| now)"),
}
_MARK = re.compile(r"My ticket is (\w+)\.")
_EMPHASIS = str.maketrans("", "", "*_`|")
"""Of Markdown: it would be left over in a sentence."""
FOUND = 200
"""Characters of what was found that are told."""


def mirror(messages: Sequence[Message]) -> str:
    """Deterministic. Each answer names the message that it answers, so no two are alike."""
    question = messages[-1].text if messages else ""
    mark = _MARK.search(question)
    return f"{_said(question, messages)}{f' This answers ticket {mark[1]}.' if mark else ''}"


def _said(question: str, messages: Sequence[Message]) -> str:
    if question.startswith("What is my name, my order"):
        found = {kind: _newest(fact, messages) for kind, fact in _FACTS.items()}
        told = [f"the {kind} {text}" for kind, text in found.items() if text is not None]
        return f"I have {', '.join(told)}." if told else "I have nothing of you yet."
    if "my address is" in question or "my order is" in question:
        return "Thank you, I have written that down."
    context = [message.text for message in messages if message.role == "system"]
    if context:
        return f"I found this: {_sentences(context[0])}"
    return "That is in our help pages."


def _sentences(text: str) -> str:
    """The first ones, as they would be spoken."""
    lines = (line.strip() for line in text.translate(_EMPHASIS).splitlines())
    plain = " ".join(line.lstrip("-> ") for line in lines if not line.startswith("#"))
    end = max(plain[:FOUND].rfind(mark) for mark in (". ", "! ", "? "))
    return plain if len(plain) <= FOUND else plain[: end + 1] if end > 0 else f"{plain[:FOUND].rpartition(' ')[0]} …"


def _newest(fact: re.Pattern[str], messages: Sequence[Message]) -> str | None:
    for message in reversed(messages):
        if found := fact.findall(message.text):
            return str(found[-1])
    return None


def made(make_model: MakeModel | None) -> Model:
    """Any LangChain chat model; None: the mirror."""
    if make_model is None:
        return mirror
    chat_model = make_model()

    def ask(messages: Sequence[Message]) -> str:
        return chat_model.invoke([(_ROLES.get(message.role, "system"), message.text) for message in messages]).text

    return ask
