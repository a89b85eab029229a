"""The load of `bench overload`, in a process of its own: browsers that ask again at once, or questions that come
however long the answers take.

Each browser keeps a connection and a cookie jar, and after five answers it is a new visitor. With a rate, questions
come at random times of their own (a Poisson process: an open system), each from the browser that has rested longest; if
none has its answer yet, from a further one. Browsers that ask when they have an answer would ask the less the slower
that is, and never twice of what is answered (Schroeder, Wierman, Harchol-Balter, "Open versus closed", NSDI 2006).

A job is a line of JSON on standard input, its result a line on standard output.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from rag.web.bench.load import exchange, kept

TURNS = 5
"""Answers of a conversation."""
IDLE = 3.0
"""Seconds after which a connection is made anew: the server gives one up after five."""


@dataclass(frozen=True, slots=True)
class Job:
    """rate: questions a second, of all together; 0: each of the clients asks again at once. clients: the fewest there
    are. What comes back within the first `before` seconds is left out."""

    port: int
    clients: int
    rate: float
    questions: list[str]
    before: float
    seconds: float
    path: str = "/api/chat"


@dataclass(slots=True)
class Result:
    """asked: how often. Seconds of each answer and of each refusal, from when it was due. browsers: how many there
    were. wrong: up to three that were neither, or another session's."""

    asked: int = 0
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    browsers: int = 0
    cpu: float = 0.0

    def fail(self, what: str) -> None:
        if len(self.wrong) < 3:
            self.wrong.append(what)


async def perform(job: Job) -> Result:
    run, cpu = _Run(job), time.process_time()
    await (run.by_rate() if job.rate else run.at_once())
    run.result.cpu = time.process_time() - cpu
    return run.result


class _Run:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.result = Result()
        self.begun = time.perf_counter()
        self.end = self.begun + job.before + job.seconds
        self.browsers = [_Browser(self) for _ in range(job.clients)]
        self._asked = 0

    def question(self) -> str:
        self._asked += 1
        return self.job.questions[self._asked % len(self.job.questions)]

    @property
    def over(self) -> bool:
        return time.perf_counter() > self.end or bool(self.result.wrong)

    async def at_once(self) -> None:
        await asyncio.gather(*(self._again_and_again(browser) for browser in self.browsers))
        self._close()

    async def _again_and_again(self, browser: _Browser) -> None:
        while not self.over:
            await browser.ask(time.perf_counter())

    async def by_rate(self) -> None:
        rng, rested, due = random.Random(0), deque(self.browsers), self.begun  # noqa: S311 (no secret)

        async def ask(browser: _Browser, due: float) -> None:
            await browser.ask(due)
            rested.append(browser)

        async with asyncio.TaskGroup() as asking:
            while (due := due + rng.expovariate(self.job.rate)) <= self.end and not self.result.wrong:
                await asyncio.sleep(due - time.perf_counter())
                if not rested:
                    self.browsers.append(_Browser(self))
                    rested.append(self.browsers[-1])
                asking.create_task(ask(rested.popleft(), due))
        self._close()

    def _close(self) -> None:
        self.result.browsers = len(self.browsers)
        for browser in self.browsers:
            browser.close()


class _Browser:
    """Asks one question after the other."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._connection: tuple[StreamReader, StreamWriter] | None = None
        self._used = 0.0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._cookie, self._session, self._turns = b"", "", 0

    async def ask(self, due: float) -> None:
        job, result = self._run.job, self._run.result
        result.asked += due > self._run.begun + job.before
        try:
            reader, writer = await self._connected()
            status, headers, body = await exchange(reader, writer, job.path, self._cookie, self._run.question())
        except (OSError, EOFError) as exc:
            result.fail(f"the server closed a connection ({exc})")
            return
        now = self._used = time.perf_counter()
        counts = self._run.begun + job.before < now <= self._run.end
        if status == 200:
            self._keep(headers, body)
            if counts:
                result.answered.append(now - due)
        elif status in (429, 503) and headers.get(b"retry-after", b"").isdigit():
            if counts:
                result.refused.append(now - due)
        else:
            result.fail(f"status {status}: {body[:300].decode(errors='replace')}")

    async def _connected(self) -> tuple[StreamReader, StreamWriter]:
        if self._connection is None or time.perf_counter() - self._used > IDLE:
            self.close()
            self._connection = await asyncio.open_connection("127.0.0.1", self._run.job.port)
        return self._connection

    def _keep(self, headers: dict[bytes, bytes], body: bytes) -> None:
        answer, turn = json.loads(body), self._turns + 1
        if not answer["answer"] or self._session not in ("", answer["session"]) or answer["turn"] != turn:
            told = f"turn {turn} of {self._session} became {answer['turn']} of {answer['session']}"
            self._run.result.fail(told)
        self._cookie, self._session, self._turns = kept(headers, self._cookie), answer["session"], turn
        if turn == TURNS:
            self._begin_anew()

    def close(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection[1].close()


def main() -> None:
    for line in sys.stdin:
        result = asyncio.run(perform(Job(**json.loads(line))))
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
