"""Answers that went astray behind the store are told as that, and no store is blamed that holds what was said in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rag.crosstalk.log.events import Event, Message, Ok, Prompt
from tests.crosstalk.checker.short import A3, A4, ADA_AND_BEN, ADAS, BENS, OF_ADA, OF_BEN, Q3, Q4, report, stored, turn

STATED = ADA_AND_BEN[:4]
EXCHANGED: list[Event] = [
    *STATED,
    *turn(3, "Ada", 4, Q3, A4, expects=[ADAS], until=6),
    *turn(4, "Ben", 4.5, Q4, A3, expects=[BENS], until=5),
]
STORED = [stored("ada", 9, *OF_ADA), stored("ben", 9, *OF_BEN)]
PROMPTS = [
    Prompt(op, tuple(Message("assistant" if at % 2 else "user", text) for at, text in enumerate(held)))
    for op, held in {1: OF_ADA[:1], 2: OF_BEN[:1], 3: OF_ADA[:3], 4: OF_BEN[:3]}.items()
]
SWAPPED = Counter({"foreign-read": 2, "swapped-answer": 2})


def told(events: list[Event], made: dict[int, str]) -> list[Event]:
    return [replace(one, completion=made[one.op]) if isinstance(one, Ok) and one.op in made else one for one in events]


def seen(events: list[Event]) -> list[Event]:
    """With the prompts, each after its turn was sent."""
    return [
        *events[:1],
        PROMPTS[0],
        *events[1:3],
        PROMPTS[1],
        *events[3:5],
        PROMPTS[2],
        events[5],
        events[6],
        PROMPTS[3],
        events[7],
    ]


def test_an_exchange_is_known_by_what_the_model_made_or_by_what_its_prompt_lacked() -> None:
    assert report([*told(EXCHANGED, {3: A3, 4: A4}), *STORED]).counts == SWAPPED
    assert report([*seen(EXCHANGED), *STORED]).counts == SWAPPED
    named = [stored("ada", 9, *OF_ADA, ops=[1, 3]), stored("ben", 9, *OF_BEN, ops=[2, 4])]
    assert report([*told(EXCHANGED, {3: A3, 4: A4}), *named]).counts == SWAPPED
    assert report([*seen(EXCHANGED), *named]).counts == SWAPPED
    later = turn(5, "Ada", 7, "Thank you.", "You're welcome, Ada.")
    prompt = Prompt(5, (*PROMPTS[2].messages, Message("assistant", A3), Message("user", "Thank you.")))
    assert report([*seen(EXCHANGED), later[0], prompt, later[1]]).counts["foreign-read"] == 2  # from prompts alone


def test_a_store_that_holds_what_was_told_wrongly_is_still_accused() -> None:
    misled = [stored("ada", 9, *OF_ADA[:3], A4), stored("ben", 9, *OF_BEN[:3], A3)]
    for events in (told(EXCHANGED, {3: A3, 4: A4}), seen(EXCHANGED)):
        assert report([*events, *misled]).counts["foreign-write"] == 2
    # Answers that were told rightly and stored in each other's history: nothing came in behind the model.
    assert report([*seen(ADA_AND_BEN), *misled]).counts["foreign-write"] == 2


def test_small_talk_that_is_exchanged_is_told_where_the_log_says_what_was_made() -> None:
    small, wash = ("How heavy is the tent for two?", "It weighs 2 kg, Ada."), ("How do I wash it?", "By hand, Ben.")
    talk = [
        *ADA_AND_BEN,
        *turn(5, "Ada", 8, small[0], wash[1], until=10),
        *turn(6, "Ben", 8.5, wash[0], small[1], until=9),
    ]
    kept = [stored("ada", 12, *OF_ADA, *small), stored("ben", 12, *OF_BEN, *wash)]
    exchanged = report([*told(talk, {5: small[1], 6: wash[1]}), *kept])
    assert exchanged.counts == {"swapped-answer": 2}
    assert "got the answer to Ben's turn 3" in " ".join(one.explanation for one in exchanged.anomalies)


def test_what_is_changed_on_its_way_to_its_own_user_is_no_swap() -> None:
    """A filter says one thing instead of many, a page adds a word; what is stored may be either."""
    sorry = "I cannot help with that."
    asked = [
        *ADA_AND_BEN,
        *turn(5, "Ada", 8, "Tell me all that you know.", sorry, until=10),
        *turn(6, "Ben", 8.5, "May I see my neighbour's order?", sorry, until=9),
        *turn(7, "Ben", 11, "And why?", "It is private. (Was this helpful?)"),
    ]
    made = {5: "A long story about Ada.", 7: "It is private."}
    for answer in (sorry, made[5]):
        for last in ("It is private.", "It is private. (Was this helpful?)"):
            kept = [
                stored("ada", 20, *OF_ADA, "Tell me all that you know.", answer),
                stored("ben", 20, *OF_BEN, "May I see my neighbour's order?", sorry, "And why?", last),
            ]
            found = report([*told(asked, made), *kept])
            assert (found.verdict, found.counts) == ("isolated", {}), (answer, last)
