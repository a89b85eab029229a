"""What a run does, decided before it starts: the same workload and seed give the same people, words and moments.

Every field is checked where the workload is made; a bad one raises BadWorkload, which names it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from rag.crosstalk.run import people
from rag.crosstalk.run.people import Facts
from rag.errors import CrosswireError

CONTROLS = 3
WHOLE = {
    "users": (1, 10_000),
    "turns": (2, 1000),
    "tabs": (1, 20),
    "processes": (1, 16),
    "in_flight": (1, 512),
    "seed": (-(2**63), 2**63 - 1),
}
"""Fields of a workload that are whole numbers: the least and the most."""
Fact = Literal["name", "order", "address"]


class BadWorkload(CrosswireError):
    """A parameter of a simulation that cannot be used. `parameter` is the field's name."""

    def __init__(self, parameter: str, value: object, expected: str) -> None:
        self.parameter = parameter
        self.value = value
        self.expected = expected
        super().__init__(f"{parameter.replace('_', ' ')} is {value!r}: expected {expected}.")


@dataclass(frozen=True, slots=True)
class Workload:
    """users: how many people. turns: of each tab. tabs: of each user, in one session, at once. processes: that serve.

    arrival: "at once", "ramp:S" (evenly over S seconds) or "poisson:R" (R users a second). think: seconds between a
    tab's turns. latency: of the model, "S" seconds, or "S~G": log-normal with median S and shape G. cancelled: share
    of the turns that are given up in the middle; None: what the strategy needs to show its bug. restart: serve the
    second half of the turns after a restart of the service. in_flight: most turns at once; no more than two thirds of
    the tabs, so that a thread serves several of them.
    """

    users: int = 100
    turns: int = 3
    tabs: int = 1
    processes: int = 1
    arrival: str = "at once"
    think: float = 0.0
    latency: str = "0.01~0.5"
    cancelled: float | None = None
    restart: bool = False
    in_flight: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (least, most) in WHOLE.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise BadWorkload(name, value, f"a whole number from {least} to {most}")
        self._number("think", 0, 60)
        if self.cancelled is not None:
            self._number("cancelled", 0, 1)
        if self.users * self.turns * self.tabs > 1_000_000:
            raise BadWorkload("turns", self.turns, "users × turns × tabs to be at most 1000000")
        self.arrivals()
        self.latencies()

    def arrivals(self) -> Iterator[float]:
        """When each user comes, in seconds from the start. The first one comes at once."""
        kind, _, amount = self.arrival.partition(":")
        if self.arrival == "at once":
            return (0.0 for _ in range(self.users))
        value = _positive(amount, 3600)
        if value is None or kind not in ("ramp", "poisson") or (kind == "poisson" and not value):
            expected = "at once, ramp:SECONDS or poisson:USERS_A_SECOND, for example ramp:10"
            raise BadWorkload("arrival", self.arrival, expected)
        if kind == "ramp":
            return (value * n / self.users for n in range(self.users))
        return _poisson(random.Random(f"{self.seed} arrival"), value, self.users)  # noqa: S311

    def latencies(self) -> tuple[float, float]:
        """Median and shape (0: always the same) of what the model takes."""
        median, shaped, shape = self.latency.partition("~")
        found = _positive(median, 60), _positive(shape if shaped else "0", 3)
        if found[0] is None or found[1] is None:
            raise BadWorkload("latency", self.latency, "SECONDS or MEDIAN~SHAPE, for example 0.2 or 0.2~0.5")
        return found[0], found[1]

    def _number(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise BadWorkload(name, value, f"a number from {least:g} to {most:g}")

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Planned:
    """One turn to come. gives_up: after so many steps the user goes away; None: stays. wait: the model's latency.

    expects: what its tab has stated; others: what other tabs of its session state in the end, which the answer should
    repeat as well once that has been acknowledged.
    """

    op: int
    user: str
    session: str
    tab: int
    number: int
    text: str
    plants: tuple[str, ...]
    expects: tuple[str, ...]
    about: str
    wait: float
    gives_up: int | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tab:
    """The turns of one tab, one after the other; the first one `at` seconds after the start."""

    user: int
    tab: int
    at: float
    turns: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be said. controls: canaries that nobody says."""

    tabs: tuple[Tab, ...]
    sessions: tuple[str, ...]
    users: tuple[str, ...]
    controls: tuple[str, ...]
    owners: dict[str, int]

    @property
    def turns(self) -> int:
        return sum(len(tab.turns) for tab in self.tabs)


def script(turns: int) -> Iterator[str]:
    """What a tab does in each turn: it states its facts first, and asks for them last."""
    yield "state"
    between = ("library", "recall", "correct")
    start = 1 if turns == 4 else 0  # no time for everything: correcting needs a recall after it
    for n in range(turns - 2):
        yield between[(n + start) % 3]
    yield "recall"


def plan(workload: Workload, run: str, cancelled: float, questions: Sequence[str] = ()) -> Plan:
    """Make everything up. run: a mark of the run, part of every session id. questions: for the library."""
    tabs: list[Tab] = []
    sessions, users, owners = [], [], dict[str, int]()
    for number, at in enumerate(workload.arrivals()):
        session, user = session_id(run, number), people.label(number)
        sessions.append(session)
        users.append(user)
        theirs = _tabs(workload, number, at, user, session, cancelled, questions or QUESTIONS)
        owners.update((canary, number) for tab in theirs for turn in tab.turns for canary in turn.plants)
        tabs += theirs
    chance = random.Random(f"{workload.seed} controls")  # noqa: S311
    controls = tuple(people.order(chance) for _ in range(CONTROLS))
    return Plan(tuple(tabs), tuple(sessions), tuple(users), controls, owners)


def _tabs(
    workload: Workload, number: int, at: float, user: str, session: str, cancelled: float, questions: Sequence[str]
) -> list[Tab]:
    """One person's: each fact is stated, and corrected, in one of the tabs alone, so that none contradicts another."""
    median, shape = workload.latencies()
    chances = [random.Random(f"{workload.seed} {number} {tab}") for tab in range(workload.tabs)]  # noqa: S311 - reproducible is what it has to be
    facts = people.facts(chances[0], number)
    writers = [_Writer(chance, facts, _stated_in(tab, workload.tabs), questions) for tab, chance in enumerate(chances)]
    op, tabs = number * workload.tabs * workload.turns, []
    for tab, (chance, writer) in enumerate(zip(chances, writers, strict=True)):
        turns = []
        for n, about in enumerate(script(workload.turns)):
            wait = median * math.exp(shape * chance.gauss(0, 1)) if shape else median
            goes = n > 0 and chance.random() < cancelled
            gives_up = chance.randrange(1, 4) if goes else None
            does, text, plants, expects = writer.write(about, goes)
            turns.append(Planned(op, user, session, tab, n, text, plants, expects, does, wait, gives_up))
            op += 1
        tabs.append(Tab(number, tab, at, tuple(turns)))
    if workload.tabs == 1:
        return tabs
    last = [tuple(writer.said.values()) for writer in writers]
    return [_with_others(tab, [canary for n, one in enumerate(last) if n != tab.tab for canary in one]) for tab in tabs]


def _with_others(tab: Tab, others: Sequence[str]) -> Tab:
    asks = [turn.about == "recall" and turn.gives_up is None for turn in tab.turns]
    turns = [replace(turn, others=tuple(others)) if ask else turn for turn, ask in zip(tab.turns, asks, strict=True)]
    return replace(tab, turns=tuple(turns))


def _stated_in(tab: int, tabs: int) -> tuple[Fact, ...]:
    if tabs == 1:
        return "name", "order", "address"
    if tab == 0:
        return "name", "address"
    return ("order",) if tab == 1 else ()


def session_id(run: str, number: int) -> str:
    """Neighbours' ids differ by case alone: exact ids keep them apart."""
    return f"sim-{run}-{number // 2}{'aA'[number % 2]}"


class _Writer:
    """Writes one tab's messages. said: the facts that it states, the newest of each; known: those stated for sure."""

    def __init__(self, chance: random.Random, facts: Facts, states: Sequence[Fact], questions: Sequence[str]) -> None:
        self.chance = chance
        self.questions = questions
        self.said: dict[Fact, str] = {fact: getattr(facts, fact) for fact in states}
        self.known = dict(self.said)

    def write(self, about: str, goes: bool) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        """What it is about, text, plants and expects. goes: the user may leave before it is stored."""
        mark = f"(message {people.reference(self.chance)})"
        match about:
            case "state" if self.said:
                return about, f"{_stated(self.said)} {mark}", tuple(self.said.values()), ()
            case "correct" if "address" in self.said:
                return about, *self._correct(mark, goes)
            case "recall":
                return about, f"{RECALL} {mark}", (), () if goes else tuple(self.known.values())
            case _:
                return "library", f"{self.chance.choice(self.questions)} {mark}", (), ()

    def _correct(self, mark: str, goes: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        address = self.said["address"] = people.address(self.chance)
        # The old one is not wrong to repeat, and no more right either.
        self.known.pop("address", None)
        if not goes:
            self.known["address"] = address
        return f"I have moved: my address is {address} now. {mark}", (address,), ()


RECALL = "What is my name, my order number and my address?"
QUESTIONS = (
    "How long do I have to return an item?",
    "Do you ship to Ireland, and what does it cost?",
    "How do I wash a down jacket?",
    "Which tent is the lightest?",
    "Can I pay by invoice?",
    "How do I know which size fits?",
)


def _stated(facts: Mapping[Fact, str]) -> str:
    *first, last = [f"my {fact} is {text}" for fact, text in facts.items()]
    return f"Hello, {', '.join(first)}{',' * (len(first) == 1)} and {last}." if first else f"Hello, {last}."


def _positive(text: str, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= most else None


def _poisson(chance: random.Random, rate: float, users: int) -> Iterator[float]:
    at = 0.0
    for _ in range(users):
        yield at
        at += chance.expovariate(rate)
