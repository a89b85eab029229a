"""One process of a run (see `processes`): reads orders from standard input and answers on standard output, in pickles.

It ends with its parent: the end of standard input is the last order.
"""

from __future__ import annotations

import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from rag.crosstalk.child_process import serve
from rag.crosstalk.log.events import Event
from rag.crosstalk.run.hosts import StrategyHost
from rag.crosstalk.run.liveness import said
from rag.crosstalk.run.model import made
from rag.errors import CrosswireError


class Service:
    """Answers orders, each in a thread of the pool."""

    def __init__(self, orders: IO[bytes], replies: IO[bytes]) -> None:
        self._orders = orders
        self._replies = replies
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self) -> None:
        sys.path[:] = pickle.load(self._orders)  # noqa: S301 - from our parent, as everything here
        name, lab, threads, model, window = pickle.load(self._orders)  # noqa: S301
        what, opened, _ = pickle.load(self._orders)  # noqa: S301
        if what == "close":  # another process could not start
            return
        try:
            host = StrategyHost(name, lab, made(model), window, self._stop, self._log)
        except Exception as exc:  # the parent says it
            self._reply(opened, said(exc))
            return
        self._reply(opened, None)
        with lab:
            with ThreadPoolExecutor(threads + 1) as pool:  # one for reads while every turn waits
                self._obey(host, pool)
                self._stop.set()
            host.close()

    def _obey(self, host: StrategyHost, pool: ThreadPoolExecutor) -> None:
        while True:
            try:
                what, number, arguments = pickle.load(self._orders)  # noqa: S301
            except EOFError:
                return
            if what == "close":
                return
            if what == "stop":
                self._stop.set()
            else:
                pool.submit(self._answer, number, getattr(host, what), arguments)

    def _answer(self, number: int, call: Any, arguments: tuple[Any, ...]) -> None:
        try:
            reply = call(*arguments)
        except Exception as exc:  # of `history` and `forget`: the parent raises it
            reply = CrosswireError(said(exc))
        self._reply(number, reply)

    def _log(self, event: Event) -> None:
        self._reply(0, event)

    def _reply(self, number: int, reply: Any) -> None:
        data = pickle.dumps((number, reply))
        with self._lock:
            self._replies.write(data)
            self._replies.flush()


def main() -> None:
    serve(lambda orders, replies: Service(orders, replies).run())


if __name__ == "__main__":
    main()
