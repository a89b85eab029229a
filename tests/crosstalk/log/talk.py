"""Conversations as an application has them, before any tool records them."""

from __future__ import annotations

from dataclasses import dataclass, replace

ORDER = "LK-7Q2M-X9PD-4TRW8"
MAIL = "ada.lovelace@example.org"
Said = tuple[str, str]
"""Role and text."""


@dataclass(frozen=True)
class Talk:
    """One turn. before: of the history, what the model was given before the question. at: seconds."""

    user: str
    session: str
    at: float
    text: str
    answer: str
    before: tuple[Said, ...] = ()

    @property
    def prompt(self) -> list[Said]:
        return [("system", "You are a helpful shop assistant."), *self.before, ("user", self.text)]


def _turns(user: str, start: float, *said: Said) -> list[Talk]:
    """Questions and answers of one user, each with all that was said before in its prompt."""
    found, before = [], list[Said]()
    for number, (text, answer) in enumerate(said):
        found.append(Talk(user, f"{user}-1", start + 100 * number, text, answer, tuple(before)))
        before += [("user", text), ("assistant", answer)]
    return found


ADA = _turns(
    "ada",
    0,
    ("Hello", "Hello! How can I help you today?"),
    (f"My order is {ORDER}, and my address is {MAIL}.", "Thank you, I noted both."),
    ("What is my order?", f"Your order is {ORDER}."),
)
BEN = _turns(
    "ben",
    10,
    ("Hello", "Hello! How can I help you today?"),
    ("How long is the warranty of a kettle?", "Two years. Our hotline is 0800 555 01987."),
    ("And of a lamp?", "Two years, too. Call 0800 555 01987 if it breaks."),
)
EVE = _turns(
    "eve",
    20,
    ("Hello", "Hello! How can I help you today?"),
    ("Nobody answers 0800 555 01987!", "I am sorry. Write to support@example.org."),
)
RIGHT = [*ADA, *BEN, *EVE]
"""Three users, apart: they greet alike, and one repeats a number that another was told."""

_ADAS = tuple((role, text) for turn in ADA[:2] for role, text in (("user", turn.text), ("assistant", turn.answer)))
IN_PROMPT = [*ADA, *BEN[:2], replace(BEN[2], before=(*_ADAS, *BEN[2].before)), *EVE]
"""The prompt of Ben's last turn holds Ada's conversation."""
IN_ANSWER = [*ADA, *BEN[:2], replace(BEN[2], answer=f"Do you mean that of order {ORDER}?"), *EVE]
"""The answer to Ben's last turn mentions Ada's order; how it came there was not recorded."""
