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
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Job:
    """For so many `seconds`; without, every conversation once. `name` says whose answers they are."""

    name: str
    port: int
    clients: int
    conversations: list[list[str]]
    path: str = "/api/chat"
    seconds: float | None = None


@dataclass(slots=True)
class Result:
    """All `turns`, and the seconds of each that ended in time; `cpu` seconds of this process.

    `wrong`: up to three answers that are not what they were before, of another session, or none at all.
    """

    turns: int = 0
    latencies: list[float] = field(default_factory=list)
    cpu: float = 0.0
    wrong: list[str] = field(default_factory=list)


class _Run:
    def __init__(self, job: Job, right: dict[tuple[int, int], str]) -> None:
        self.job = job
        self.right = right
        self.result = Result()
        self.sessions: set[str] = set()
        self.ended = asyncio.get_running_loop().create_future()
        self.deadline = time.perf_counter() + job.seconds if job.seconds else float("inf")
        self._next = 0
        self._open = job.clients

    def conversation(self) -> int | None:
        """The number of the one that a free client holds next; None at the end."""
        number = self._next
        if time.perf_counter() >= self.deadline or self.result.wrong:
            return None
        if self.job.seconds is None and number >= len(self.job.conversations):
            return None
        self._next += 1
        return number % len(self.job.conversations)

    def fail(self, what: str) -> None:
        if len(self.result.wrong) < 3:
            self.result.wrong.append(what)

    def left(self) -> None:
        self._open -= 1
        if not self._open:
            self.ended.set_result(None)


class _Browser(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._begin()

    def _begin(self) -> None:
        number = self._run.conversation()
        if number is None:
            self._done = True
            self._transport.close()
            return
        self._number, self._turn, self._cookie, self._session = number, 0, b"", ""
        self._ask()

    def _ask(self) -> None:
        body = json.dumps({"message": self._run.job.conversations[self._number][self._turn]}).encode()
        head = (
            b"POST /api/chat HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n" % self._run.job.port
        )
        self._asked = time.perf_counter()
        self._transport.write(b"%s%sContent-Length: %d\r\n\r\n%s" % (head, self._cookie, len(body), body))

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        headers = dict(line.split(b": ", 1) for line in received[:end].split(b"\r\n")[1:])
        length = int(headers.get(b"content-length", 0))
        if len(received) >= end + 4 + length:
            self._received = b""
            self._answered(received[9:12], headers, received[end + 4 :])

    def _answered(self, status: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
        run, now = self._run, time.perf_counter()
        run.result.turns += 1
        if now <= run.deadline:
            run.result.latencies.append(now - self._asked)
        if status != b"200":
            run.fail(f"status {status.decode()}: {body[:300].decode(errors='replace')}")
            self._transport.close()
            return
        if b"set-cookie" in headers:
            self._cookie = b"Cookie: %s\r\n" % headers[b"set-cookie"].partition(b";")[0]
        self._check(json.loads(body))
        self._turn += 1
        if self._turn == len(run.job.conversations[self._number]) or now > run.deadline:
            self._begin()
        else:
            self._ask()

    def _check(self, answer: dict[str, Any]) -> None:
        run = self._run
        text = f"{answer['model']}: {answer['answer']}"
        right = run.right.setdefault((self._number, self._turn), text)
        if not answer["answer"] or text != right:
            run.fail(f"{text!r} instead of {right!r}")
        if not self._turn:
            self._session = answer["session"]
            if self._session in run.sessions:
                run.fail(f"a new visitor got the session {self._session} of another one")
        if (answer["session"], answer["turn"]) != (self._session, self._turn + 1):
            run.fail(f"turn {self._turn + 1} of {self._session} became {answer['turn']} of {answer['session']}")
        run.sessions.add(self._session)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done:
            self._run.fail(f"the server closed a connection ({exc})")
        self._run.left()


async def perform(job: Job, right: dict[tuple[int, int], str]) -> Result:
    """`right`: the answers by conversation and turn; what is not in it yet is added."""
    run, loop = _Run(job, right), asyncio.get_running_loop()
    cpu = time.process_time()
    await asyncio.gather(
        *(loop.create_connection(lambda: _Browser(run), "127.0.0.1", job.port) for _ in range(job.clients))
    )
    await run.ended
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
