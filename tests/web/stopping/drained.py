"""`python -m tests.web.stopping.drained PORT ANNOUNCE MOST FOLDER`: our API, its chat scripted, drained at SIGTERM."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from rag.chat import Event, EventStream, Token
from rag.web.api import ApiFirst
from rag.web.draining import Draining
from rag.web.identity import SessionCookie
from tests.web.scripted import ScriptedChat, ScriptedServices, ScriptedStore


class _Held(ScriptedChat):
    """What is asked as "held" makes a file, and is answered when the folder holds the file "go". "page" begins a turn
    that no request waits for, which writes the file "page" then. Anything else is answered at once."""

    def __init__(self, store: ScriptedStore, folder: Path) -> None:
        super().__init__(store)
        self.folder = folder
        self.pages = 0

    def stream(self, session_id: str, text: str, *, tokens: bool = True, **asker: object) -> EventStream:
        if text == "page":
            self.pages += 1
            threading.Thread(target=self._page).start()
        stopped = threading.Event()
        return EventStream(self._written(session_id, text, stopped), stopped)

    def _page(self) -> None:
        while not self._may_go():
            time.sleep(0.02)
        (self.folder / "page").write_text("answered")
        self.pages -= 1

    def _written(self, session_id: str, text: str, stopped: threading.Event) -> Generator[Event]:
        if text == "held":
            (self.folder / f"held-{session_id[:8]}").touch()
        while text == "held" and not self._may_go():
            yield Token(".")
            time.sleep(0.02)
        yield from self._turn(session_id, text, stopped)

    def _may_go(self) -> bool:
        return (self.folder / "go").exists()


def main() -> None:
    port, announce, most = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    services, draining = ScriptedServices(), Draining()
    services.chat = chat = _Held(services.store, Path(sys.argv[4]))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        draining.at_sigterm(announce, most, lambda: chat.pages > 0)
        yield

    app = Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(SessionCookie, secret="a secret of 32 characters or more"),
            Middleware(ApiFirst, services=lambda: services.typed, draining=lambda: draining.begun),
        ],
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_keep_alive=60)


if __name__ == "__main__":
    main()
