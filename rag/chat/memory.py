"""What of a history the model sees. What is stored is another matter and never changed here.

What was stored as one turn is never cut, and one without a human message goes on with the turn before it, so that tool
calls and their results stay together. Without stored turns each message counts as one. Only whole turns are kept or
left out, and the newest turn is always kept. A history is looked at from its end, and no further than needed, so that a
long one costs no more than a short one. Policies are stateless: a summary goes in and comes out, and belongs to the
session that stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.chat.summarise import Summary, extend
from rag.errors import BadSetting

Turn = list[BaseMessage]
TurnAt = Callable[[int], int]
"""The number of the stored turn that the message at a place belongs to."""

CHARACTERS_PER_TOKEN = 4
MESSAGE_OVERHEAD = 4


@dataclass(frozen=True, slots=True)
class Remembered:
    """`messages` to send, oldest first; `summary` to be stored: of those that are not sent."""

    messages: tuple[BaseMessage, ...]
    summary: Summary | None = None


class Memory(Protocol):
    """A policy. Called with a history it gives just the messages; `remember` also says what was left out.

    turn_at: where stored turns begin and end; without it each message counts as one.
    """

    def remember(
        self, messages: Sequence[BaseMessage], summary: Summary | None = None, turn_at: TurnAt | None = None
    ) -> Remembered: ...

    def __call__(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]: ...


class _Policy:
    def remember(
        self, messages: Sequence[BaseMessage], summary: Summary | None = None, turn_at: TurnAt | None = None
    ) -> Remembered:
        del summary  # nothing is summarised, so nothing needs one
        return Remembered(_flat(self._kept(newest_first(messages, turn_at))))

    def __call__(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        return list(self.remember(messages).messages)

    def _kept(self, turns: Iterator[Turn]) -> Iterable[Turn]:
        """Those of these turns to keep; both newest first."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LastTurns(_Policy):
    """The newest `turns` turns."""

    turns: int

    def __post_init__(self) -> None:
        _at_least_one(self.turns, "turns")

    def _kept(self, turns: Iterator[Turn]) -> Iterable[Turn]:
        return islice(turns, self.turns)


@dataclass(frozen=True, slots=True)
class TokenBudget(_Policy):
    """The newest turns that fit into `tokens` together, estimated by `tokens_of`."""

    tokens: int

    def __post_init__(self) -> None:
        _at_least_one(self.tokens, "tokens")

    def _kept(self, turns: Iterator[Turn]) -> Iterable[Turn]:
        spent = 0
        for number, turn in enumerate(turns):
            spent += sum(tokens_of(message) for message in turn)
            if number and spent > self.tokens:
                return
            yield turn


@dataclass(frozen=True, slots=True)
class Summarised(_Policy):
    """The newest `turns` turns, and a summary of the older ones as a system message before them.

    The summary is extended only by turns that it does not cover yet, so each turn is summarised once. Without a model
    it keeps, extractively, what the person said.
    """

    turns: int
    model: BaseChatModel | None = None

    def __post_init__(self) -> None:
        _at_least_one(self.turns, "turns")

    def _kept(self, turns: Iterator[Turn]) -> Iterable[Turn]:
        return islice(turns, self.turns)

    def remember(
        self, messages: Sequence[BaseMessage], summary: Summary | None = None, turn_at: TurnAt | None = None
    ) -> Remembered:
        recent = _flat(self._kept(newest_first(messages, turn_at)))
        known = summary or Summary("", 0)
        older = len(messages) - len(recent)
        if older > known.messages:
            known = Summary(extend(known.text, messages[known.messages : older], self.model), older)
        if not known.text:
            return Remembered(recent, known if older else None)
        return Remembered((SystemMessage(known.text), *recent), known)


def last_turns(turns: int) -> Memory:
    return LastTurns(turns)


def token_budget(tokens: int) -> Memory:
    return TokenBudget(tokens)


def summary(turns: int, model: BaseChatModel | None = None) -> Memory:
    return Summarised(turns, model)


POLICIES: Mapping[str, Callable[[int, BaseChatModel | None], Memory]] = {
    "last_turns": lambda count, _: last_turns(count),
    "token_budget": lambda count, _: token_budget(count),
    "summary": summary,
}
"""All policies by the name that PROMPT_MEMORY calls them. A new one is one class and one entry here."""


def from_setting(text: str, model: BaseChatModel | None = None) -> Memory:
    """The policy that PROMPT_MEMORY names, e.g. `last_turns:20`. `model` writes summaries. Raises BadSetting."""
    name, _, count = text.partition(":")
    if name not in POLICIES or not (count.isascii() and count.isdecimal() and int(count)):
        known = [f"{policy}:N" for policy in POLICIES]
        raise BadSetting(
            "PROMPT_MEMORY", text, f"{', '.join(known[:-1])} or {known[-1]}, N a whole number of at least 1"
        )
    return POLICIES[name](int(count), model)


def tokens_of(message: BaseMessage) -> int:
    """An estimate: 4 bytes of UTF-8 a token, as is usual for English, and 4 tokens a message for its role.

    It counts bytes, so that scripts with more tokens a character cost more. Real tokenizers need a download.
    """
    content = message.content if isinstance(message.content, str) else repr(message.content)
    calls = repr(message.tool_calls) if isinstance(message, AIMessage) and message.tool_calls else ""
    return MESSAGE_OVERHEAD + -(-len((content + calls).encode("utf-8", "surrogatepass")) // CHARACTERS_PER_TOKEN)


def newest_first(messages: Sequence[BaseMessage], turn_at: TurnAt | None = None) -> Iterator[Turn]:
    """The turns, from the last one; a caller who stops early looks at no more than these.

    What precedes the first human message is a turn of its own, if it was not stored with it.
    """
    turn: Turn = []
    asked = False
    for place, message in zip(range(len(messages) - 1, -1, -1), reversed(messages), strict=False):
        turn.append(message)
        asked = asked or isinstance(message, HumanMessage)
        if asked and (place == 0 or turn_at is None or turn_at(place) != turn_at(place - 1)):
            yield turn[::-1]
            turn, asked = [], False
    if turn:
        yield turn[::-1]


def _flat(newest: Iterable[Turn]) -> tuple[BaseMessage, ...]:
    return tuple(message for turn in reversed([*newest]) for message in turn)


def _at_least_one(value: int, unit: str) -> None:
    if value < 1:
        raise ValueError(f"a memory needs at least 1 of {unit}, not {value}")
