"""Runs a workload against a strategy or a target, writes the log as it goes, and has it checked.

Bounded: threads by `in_flight`, memory by the plan, the log on disk. Stopped at any moment, or left by the memory that
it runs on, it still says what the turns that ran have shown. What a run stored under its own session ids is deleted at
its end.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from rag.crosstalk.checker.check import Checker, Report
from rag.crosstalk.checker.findings import BRIEF
from rag.crosstalk.checker.observed import LEFT
from rag.crosstalk.explore.causes import explored
from rag.crosstalk.log.events import (
    Control,
    Delete,
    Document,
    Event,
    Fail,
    History,
    Info,
    Invoke,
    Message,
    Ok,
    Prompt,
    Retrieved,
)
from rag.crosstalk.log.writer import LogWriter
from rag.crosstalk.run.conversation import OWN, SCENES, pairs
from rag.crosstalk.run.crowd import Crowd, Flight
from rag.crosstalk.run.ending import Lost, clean_up, read_all
from rag.crosstalk.run.hosts import Host, Served, StrategyHost, Target, TargetHost
from rag.crosstalk.run.liveness import Liveness, said
from rag.crosstalk.run.model import MakeModel, made
from rag.crosstalk.run.processes import ProcessGone, ProcessHost
from rag.crosstalk.run.results import MOST_STEPS, Figures, RunResult
from rag.crosstalk.run.watch import LiveCheck, Progress, Watch, percentile
from rag.crosstalk.run.workload import BadWorkload, Plan, Planned, Tab, Workload, plan
from rag.crosstalk.strategies import Lab, find

WINDOW = 20
EVERY = 0.1
PASSAGES = 3


class Passage(Protocol):
    """What a library's search returns."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def private(self) -> bool: ...


Search = Callable[[str, int, str], Sequence[Passage]]
"""From text, how many and session id to passages."""


def simulate(
    strategy: str | Target,
    workload: Workload | None = None,
    *,
    lab: Lab | None = None,
    log: Path | None = None,
    model: MakeModel | None = None,
    search: Search | None = None,
    questions: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    verdict: Callable[[Report], None] | None = None,
    stop: threading.Event | None = None,
    window: int | None = WINDOW,
    require_memory: bool = False,
    apart: bool = False,
) -> RunResult:
    """Run it and check what happened. Blocks; `stop` ends it at once, from any thread.

    strategy: a name, or a black box. lab: where it may store; None: places of its own, that are gone afterwards.
    log: keep the operation log there. model: None: the mirror. search: of a library, for the users' questions to it.
    window: turns of memory that a prompt holds; None: all of it. require_memory: as `check` takes it.
    apart: serve from another process even if it is only one, so that a restart ends it.
    verdict: is given a brief report as soon as one stands, before all that went wrong is counted.
    A store that is lost on the way ends the run early.
    Raises UnknownStrategy, BadWorkload, and what opening the strategy's store raises.
    """
    workload = workload or Workload()
    kind = find(strategy) if isinstance(strategy, str) else None
    if kind is None and (workload.processes > 1 or workload.restart):
        name = "processes" if workload.processes > 1 else "restart"
        raise BadWorkload(name, getattr(workload, name), "1 process and no restart for a target, which runs elsewhere")
    cancelled = kind.cancels if workload.cancelled is None and kind else workload.cancelled or 0.0
    run = uuid.uuid4().hex[:8]
    planned = plan(workload, run, cancelled, questions, target=kind is None)
    if not isinstance(strategy, str):
        beside = strategy.expect(planned.sessions, workload.scene, planned.facts)
        planned = planned.told_beside() if beside else planned
    elif pairs(workload.scene):
        raise BadWorkload("scene", workload.scene, f"{OWN} for a strategy: scenes are for targets with a login")
    live = LiveCheck(Checker(window=window, require_memory=require_memory, keeps=kind is None or kind.keeps))
    with closing(live), _places(lab, run, log) as (own, path), LogWriter(path, live.take) as writer:
        one = _Run(
            workload,
            planned,
            writer,
            live,
            stop or threading.Event(),
            search,
            progress,
            own if kind and kind.uses_redis else None,
            kind.left(own) if kind else "",
            window,
        )
        histories = one.serve(_host(strategy, own, model, one, apart=apart))
        if not isinstance(strategy, str):
            one.deleted(strategy)
        writer.close()
        checker = live.close()
        one.say("checking")
        if verdict is not None:
            verdict(one.judged(checker.report(BRIEF)))
        report = one.judged(checker.report())
        if isinstance(strategy, str) and one.lost is None and not one.stopped:
            report = explored(report, strategy, own)
        name = strategy if isinstance(strategy, str) else strategy.name
        return RunResult(
            name,
            run,
            workload,
            cancelled,
            report,
            one.figures(),
            one.stopped,
            histories,
            tuple(one.problems),
            log,
            one.lost,
            one.left,
            () if isinstance(strategy, str) or not strategy.note else (strategy.note,),
            tuple(checker.steps()[:MOST_STEPS]),
        )


