"""A question in customers' words, widened by the articles' words for the same things.

Small static embeddings know little of that themselves. Which words those are belongs to the articles, not to the
program: they stand in a file beside them. Documents are never widened, nor is what the keywords count.
"""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import BadSetting

FILE = "synonyms.txt"
"""In the folder of articles: `their words => our words` on each line, both separated by commas, in lower case."""

_NO_WORD = re.compile(r"[^\w'-]+")


class Synonyms:
    """The lines of one file. Never changes once made."""

    def __init__(self, text: str = "") -> None:
        self._by_first_word: dict[str, list[tuple[str, list[str]]]] = {}
        for line in text.splitlines():
            theirs, arrow, ours = line.partition("=>")
            if arrow and not line.startswith("#"):
                for phrase in _parts(theirs):
                    self._by_first_word.setdefault(phrase.split()[0], []).append((f" {phrase} ", _parts(ours)))

    @classmethod
    def beside(cls, articles: Path) -> Synonyms:
        """Those of a folder of articles; none if it has no such file. Raises BadSetting if that cannot be read."""
        try:
            return cls((articles / FILE).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (OSError, UnicodeDecodeError) as exc:
            raise BadSetting("KNOWLEDGE_DIR", str(articles), f"a readable {FILE}, or none ({exc})") from exc

    def widen(self, question: str) -> str:
        """The question, followed by the articles' words for the phrases in it."""
        folded = f" {_NO_WORD.sub(' ', question.lower().replace('’', chr(39)))} "
        begun = (group for word in folded.split() for group in self._by_first_word.get(word, ()))
        found = (word for phrase, words in begun if phrase in folded for word in words)
        return " ".join([question, *dict.fromkeys(found)])


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
