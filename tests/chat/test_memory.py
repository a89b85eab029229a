"""Whole turns, newest first; tool calls stay with their results; a summary grows by what it does not cover yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from rag.chat.memory import LONGEST_SUMMARY, LastTurns, Summarised, Summary, TokenBudget, from_setting, tokens_of
from rag.chat.prompt import build_prompt, parse_earlier
from rag.errors import BadSetting

TURN = st.lists(st.sampled_from(["ai", "tool"]), max_size=3)
HISTORIES = st.lists(TURN, max_size=8)


def made(turns: list[list[str]]) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for number, answers in enumerate(turns):
        messages.append(HumanMessage(f"question {number}"))
        for kind in answers:
            messages.append(
                AIMessage(f"answer {number}") if kind == "ai" else ToolMessage("result", tool_call_id=str(number))
            )
    return messages


@given(HISTORIES, st.integers(1, 10), st.sampled_from(["last_turns", "token_budget", "summary"]))
def test_only_whole_turns_and_always_the_newest(turns: list[list[str]], size: int, policy: str) -> None:
    messages = made(turns)
    kept = from_setting(f"{policy}:{size}").remember(messages)
    sent = [message for message in kept.messages if not isinstance(message, SystemMessage)]
    assert sent == messages[len(messages) - len(sent) :]
    assert not sent or isinstance(sent[0], HumanMessage)
    assert bool(sent) == bool(messages)


KINDS: dict[str, Callable[[str], BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": lambda text: ToolMessage(text, tool_call_id="1"),
    "chat": lambda text: ChatMessage(content=text, role="user"),
}
STORED = st.lists(st.lists(st.sampled_from([*KINDS]), min_size=1, max_size=4), min_size=1, max_size=8)
POLICIES = st.builds("{}:{}".format, st.sampled_from(["last_turns", "token_budget", "summary"]), st.integers(1, 9))


@given(STORED, st.lists(POLICIES, min_size=8, max_size=8) | POLICIES.map(lambda policy: [policy] * 8))
def test_no_message_is_lost_between_summary_and_prompt_and_no_stored_turn_is_cut(
    stored: list[list[str]], policies: list[str]
) -> None:
    messages: list[BaseMessage] = []
    turns: list[int] = []
    text, upto = "", 0
    for number, (kinds, policy) in enumerate(zip(stored, policies, strict=False), start=1):
        messages += [KINDS[kind](f"said {len(messages) + place}.") for place, kind in enumerate(kinds)]
        turns += [number] * len(kinds)
        known = Summary(text, sum(turn <= upto for turn in turns)) if text else None
        kept = from_setting(policy).remember(messages, known, turns.__getitem__)
        start = len(messages) - len(kept.messages)
        if kept.summary and kept.summary.text:
            start += 1
            assert kept.messages[0] == SystemMessage(kept.summary.text)
        assert [*kept.messages][start - len(messages) :] == messages[start:]
        assert start == 0 or turns[start] != turns[start - 1]
        if not policy.startswith("summary"):
            continue
        assert start <= (kept.summary.messages if kept.summary else 0)
        for message in messages[:start]:
            assert not isinstance(message, HumanMessage) or message.text in (kept.summary or Summary("", 0)).text
        if kept.summary and kept.summary.text:
            text, upto = kept.summary.text, turns[kept.summary.messages - 1]


def test_a_turn_without_a_question_stays_with_the_one_before() -> None:
    call = AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}])
    messages = [HumanMessage("a"), call, ToolMessage("r", tool_call_id="1"), AIMessage("x"), HumanMessage("b")]
    assert list(LastTurns(2).remember(messages, None, [1, 1, 2, 2, 3].__getitem__).messages) == messages


def test_last_turns_keeps_tools_with_their_turn() -> None:
    call = AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "1"}])
    turn = [HumanMessage("b"), call, ToolMessage("r", tool_call_id="1"), AIMessage("done")]
    kept = LastTurns(1).remember([HumanMessage("a"), AIMessage("x"), *turn])
    assert list(kept.messages) == turn
    assert kept.summary is None


def test_token_budget_counts_bytes() -> None:
    assert tokens_of(HumanMessage("x" * 40)) == 14
    assert tokens_of(HumanMessage("語" * 40)) == 34
    messages = [HumanMessage("x" * 40), AIMessage("y" * 40), HumanMessage("z" * 40)]
    assert TokenBudget(14)(messages) == messages[2:]
    assert TokenBudget(41)(messages) == messages[2:]
    assert TokenBudget(42)(messages) == messages


def test_the_newest_turn_is_sent_even_if_it_is_over_the_budget() -> None:
    assert TokenBudget(1)([HumanMessage("x" * 400)]) == [HumanMessage("x" * 400)]


@pytest.mark.parametrize("text", ["", "last_turns", "last_turns:0", "window:3", "summary:-1", "last_turns:2 "])
def test_bad_settings(text: str) -> None:
    with pytest.raises(BadSetting, match="last_turns:N, token_budget:N or summary:N"):
        from_setting(text)


def test_extractive_summary_reaches_the_prompt() -> None:
    messages = [HumanMessage("My order is ORD-1."), AIMessage("Noted."), HumanMessage("b"), AIMessage("c")]
    kept = Summarised(1).remember(messages)
    assert kept.summary is not None
    assert kept.summary.text == "The person said: My order is ORD-1."
    prompt = build_prompt([], kept.messages, "?")
    assert parse_earlier(prompt[0].text) == kept.summary.text
    assert [message.text for message in prompt[1:]] == ["b", "c", "?"]


def test_a_summary_is_incremental() -> None:
    model = FakeListChatModel(responses=["first", "second"])
    policy = Summarised(1, model)
    messages = made([["ai"], ["ai"], ["ai"]])
    first = policy.remember(messages[:4])
    again = policy.remember(messages[:4], first.summary)
    second = policy.remember(messages, first.summary)
    assert first.summary is not None
    assert first.summary.text == "first"
    assert again.summary == first.summary
    assert second.summary is not None
    assert (second.summary.text, second.summary.messages) == ("second", 4)


def test_a_summary_of_turns_that_are_no_longer_stored_is_kept() -> None:
    kept = Summarised(2).remember(made([["ai"], ["ai"]]), Summary("The person said: my order is ORD-1", 0))
    assert kept.messages[0].text == "The person said: my order is ORD-1"


@pytest.mark.parametrize("policy", ["last_turns:3", "token_budget:60"])
def test_only_the_end_of_a_history_is_looked_at(policy: str) -> None:
    class Counting(list[BaseMessage]):
        looked = 0

        def __getitem__(self, place: Any) -> Any:
            self.looked += 1
            return super().__getitem__(place)

        def __reversed__(self) -> Iterator[BaseMessage]:
            return map(self.__getitem__, range(len(self) - 1, -1, -1))

    messages = Counting(made([["ai"]] * 500))
    assert len(from_setting(policy)(messages)) >= 6
    assert messages.looked <= 12


def test_the_extract_is_used_when_the_model_fails() -> None:
    class Failing(FakeListChatModel):
        def _call(self, *args: object, **kwargs: object) -> str:
            raise TimeoutError

    kept = Summarised(1, Failing(responses=[])).remember(made([["ai"], ["ai"]]))
    assert kept.summary is not None
    assert kept.summary.text == "The person said: question 0"


def test_summaries_are_bounded() -> None:
    messages = [HumanMessage(f"{number} " + "x" * 300) for number in range(50)]
    kept = Summarised(1).remember(messages)
    assert kept.summary is not None
    assert len(kept.summary.text) <= LONGEST_SUMMARY
    assert "48 xxx" in kept.summary.text
