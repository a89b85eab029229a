"""What a load balancer asks: `/healthz`, which answers while the process lives, and `/readyz`, whether turns can be
answered and stored. They say whether things work and nothing else: no addresses, no versions, no names."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from rag.errors import CrosswireError, StoreDiskFull
from rag.services import Services

State = Literal["ok", "disk full", "unavailable"]
UNCACHED = {"Cache-Control": "no-store"}
FRESH = 1.0
"""Seconds for which an answer stands, so that many who ask cost no more than one."""


class Health:
    """200 while turns can be answered and stored, 503 when not. Degraded: what is stored can still be read. Draining:
    this process was asked to stop, and still answers."""

    def __init__(self, services: Callable[[], Services], draining: Callable[[], bool] = lambda: False) -> None:
        self._services = services
        self._draining = draining
        self._asked_at = 0.0
        self._asked: asyncio.Task[dict[str, str]] | None = None

    async def answer(self) -> Response:
        """Everybody who asks while a check is under way waits for that one, in no thread."""
        now = time.monotonic()
        if self._asked is None or (self._asked.done() and now - self._asked_at >= FRESH):
            self._asked_at = now
            self._asked = asyncio.create_task(run_in_threadpool(self.check))
        found = await asyncio.shield(self._asked)
        if self._draining():
            found = {**found, "status": "draining"}
        status = 200 if found["status"] == "ok" else 503
        return JSONResponse(found, status_code=status, headers=UNCACHED)

    def check(self) -> dict[str, str]:
        """`status`, `store` and `library`, each in a word."""
        store = self._state(lambda ready: ready.store.health())
        library = self._state(lambda ready: ready.library.health())
        status = "unavailable" if store == "unavailable" else "ok" if store == library == "ok" else "degraded"
        return {"status": status, "store": store, "library": library}

    def _state(self, check: Callable[[Services], object]) -> State:
        try:
            check(self._services())
        except StoreDiskFull:
            return "disk full"
        except CrosswireError:
            return "unavailable"
        except Exception:
            logging.getLogger(__name__).exception("A health check broke")
            return "unavailable"
        return "ok"
