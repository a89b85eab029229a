"""A person's own sentence said back to them: “I live at …” becomes “you live at …”, and “you” becomes “we”."""

from __future__ import annotations

import re

from rag.chat.terms import listed

_SWAPS = {
    "i'm": "you're", "i've": "you've", "i'd": "you'd", "i'll": "you'll", "i": "you", "me": "you", "my": "your",
    "mine": "yours", "myself": "yourself", "we": "you", "we're": "you're", "we've": "you've", "we'd": "you'd",
    "we'll": "you'll", "our": "your", "ours": "yours", "us": "you", "am": "are", "you": "we", "your": "our",
    "yours": "ours", "you're": "we're", "you've": "we've", "im": "you're", "ive": "you've", "you'd": "we'd",
}  # fmt: skip
_PAIRS = (
    (re.compile(r"\b(i|I) was\b"), "you were"),
    (re.compile(r"\b(i|I) wasn['’]t\b"), "you weren't"),
    (re.compile(r"\b[Ww]e are\b"), "you are"),
)
_TO_US = re.compile(
    r"\b(to|from|tell|told|with|by|for|of|ask|asked|gave|give|sent|send|email|emailed|paid|pay|thank|"
    r"contacted|called) you\b(?! (?:sent|are|have|will|can|said))",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_LOWERED = listed(
    "the a an it it's its this that these those there they he she you you're you've you'd you'll your "
    "yours we we've we're our "
    "please send ship deliver make not no in on at for to from and but both two three four five one"
)


def second_person(text: str) -> str:
    """The sentence as it is said to the one who said it, without its final punctuation."""
    text = text.strip().rstrip(".!;, ")
    for pattern, new in _PAIRS:
        text = pattern.sub(new.replace("you", "\0"), text)
    text = _TO_US.sub("\\1 \1", text)
    swapped = _WORD.sub(_swap, text).replace("\0", "you").replace("\1", "us")
    first, _, rest = swapped.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.lower() in _LOWERED else swapped


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """The text with a full stop, unless it ends a sentence already."""
    text = text.rstrip(" ,;:")
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def joined(parts: list[str], word: str = "and") -> str:
    """“a”, “a and b”, “a, b and c”."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def _swap(match: re.Match[str]) -> str:
    word = match[0]
    if word == "US":
        return word
    return _SWAPS.get(word.lower().replace("’", "'"), word)
