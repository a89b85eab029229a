"""A correct store behind one transport for all clients, which routes each answer by the id of its request."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable
from typing import ClassVar

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import AMNESIA, LOST_APPEND, kinds
from rag.crosstalk.strategies.base import Asked, Lab, PerSession, Steps, Wait, pair, question


class Reply:
    """What one client waits for."""

    def __init__(self) -> None:
        self.text = ""
        self.arrived = threading.Event()


class Transport:
    """An answer goes to who waits for its id; of several, to the one who asked first. As many wait for an id as answers
    with it are to come. Thread-safe."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: defaultdict[Hashable, list[Reply]] = defaultdict(list)
        self.counts: defaultdict[str, int] = defaultdict(int)

    def number(self, client: str) -> int:
        """Each client counts its own requests: 1, 2, 3."""
        with self.lock:
            self.counts[client] += 1
            return self.counts[client]

    def expect(self, request: Hashable) -> Reply:
        reply = Reply()
        with self.lock:
            self.waiting[request].append(reply)
        return reply

    def deliver(self, request: Hashable, text: str) -> None:
        with self.lock:
            reply = self.waiting[request].pop(0)
        reply.text = text
        reply.arrived.set()

    def withdraw(self, request: Hashable, reply: Reply) -> None:
        """Of a request that will have no answer. What it was given meanwhile goes to the next one."""
        with self.lock:
            if reply in self.waiting[request]:
                self.waiting[request].remove(reply)
                return
        self.deliver(request, reply.text)


class ResponseRouter(PerSession):
    name = "response-router"
    title = "Answers routed by request number"
    place = 185
    lesson = "An id that each client counts for itself names no request where all clients share a transport."
    wrong = (
        "Every history is right, and so is every prompt. But the answers come back over one transport that tells them "
        "apart by request id alone, and every client's first request is number 1: of two under way with one number, "
        "each may get the other's answer."
    )
    seen: ClassVar[tuple[str, ...]] = (
        "CVE-2026-25536 (GHSA-345p-7cg4-v4c7): the MCP TypeScript SDK before 1.26.0",
        "microsoft/azure-devops-mcp#966",
    )
    fix = "Give each client a transport of its own, or route by client and id: routed-by-client."
    expects = kinds(kind.FOREIGN_READ, kind.SWAPPED_ANSWER)
    expects_processes = kinds(AMNESIA, LOST_APPEND)
    expects_restart = kinds(AMNESIA, LOST_APPEND)

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.transport = Transport()
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def turn(self, asked: Asked) -> Steps:
        yield "ask: send the request"
        number = self.transport.number(asked.session)
        return (yield from self.routed(number, asked))  # the bug

    def routed(self, request: Hashable, asked: Asked) -> Steps:
        reply = self.transport.expect(request)
        try:
            answer = yield from self.served(asked)
        except BaseException:  # cancelled
            self.transport.withdraw(request, reply)
            raise
        self.transport.deliver(request, answer)
        yield Wait("wait for the answer", reply.arrived.is_set)
        reply.arrived.wait()
        return reply.text

    def served(self, asked: Asked) -> Steps:
        lock = self.locks[asked.session]
        yield Wait("wait for the session, load", lambda: not lock.locked())
        with lock:
            history = list(self.histories[asked.session])
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn"
            self.histories[asked.session].extend(pair(asked, answer))
        return answer
