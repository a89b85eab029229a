"""Generated operation logs, and what checking them costs: the rate, and the memory of a process that does nothing else.

Users are under way at once, a hundred at a time, as in a run. In the log of a whole service every turn saw all before
it; in that of a shared memory everybody is shown the last that anybody said.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import resource
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import Control, Event, History, Invoke, Message, Ok, Prompt, read, to_json
from rag.crosstalk.run import people

TURNS = 3
AT_ONCE = 100
EVENTS_A_USER = 3 * TURNS + 1
SHARED = 40
"""Messages of the shared memory that a prompt and a read hold."""
LONGER = 10
"""The lines of such a log are that much longer: fewer of them make a log of about the same size."""


@dataclass(frozen=True, slots=True)
class Checked:
    """size: of the log, in bytes. memory: the most that its process held, in bytes; 0 where that cannot be told."""

    what: str
    events: int
    size: int
    seconds: float
    memory: int
    verdict: str
    found: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def run(events: int, folder: Path, progress: Callable[[str], None]) -> Iterator[Checked]:
    """Check both logs. A file of about 500 bytes an event is in the folder for as long as that takes."""
    context = multiprocessing.get_context("spawn")
    for what, log, count in (("whole turns", whole_log, events), ("shared memory", shared_log, events // LONGER)):
        progress(f"Writing {count:,} events: {what}")
        path = folder / "log.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{to_json(event)}\n" for event in log(count))
        progress(f"Checking {count:,} events: {what}")
        with ProcessPoolExecutor(1, mp_context=context) as alone:
            yield alone.submit(measure, what, path).result()
        path.unlink()


def measure(what: str, path: Path) -> Checked:
    begun = perf_counter()
    with path.open(encoding="utf-8") as file:
        lines = read(file)
        report = check(lines)
    seconds = perf_counter() - begun
    found = sum(report.counts.values())
    return Checked(what, lines.line, path.stat().st_size, seconds, _memory(), report.verdict, found)


def whole_log(events: int) -> Iterator[Event]:
    """Of a service that does everything right."""
    return _log(events, random.Random(1), None)  # noqa: S311 (reproducible)


def shared_log(events: int) -> Iterator[Event]:
    """Of one that has a single memory, from which each answers with what the last one stated."""
    return _log(events, random.Random(1), [])  # noqa: S311


def _log(events: int, chance: random.Random, shared: list[Message] | None) -> Iterator[Event]:
    yield Control(people.order(chance))
    now, users = 0.0, max(2, events // EVENTS_A_USER)
    for first in range(0, users, AT_ONCE):
        crowd = [_User(number, chance, shared) for number in range(first, min(first + AT_ONCE, users))]
        for turn in range(TURNS):
            for step in (_User.send, _User.prompt, _User.answer):
                for user in crowd:
                    now += 0.0001
                    yield step(user, turn, now)
        for user in crowd:
            yield History(user.session, now, tuple(user.held()))


_STATED = re.compile(r"my order is ([^,]{1,80}), and I live at ([^.]{1,80})\.")


class _User:
    def __init__(self, number: int, chance: random.Random, shared: list[Message] | None) -> None:
        self.name, self.session = people.label(number), f"session-{number}"
        self.chance = chance
        self.facts = people.facts(chance, number)
        self.memory: list[Message] = [] if shared is None else shared
        self.shared = shared is not None
        self.op = number * TURNS
        self.question = Message("user", "")

    def held(self) -> list[Message]:
        return self.memory[-SHARED:] if self.shared else self.memory

    def send(self, turn: int, now: float) -> Event:
        facts, mark = self.facts, people.reference(self.chance)
        known = (facts.name, facts.order, facts.address)
        said = f"My name is {facts.name}, my order is {facts.order}, and I live at {facts.address}."
        self.question = Message("user", f"{said if turn == 0 else 'What is my order, and where do I live?'} ({mark})")
        plants, expects = (known, ()) if turn == 0 else ((), known[1:])
        return Invoke(self.op + turn, self.name, self.session, now, self.question.text, plants=plants, expects=expects)

    def prompt(self, turn: int, now: float) -> Event:
        del now
        return Prompt(self.op + turn, (*self.held(), self.question))

    def answer(self, turn: int, now: float) -> Event:
        op = self.op + turn
        known = [found for message in self.held() if (found := _STATED.search(message.text))]
        told = f"Your order is {known[-1][1]}, and you live at {known[-1][2]}." if known else "I shall remember that."
        answer = f"{told} ({people.reference(self.chance)})"
        self.memory += (self.question, Message("assistant", answer))
        if self.shared:
            del self.memory[:-SHARED]
        return Ok(op, now, answer)


def _memory() -> int:
    """VmHWM where there is one: ru_maxrss of a new process begins with what its parent had."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
