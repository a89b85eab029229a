"""The load of `bench overload`, in a process of its own: browsers that together ask so many questions a second.

Each keeps a connection and a cookie jar, asks when its time has come, and waits for what comes back; after five answers
it is a new visitor. A job is a line of JSON on standard input, its result a line on standard output.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field

from rag.web.bench.load import exchange, kept

TURNS = 5
"""Answers of a conversation."""
IDLE = 3.0
"""Seconds after which a connection is made anew: the server gives one up after five."""


@dataclass(frozen=True, slots=True)
class Job:
    """rate: questions a second, of all clients together; 0: each asks again at once. What comes back within the first
    `before` seconds is left out."""

    port: int
    clients: int
    rate: float
    questions: list[str]
    before: float
    seconds: float
    path: str = "/api/chat"


@dataclass(slots=True)
class Result:
    """Seconds of each answer and of each refusal. wrong: up to three that were neither, or another session's."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    cpu: float = 0.0


async def perform(job: Job) -> Result:
    result, cpu, begun = Result(), time.process_time(), time.perf_counter()
    await asyncio.gather(*(_browse(job, client, result, begun) for client in range(job.clients)))
    result.cpu = time.process_time() - cpu
    return result


async def _browse(job: Job, client: int, result: Result, begun: float) -> None:
    rng = random.Random(client)  # noqa: S311 (when somebody asks is no secret)
    reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
    cookie, session, turns, due = b"", "", 0, begun
    used, end = time.perf_counter(), begun + job.before + job.seconds
    try:
        for number in range(client, sys.maxsize):
            if job.rate:
                due = max(due + rng.expovariate(job.rate / job.clients), time.perf_counter())
                await asyncio.sleep(due - time.perf_counter())
            if time.perf_counter() - used > IDLE:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
            asked = time.perf_counter()
            if asked > end or result.wrong:
                return
            question = job.questions[number % len(job.questions)]
            status, headers, body = await exchange(reader, writer, job.path, cookie, question)
            now = used = time.perf_counter()
            counts = begun + job.before < now <= end
            if status == 200:
                answer = json.loads(body)
                if not answer["answer"] or (session and answer["session"] != session) or answer["turn"] != turns + 1:
                    _fail(result, f"turn {turns + 1} of {session} became {answer['turn']} of {answer['session']}")
                cookie, session, turns = kept(headers, cookie), answer["session"], turns + 1
                if turns == TURNS:
                    cookie, session, turns = b"", "", 0
                if counts:
                    result.answered.append(now - asked)
            elif status in (429, 503) and headers.get(b"retry-after", b"").isdigit():
                if counts:
                    result.refused.append(now - asked)
            else:
                _fail(result, f"status {status}: {body[:300].decode(errors='replace')}")
    except (OSError, EOFError) as exc:
        _fail(result, f"the server closed a connection ({exc})")
    finally:
        writer.close()


def _fail(result: Result, what: str) -> None:
    if len(result.wrong) < 3:
        result.wrong.append(what)


def main() -> None:
    for line in sys.stdin:
        result = asyncio.run(perform(Job(**json.loads(line))))
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
