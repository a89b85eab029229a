"""From the operation log of what users saw to what was lost, doubled, torn or somebody else's. Pure.

The product's own checker judges the same log; this is the second opinion, by nothing but texts.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.crosstalk.checker.anomalies import LEAKS
from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import Event, History, Invoke, Message, Ok

_DRAWN_OTHERWISE = re.compile(r"\[\d+\]|[\W_]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """acknowledged: turns whose answer arrived. lost: of these. doubled: questions that were sent once, and are stored
    more than once, whatever was answered. torn: questions without their answer, and the other way round. foreign: texts
    that state another user's canary. unread: users whose history could not be read. leaks: what the checker finds.
    recalled: answers that state their own user's canary, as asked; without one, nobody's could have been stated either.
    """

    acknowledged: int
    lost: int
    doubled: int
    torn: int
    foreign: int
    unread: int
    leaks: dict[str, int]
    recalled: int

    def broken(self, *, forgets: bool = False) -> bool:
        """Whether a promise is, or none is proved: who is not read, and a log without answers, prove nothing."""
        lost = 0 if forgets else self.lost
        return bool(lost or self.doubled or self.torn or self.foreign or self.unread or self.leaks) or self.empty

    @property
    def empty(self) -> bool:
        return not self.acknowledged


def judge(events: Sequence[Event]) -> Verdict:
    """Raises BadLog for a log that contradicts itself."""
    invoked = {event.op: event for event in events if isinstance(event, Invoke)}
    answers = {event.op: event.answer for event in events if isinstance(event, Ok)}
    owner = {canary: event.user for event in invoked.values() for canary in event.plants}
    last = {event.session: event.messages for event in events if isinstance(event, History)}
    users = {event.user for event in invoked.values()}
    sent: dict[str, set[str]] = {user: set() for user in users}
    for event in invoked.values():
        sent[event.user].add(event.text)
    lost = doubled = torn = foreign = 0
    for user in users & last.keys():
        messages = last[user]
        pairs = {(first.text, _words(second.text)) for first, second in itertools.pairwise(messages)}
        acknowledged = [
            (invoked[op].text, _words(answer)) for op, answer in answers.items() if invoked[op].user == user
        ]
        lost += sum(pair not in pairs for pair in acknowledged)
        asked = Counter(message.text for message in messages if message.role == "user")
        doubled += sum(count > 1 for text, count in asked.items() if text in sent[user])
        torn += _torn(messages)
        foreign += sum(_states_others(message.text, user, owner) for message in messages)
    foreign += sum(_states_others(answer, invoked[op].user, owner) for op, answer in answers.items())
    leaks = {kind: n for kind, n in check(events).counts.items() if kind in LEAKS and n}
    recalled = sum(any(canary in answer for canary in invoked[op].expects) for op, answer in answers.items())
    return Verdict(len(answers), lost, doubled, torn, foreign, len(users - last.keys()), leaks, recalled)


def _words(text: str) -> str:
    """As a page draws it, too: without markup, and with citations counted anew."""
    return _DRAWN_OTHERWISE.sub("", text)


def _torn(messages: Sequence[Message]) -> int:
    expected = ("user", "assistant")
    return sum(message.role != expected[place % 2] for place, message in enumerate(messages)) + len(messages) % 2


def _states_others(text: str, user: str, owner: dict[str, str]) -> bool:
    return any(canary in text and whose != user for canary, whose in owner.items())
