"""The load of `bench served`, in a process of its own: many browsers that ask one question after another.

Each client keeps a connection and a cookie jar, holds one conversation and begins the next as a new visitor. HTTP/1.1
is written and read by hand: a client library takes longer than the server does.

A job is a line of JSON on standard input, its result a line on standard output. What was answered to a conversation the
first time has to be answered to it every time: whoever asks alone first says what is right.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """For so many `seconds`; without, every conversation once. `name` says whose answers they are.

    Clients are dealt to the `ports` in turn, as a balancer in front of several processes does.
    """

    name: str
    ports: list[int]
    clients: int
    conversations: list[list[str]]
    path: str = "/api/chat"
    seconds: float | None = None


@dataclass(slots=True)
class Result:
    """Seconds of each turn, and how many of them ended `in_time`; `cpu` seconds of this process.

    Those that were begun in time and ended later, one of each client, are as long as any; they are no part of a rate.
    `wrong`: up to three answers that are not what they were before, of another session, or none at all.
    """

    latencies: list[float] = field(default_factory=list)
    in_time: int = 0
    cpu: float = 0.0
    wrong: list[str] = field(default_factory=list)


class _Run:
    def __init__(self, job: Job, right: dict[tuple[int, int], str]) -> None:
        self.job = job
        self.right = right
        self.result = Result()
        self.sessions: set[str] = set()
        self.deadline = time.perf_counter() + job.seconds if job.seconds else float("inf")
        self._next = 0

    def conversation(self) -> int | None:
        """The number of the one that a free client holds next; None at the end."""
        number = self._next
        if time.perf_counter() >= self.deadline or self.result.wrong:
            return None
        if self.job.seconds is None and number >= len(self.job.conversations):
            return None
        self._next += 1
        return number % len(self.job.conversations)

    def checked(self, answer: dict[str, Any], number: int, turn: int, session: str) -> str:
        """The session that answered a turn of a conversation, `session` before."""
        text = f"{answer['model']}: {answer['answer']}"
        right = self.right.setdefault((number, turn), text)
        if not answer["answer"] or text != right:
            self.fail(f"{text!r} instead of {right!r}")
        if not turn:
            session = answer["session"]
            if session in self.sessions:
                self.fail(f"a new visitor got the session {session} of another one")
        if (answer["session"], answer["turn"]) != (session, turn + 1):
            self.fail(f"turn {turn + 1} of {session} became {answer['turn']} of {answer['session']}")
        self.sessions.add(session)
        return session

    def fail(self, what: str) -> None:
        if len(self.result.wrong) < 3:
            self.result.wrong.append(what)


async def _browse(run: _Run, client: int) -> None:
    port = run.job.ports[client % len(run.job.ports)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (number := run.conversation()) is not None:
            await _converse(run, number, reader, writer)
    except (OSError, EOFError) as exc:
        run.fail(f"the server closed a connection ({exc})")
    finally:
        writer.close()


async def _converse(run: _Run, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    job, result = run.job, run.result
    cookie, session = b"", ""
    for turn, question in enumerate(job.conversations[number]):
        asked = time.perf_counter()
        status, headers, received = await exchange(reader, writer, job.path, cookie, question)
        now = time.perf_counter()
        result.latencies.append(now - asked)
        result.in_time += now <= run.deadline
        if status != 200:
            run.fail(f"status {status}: {received[:300].decode(errors='replace')}")
            return
        cookie = kept(headers, cookie)
        session = run.checked(json.loads(received), number, turn, session)
        if now > run.deadline:
            return


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, cookie: bytes, question: str
) -> tuple[int, dict[bytes, bytes], bytes]:
    """A question and what comes back: status, headers and body. cookie: as `kept` makes it."""
    body = json.dumps({"message": question}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
    writer.write(b"%s%sContent-Length: %d\r\n\r\n%s" % (head, cookie, len(body), body))
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
    headers = dict(line.split(b": ", 1) for line in lines)
    received = await reader.readexactly(int(headers.get(b"content-length", 0)))
    return int(status[9:12]), headers, received


def kept(headers: dict[bytes, bytes], cookie: bytes) -> bytes:
    """The header with the cookie that a browser sends from now on."""
    return b"Cookie: %s\r\n" % headers[b"set-cookie"].partition(b";")[0] if b"set-cookie" in headers else cookie


async def perform(job: Job, right: dict[tuple[int, int], str]) -> Result:
    """`right`: the answers by conversation and turn; what is not in it yet is added."""
    run, cpu = _Run(job, right), time.process_time()
    await asyncio.gather(*(_browse(run, client) for client in range(job.clients)))
    run.result.cpu = time.process_time() - cpu
    return run.result


def main() -> None:
    answers: dict[str, dict[tuple[int, int], str]] = {}
    for line in sys.stdin:
        job = Job(**json.loads(line))
        result = asyncio.run(perform(job, answers.setdefault(job.name, {})))
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
