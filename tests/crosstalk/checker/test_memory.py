"""What a service remembers: how much of it the log says it should, and what counts as having been remembered."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

from rag.crosstalk import Lab, Workload, simulate
from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import BadLog, Clear, Event, Invoke, Message, Prompt, read, to_json
from rag.crosstalk.report.explain import minimal
from tests.crosstalk.checker.short import A3, ADA_AND_BEN, ADAS, BENS, OF_ADA, OF_BEN, found, stored, turn

MOVED = "LK-ZZ9T-PK4R-33XY7"


# --- the window


def test_a_log_of_a_long_run_says_how_much_is_remembered(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = simulate("redis-turn", Workload(users=2, turns=30, latency="0"), lab=lab, log=log)
    assert result.report.verdict == "isolated"
    with log.open("rb") as lines:
        assert check(read(lines)) == result.report
    with log.open("rb") as lines:
        assert set(check(read(lines), window=1000).counts) == {"amnesia", "backward-read"}


def test_the_window_is_read_of_each_turn_and_what_is_asked_for_comes_first() -> None:
    def log(window: int | None) -> list[Event]:
        sent, ended = turn(9, "Ada", 10, "And now?", "Now.", window=window)
        return [*ADA_AND_BEN, sent, Prompt(9, (Message("user", Q3), Message("assistant", A3), *_asked(sent))), ended]

    assert [kind for kind, *_ in found(log(None))] == ["amnesia"]
    assert found(log(1)) == []
    (anomaly,) = check(log(1), window=5).anomalies
    assert anomaly.kind == "amnesia"
    assert len(minimal(log(None), anomaly)) == 5


Q3 = "What is my order?"


def _asked(sent: Event) -> tuple[Message, ...]:
    assert isinstance(sent, Invoke)
    return (Message("user", sent.text),)


def test_the_window_is_written_and_read_or_names_its_line() -> None:
    (sent, _) = turn(1, "Ada", 0, "Hello.", "Hello.", window=20)
    assert list(read([to_json(sent)])) == [sent]
    (sent, _) = turn(1, "Ada", 0, "Hello.", "Hello.")
    assert "window" not in to_json(sent)
    for wrong in ("0", '"20"', "true"):
        line = to_json(sent).replace('"op"', f'"window": {wrong}, "op"')
        with pytest.raises(BadLog, match=r"Line 1 .*invoke\.window is"):
            list(read([line]))


# --- seen from outside


PLANT = turn(11, "Ada", 20, f"My coat is {MOVED}.", "Noted.", plants=[MOVED])
ASK = turn(12, "Ada", 30, "Which coat?", "Which one?", expects=[MOVED])


@pytest.mark.parametrize(
    ("before", "kinds"),
    [
        (PLANT, {"amnesia"}),
        (turn(11, "Ada", 20, f"My coat is {MOVED}.", None, plants=[MOVED]), set()),
        (turn(11, "Ada", 20, f"My coat is {MOVED}.", "", plants=[MOVED]), set()),
        (turn(11, "Ada", 20, f"My coat is {MOVED}.", "Noted.", until=40, plants=[MOVED]), set()),
        ([*PLANT, Clear("ada", 25, 26)], set()),
        ([Clear("ada", 15, 16), *PLANT], {"amnesia"}),
        ([*PLANT, Clear("ben", 25, 26)], {"amnesia"}),
    ],
    ids=["acknowledged", "failed", "given up", "beside it", "cleared", "cleared before", "another's cleared"],
)
def test_only_what_was_acknowledged_and_kept_has_to_be_remembered(before: list[Event], kinds: set[str]) -> None:
    assert set(check([*ADA_AND_BEN, *before, *ASK], require_memory=True).counts) == kinds


def test_what_was_stated_in_another_session_is_not_owed() -> None:
    plant = turn(11, "Ada", 20, f"My coat is {MOVED}.", "Noted.", plants=[MOVED])
    assert isinstance(plant[0], Invoke)
    elsewhere = Invoke(11, "Ada", "ada-2", 20, plant[0].text, plants=(MOVED,))
    assert found([*ADA_AND_BEN, elsewhere, plant[1], *ASK]) == []


def test_what_was_replaced_may_be_told_in_its_place() -> None:
    moved = turn(11, "Ada", 20, f"My order is {MOVED} now.", "Noted.", plants=[MOVED])
    for answer, kinds in ((f"It is {MOVED}.", set()), ("I do not know.", {"amnesia"})):
        ask = turn(12, "Ada", 30, "Which order?", answer, expects=[ADAS])
        assert set(check([*ADA_AND_BEN, *moved, *ask], require_memory=True).counts) == kinds
    both = turn(12, "Ada", 30, "Which orders?", f"It is {MOVED}.", expects=[ADAS, MOVED])
    assert set(check([*ADA_AND_BEN, *moved, *both], require_memory=True).counts) == {"amnesia"}


def test_who_repeats_what_was_just_said_to_it_remembers_nothing() -> None:
    echoes = [
        *turn(1, "Ada", 0, f"My order is {ADAS}.", "Noted.", plants=[ADAS]),
        *turn(2, "Ben", 2, f"My order is {BENS}.", "Noted too.", plants=[BENS]),
        *turn(3, "Ada", 4, f"Is my order {ADAS}?", f"You said {ADAS}."),
    ]
    report = check(echoes)
    assert (report.verdict, report.controls.recalled) == ("unknown", 0)
    assert check([*echoes, *turn(4, "Ada", 6, "What was it?", ADAS)]).controls.recalled == 1


# --- another update, and the shortest canaries


def test_what_the_service_adds_to_a_prompt_is_no_version_of_the_history() -> None:
    lost, kept = turn(10, "Ada", 20, "One?", "One.", until=22), turn(11, "Ada", 20.1, "Two?", "Two.", until=22.1)
    texts = [Message("assistant" if at % 2 else "user", text) for at, text in enumerate(OF_ADA)]
    prompts = [
        Prompt(op, (Message("system", f"Sources: {op}"), *texts, Message("user", text)))
        for op, text in ((10, "One?"), (11, "Two?"))
    ]
    end = [stored("ada", 30, *OF_ADA, "Two?", "Two."), stored("ben", 30, *OF_BEN)]
    assert found([*ADA_AND_BEN, lost[0], kept[0], *prompts, lost[1], kept[1], *end]) == [("lost-update", 10, "ada")]


def test_64_random_bits_are_found_in_base64() -> None:
    for _ in range(200):
        canary = secrets.token_urlsafe(8)
        encoded = base64.b64encode(canary.encode()).decode()
        events = [
            *turn(1, "Ada", 0, f"My code is {canary}.", "Noted.", plants=[canary]),
            *turn(2, "Ben", 2, "And mine?", f"It is {encoded}."),
        ]
        mixed = encoded.lower() != encoded and encoded.upper() != encoded
        assert check(events).counts == ({"foreign-read": 1} if mixed else {}), (canary, encoded)
