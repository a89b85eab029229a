"""What a run does, decided before it starts: the same workload and seed give the same people, words and moments.

Every field is checked where the workload is made; a bad one raises BadWorkload, which names it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from rag.crosstalk.run import people
from rag.crosstalk.run.conversation import ALL, DELETE, OWN, QUESTIONS, SCENES, SHAPES, Fact, Writer, pairs, script
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
    the tabs, so that a thread serves several of them. shapes: of the questions to a target, by name and separated by
    commas, in turn for its users; "all" of them. scene: how the users of a target meet, by name.
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
    shapes: str = ALL
    scene: str = OWN

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
        self.asked()
        if self.scene not in SCENES:
            raise BadWorkload("scene", self.scene, f"one of {', '.join(SCENES)}")
        if pairs(self.scene) and self.users < 4:
            raise BadWorkload("users", self.users, "at least 4, in pairs, for this scene")
        if self.scene == DELETE and self.tabs > 1:
            raise BadWorkload("tabs", self.tabs, "1 for this scene, so that no other tab asks meanwhile")

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

    def asked(self) -> tuple[str, ...]:
        """The names of the shapes."""
        names = tuple(SHAPES) if self.shapes == ALL else tuple(name.strip() for name in self.shapes.split(","))
        if not set(names) <= SHAPES.keys():
            raise BadWorkload("shapes", self.shapes, f"{ALL}, or some of {', '.join(SHAPES)}, separated by commas")
        return names

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
    hints: tuple[str, ...] = ()
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """The turns of one tab, one after the other; the first one `at` seconds after the start."""

    user: int
    tab: int
    at: float
    turns: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be said. controls: canaries that nobody says. facts: of each session, one that its user
    never says, but that a target may be told beside the text (a header, a profile)."""

    tabs: tuple[Tab, ...]
    sessions: tuple[str, ...]
    users: tuple[str, ...]
    controls: tuple[str, ...]
    owners: dict[str, int]
    facts: dict[str, str]

    def told_beside(self) -> Plan:
        """The same where a target is told the facts with each request: they are stated with each first turn."""
        tabs = tuple(replace(tab, turns=(self._told(tab.turns[0], tab.tab), *tab.turns[1:])) for tab in self.tabs)
        owners = {self.facts[session]: number for number, session in enumerate(self.sessions)}
        return replace(self, tabs=tabs, owners={**self.owners, **owners})

    def _told(self, turn: Planned, tab: int) -> Planned:
        return replace(turn, plants=(*turn.plants, self.facts[turn.session])) if tab == 0 else turn

    @property
    def turns(self) -> int:
        return sum(len(tab.turns) for tab in self.tabs)


def plan(
    workload: Workload, run: str, cancelled: float, questions: Sequence[str] = (), *, target: bool = False
) -> Plan:
    """Make everything up. run: a mark of the run, part of every session id. questions: for the library.

    target: it is seen from outside, so messages need no marks, and users ask in all the shapes.
    """
    tabs: list[Tab] = []
    shapes = workload.asked()
    sessions, users, owners = [], [], dict[str, int]()
    for number, at in enumerate(workload.arrivals()):
        session, user = session_id(run, number), people.label(number)
        sessions.append(session)
        users.append(user)
        shape = shapes[number % len(shapes)] if target else None
        theirs = _tabs(workload, number, at, user, session, cancelled, questions or QUESTIONS, shape)
        owners.update((canary, number) for tab in theirs for turn in tab.turns for canary in turn.plants)
        tabs += theirs
    chance = random.Random(f"{workload.seed} controls")  # noqa: S311
    controls = tuple(people.order(chance) for _ in range(CONTROLS))
    facts = {session: people.order(random.Random(f"{workload.seed} {n} fact")) for n, session in enumerate(sessions)}  # noqa: S311
    return Plan(tuple(tabs), tuple(sessions), tuple(users), controls, owners, facts)


def _tabs(
    workload: Workload,
    number: int,
    at: float,
    user: str,
    session: str,
    cancelled: float,
    questions: Sequence[str],
    shape: str | None,
) -> list[Tab]:
    """One person's: each fact is stated, and corrected, in one of the tabs alone, so that none contradicts another."""
    median, spread = workload.latencies()
    # A document has to state something.
    asked = None if shape == "first" and SCENES[workload.scene].uploads and number % 2 == 0 else shape
    chances = [random.Random(f"{workload.seed} {number} {tab}") for tab in range(workload.tabs)]  # noqa: S311 - reproducible is what it has to be
    facts = people.facts(chances[0], number)
    states = [_stated_in(tab, workload.tabs) for tab in range(workload.tabs)]
    writers = [Writer(chance, facts, stated, questions, shape) for chance, stated in zip(chances, states, strict=True)]
    op, tabs = number * workload.tabs * workload.turns, []
    for tab, (chance, writer) in enumerate(zip(chances, writers, strict=True)):
        turns = []
        for n, about in enumerate(script(workload.turns, asked)):
            wait = median * math.exp(spread * chance.gauss(0, 1)) if spread else median
            goes = n > 0 and chance.random() < cancelled
            gives_up = chance.randrange(1, 4) if goes else None
            said = writer.write(about, goes)
            told = said.text, said.plants, said.expects, said.about
            turns.append(Planned(op, user, session, tab, n, *told, wait, gives_up, hints=said.hints, shape=said.shape))
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
