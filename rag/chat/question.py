"""What may be asked. Everything that reaches a prompt or the store as a question went through `checked`."""

from __future__ import annotations

import unicodedata

from rag.errors import BadQuestion

LONGEST_QUESTION = 4000
LONGEST_TITLE = 60


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
