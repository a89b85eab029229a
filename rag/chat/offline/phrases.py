"""What the offline model says in its own words, and the words by which it tells what a message is for."""

from __future__ import annotations

import tomllib
from pathlib import Path

SAID = "You said: {}"
ASKED = "You asked: {}"
GREETING = "Hello. Ask me anything about the articles in the library, or tell me what I should keep in mind."
THANKS = "You're welcome."
NOTED = "I'll keep that in mind for this conversation."
CLARIFY = "Could you say a little more? I answer best when a question names its subject."
UNKNOWN = "I don't know: neither the library nor what you told me covers that."
NEAREST = " The nearest article is “{}”."
NOT_TOLD = "You haven't told me that in this conversation."
NEAREST_SAID = "You haven't told me that in so many words. The nearest that you said: {}"
OTHER_WORDS = "None of these words is in the library. Try others, or the language that its articles are written in."


_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _words(*lists: str) -> frozenset[str]:
    return frozenset(word for name in lists for word in _LISTS[name].split())


GREETINGS, THANKING, FILLING, HELPLESS = _words("greetings"), _words("thanking"), _words("filling"), _words("helpless")
MINE, OWN, REFERRING = _words("mine"), _words("mine", "own"), _words("mine", "own", "referring")
GOING_ON, CORRECTING, SPEAKING = _words("going_on"), _words("correcting"), _words("speaking")
AMOUNTS, OPENING, ASKING = _words("amounts"), _words("opening"), _words("opening", "asking")

FIRST_ASKED = ("What did I ask you first?", "What was my first question?", "What was the first thing I asked?")
LAST_ASKED = ("What did I ask you before?", "What was my last question?", "What did I just ask?")
NAME_ASKED = ("What is my name?", "Who am I?", "Do you know my name?", "Wie heiße ich?", "Comment je m'appelle ?")
NAMED = ("i'm ", "i am ", "my name is ", "call me ", "this is ", "it's ", "ich bin ", "ich heiße ", "je suis ", "soy ")
"""How people say who they are: no embedding brings these near to a question for a name."""
