"""Five minutes, from the incident at 2 AM to the fix: where one stands, what the room reads, and what one says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """page: as in pages/, with its query. title: what the room reads. say: the speaker's notes. seconds: to spend."""

    page: str
    title: str
    say: str
    seconds: int
    query: Mapping[str, str] = field(default_factory=dict)


STORY = (
    Step(
        "home",
        "2:04 AM. A customer is shown a stranger's address.",
        "The pager goes off. A customer asked our chat where her parcel was, and it told her somebody else's "
        "name and address. Nobody attacked us. Every test was green. On the left you see what happened to the "
        "sixty people who were online.",
        35,
    ),
    Step(
        "chat",
        "Alone, it works.",
        "This is the chat. I ask, it answers, it remembers me. That is how it was tested: by one person at a "
        "time. Ask it one thing, then ask what you asked.",
        30,
    ),
    Step(
        "room",
        "Now all of you.",
        "Press “Open a room”. Scan the code: you are given a name, a colour and a secret that was made up for "
        "you. Type nothing real. Ask for your order number. Everybody gets their own: this memory is a right "
        "one.",
        65,
    ),
    Step(
        "room",
        "Same chat, one line changed.",
        "Press “Wrong memory”. Each phone says hello again; ask once more. Look at your phone: whose number "
        "is that? Each arrow is one secret that was shown to somebody else. The sentence below is the "
        "checker's: whose, when, and through what.",
        60,
    ),
    Step(
        "race_lab",
        "Why: two phones, one memory.",
        "The memory was made once, next to the model, for everybody. Play it: the first message is stored, "
        "the second one too, and the prompt holds both. It takes no race; one after the other is enough.",
        40,
        {"chapter": "1"},
    ),
    Step(
        "room",
        "The fix: whose memory is it?",
        "Press “Right memory”. One history for each session, and one turn at a time. Ask again: everybody "
        "gets their own, and the checker has nothing to say. End the room: its report stays, for each memory "
        "who was shown whose.",
        40,
    ),
    Step(
        "audit",
        "Is yours right?",
        "Most stores that people use lose or mix something; this is the table. Yours takes one line: "
        "crosswire audit, and the name of the function that makes it. Thank you. Questions?",
        30,
    ),
)


def minutes(seconds: int) -> str:
    """`1:05`."""
    return f"{seconds // 60}:{seconds % 60:02}"