@dataclass(slots=True)
class _Run:
    """One run while it goes on. given: ends it, from outside. lab: whose round trips are counted. leaves: what stays
    where its traces cannot be deleted."""

    workload: Workload
    plan: Plan
    log: LogWriter
    live: LiveCheck
    given: threading.Event
    search: Search | None
    progress: Callable[[Progress], None] | None
    lab: Lab | None
    leaves: str
    window: int | None
    stop: threading.Event = field(default_factory=threading.Event)
    """Ours: a run that ends because its memory is lost ends no other one that was given the same event."""
    watch: Watch = field(init=False)
    open: set[int] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    """Canaries of acknowledged turns, where several tabs of a session may ask for them."""
    flight: Flight = field(default_factory=Flight)
    problems: list[str] = field(default_factory=list)
    stopped: bool = False
    zero: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    reads: int | None = None
    gone: str = ""
    """Why the memory was given up while turns were to come, in one line; empty: it was not."""
    doubtful: bool = False
    lost: Lost | None = None
    left: str = ""

    def __post_init__(self) -> None:
        self.watch = Watch(self.plan, self.window)

    def serve(self, host: Host) -> int | None:
        """All turns, then the final reads; closes the host. Returns how many sessions were read."""
        try:
            for canary in self.plan.controls:
                self.log.write(Control(canary))
            self.zero = time.monotonic()
            self._legs(host)
            self.stopped = self.given.is_set()
            self.say("reading")
            read = read_all(host, self.plan.sessions, self._stored, self.given, doubtful=self.doubtful)
            if reason := self.gone or read.problem:
                self.lost = self._lost(read.count, reason)
            self.left = clean_up(host, self.plan.sessions, self.leaves, lost=self.lost is not None)
        finally:
            host.close()
        return read.count or None

    def say(self, phase: str) -> None:
        if self.progress is not None:
            seconds = time.monotonic() - self.zero if phase == "serving" else self.seconds
            self.progress(self.watch.moment(phase, seconds, self.flight.now, self.live.found))

    def write(self, event: Event) -> None:
        self.log.write(event)
        if isinstance(event, Prompt):
            self.watch.prompt(event)

    def judged(self, report: Report) -> Report:
        """With what is not known where the memory was lost."""
        return report if self.lost is None else self.lost.judged(report)

    def deleted(self, target: Target) -> None:
        """What users asked to have deleted."""
        users = dict(zip(self.plan.sessions, self.plan.users, strict=True))
        for one in target.deletions:
            self.log.write(Delete(one.session, users[one.by], one.at - self.zero, one.answered, one.gone))

    def figures(self) -> Figures:
        watch, times = self.watch, sorted(self.watch.times)
        return Figures(
            self.seconds,
            watch.turns,
            watch.answered,
            watch.failed,
            watch.given_up,
            watch.answered / self.seconds if self.seconds else 0.0,
            percentile(times, 0.5),
            percentile(times, 0.95),
            percentile(times, 0.99),
            {phase: total / count for phase, (total, count) in watch.phases.items()},
            self.flight.peak,
            self.flight.mean,
            self.reads / watch.answered if self.reads is not None and watch.answered else None,
        )

    def _legs(self, host: Host) -> None:
        turns = self.workload.turns
        half = (turns + 1) // 2 if self.workload.restart else turns
        if pairs(self.workload.scene):
            first, second = ([tab for tab in self.plan.tabs if tab.user % 2 == which] for which in (0, 1))
            again = SCENES[self.workload.scene].again
            self._leg(host, 0, turns - again, first)
            self._leg(host, 0, turns, second)
            if again:
                self._leg(host, turns - 1, turns, first)
            return
        self._leg(host, 0, half)
        if not self.workload.restart or self.stop.is_set():
            return
        try:
            host.restart()
        except Exception as exc:  # whatever opening the memory again raises
            self.gone, self.doubtful = said(exc), True
        else:
            self._leg(host, half, turns)

    def _leg(self, host: Host, first: int, last: int, tabs: Sequence[Tab] | None = None) -> None:
        alive = Liveness(partial(self._ask, host), lambda: (self.watch.answered, self.watch.failed))

        def look() -> None:
            self.say("serving")
            if self.given.is_set() or alive.lost():
                self.stop.set()

        if self.given.is_set():
            self.stop.set()
        crowd = Crowd(
            self.plan.tabs if tabs is None else tabs,
            first,
            last,
            start=self.zero,
            think=self.workload.think,
            threads=self.workload.in_flight,
            play=partial(self._play, host),
            stop=self.stop,
        )
        begun, reads = time.monotonic(), self._reads()
        crowd.run(look, EVERY)
        self.gone, self.doubtful = alive.problem, alive.doubtful
        with suppress(KeyError):
            while True:
                self._close(self.open.pop())
        self.seconds += time.monotonic() - begun
        if reads is not None and (now := self._reads()) is not None:
            self.reads = (self.reads or 0) + now - reads

    def _reads(self) -> int | None:
        """As `Lab.reads`; None also where the server is gone: the figure is not worth the run."""
        if self.lab is None or self.gone:
            return None
        try:
            return self.lab.reads()
        except Exception:
            return None

    def _ask(self, host: Host) -> None:
        """Whether the memory answers."""
        with suppress(ProcessGone):
            host.history(self.plan.sessions[0])

    def _play(self, host: Host, turn: Planned) -> None:
        expects = self._expected(turn)  # before it is sent: what is acknowledged by then has to be there
        self.watch.begun(turn)
        begun = self.flight.enter()
        self.open.add(turn.op)
        self.log.write(
            Invoke(
                turn.op,
                turn.user,
                turn.session,
                begun - self.zero,
                turn.text,
                tab=turn.tab,
                process=host.process(turn),
                plants=turn.plants,
                expects=expects,
                window=self.window,
                hints=turn.hints,
                shape=turn.shape,
            )
        )
        passages, looked = self._passages(turn)
        served = host.serve(turn, passages)
        ended = self.flight.leave()
        try:
            self.open.remove(turn.op)
        except KeyError:
            return  # the run was stopped meanwhile, and said so in the log
        if looked:
            served = replace(served, phases={**served.phases, "retrieve": looked})
        self._ended(turn, served, ended - self.zero)
        self.watch.ended(turn, served, ended - begun)

    def _close(self, op: int) -> None:
        self.log.write(Info(op, time.monotonic() - self.zero, "the memory was lost" if self.gone else "stopped"))
        self.watch.given_up += 1

    def _expected(self, turn: Planned) -> tuple[str, ...]:
        others = [canary for canary in turn.others if canary in self.heard]
        return tuple(canary for canary in (*turn.expects, *others) if canary not in self.unsure)

    def _ended(self, turn: Planned, served: Served, at: float) -> None:
        if served.end == "ok":
            phases = {phase: round(took, 6) for phase, took in served.phases.items()}
            self.log.write(Ok(turn.op, at, served.text, served.completion), phases=phases)
            if self.workload.tabs > 1:
                self.heard.update(turn.plants)
            return
        # Whether it was ever heard is not known, so nobody can be expected to repeat it.
        self.unsure.update(turn.plants)
        own = served.text.startswith(LEFT)
        if served.end == "info" and not own:
            # It may still take effect, and then be newer than what corrects it.
            later = self.plan.tabs[turn.op // self.workload.turns].turns[turn.number + 1 :]
            self.unsure.update(canary for one in later for canary in one.plants)
        kind = Fail if served.end == "fail" else Info
        self.log.write(kind(turn.op, at, served.text))
        if len(self.problems) < 5 and not own:
            self.problems.append(served.text)

    def _passages(self, turn: Planned) -> tuple[Sequence[Document], float]:
        if self.search is None or turn.about != "library":
            return (), 0.0
        begun = time.perf_counter()
        found = [
            Document(passage.id, turn.session if passage.private else "shared", passage.text)
            for passage in self.search(turn.text, PASSAGES, turn.session)
        ]
        self.log.write(Retrieved(turn.op, tuple(found)))
        return found, time.perf_counter() - begun

    def _stored(self, session: str, messages: Sequence[Message]) -> None:
        self.log.write(History(session, time.monotonic() - self.zero, tuple(messages)))

    def _lost(self, read: int, reason: str) -> Lost:
        watch = self.watch
        serving = bool(self.gone or watch.failed)
        return Lost(serving, watch.answered, watch.turns, read, len(self.plan.sessions), reason)


def _host(strategy: str | Target, lab: Lab, model: MakeModel | None, run: _Run, *, apart: bool) -> Host:
    if not isinstance(strategy, str):
        return TargetHost(strategy, run.stop)
    count, threads = run.workload.processes, run.workload.in_flight
    if count > 1 or apart:
        return ProcessHost(strategy, lab, count, threads, model, run.window, run.stop, run.write)
    return StrategyHost(strategy, lab, made(model), run.window, run.stop, run.write)


@contextmanager
def _places(lab: Lab | None, run: str, log: Path | None) -> Iterator[tuple[Lab, Path]]:
    """A lab of this run, whose folder goes with it, and where the log is written."""
    base = None if lab is None else lab.folder
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"sim-{run}-", dir=base))
    try:
        if lab is None:
            with Lab(work, f"sim:{run}:", state_dir=work) as own:
                yield own, log or work / "log.jsonl"
        else:
            yield replace(lab, folder=work, prefix=f"{lab.prefix}{run}:"), log or work / "log.jsonl"
    finally:
        shutil.rmtree(work, ignore_errors=True)
