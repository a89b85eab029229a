"""`package.module:callable`, from `(session_id, text)` to the answer, plain or async. It runs in this process."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from rag.crosstalk.targets.errors import BadTarget, TargetFailed

WRITTEN = "package.module:callable"


class FunctionTarget:
    """Thread-safe as far as the callable is: that is what is tried. Async ones share one event loop, as in a server."""

    def __init__(self, name: str) -> None:
        """Modules are also looked for in the current folder. Raises BadTarget."""
        self.name = name
        self._call = _found(name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def call(self, session_id: str, text: str) -> str:
        """Raises TargetFailed for an answer that is no text, and whatever the callable raises."""
        answer = self._call(session_id, text)
        if inspect.iscoroutine(answer):
            answer = asyncio.run_coroutine_threadsafe(_of(answer), self._running()).result()
        if not isinstance(answer, str):
            raise TargetFailed(self.name, f"it returned a {type(answer).__name__}, expected text")
        return answer

    def close(self) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="target-loop", daemon=True).start()
            return self._loop


async def _of(answer: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await answer
    except SystemExit as exc:
        # Left alone, it would end the loop, and with it every other turn.
        raise RuntimeError(f"SystemExit: {exc}") from exc


def _found(name: str) -> Callable[[str, str], Any]:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise BadTarget(name, f"expected http://…, https://… or {WRITTEN}")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = resolve_name(name)
    except ImportError as exc:
        raise BadTarget(name, f"it cannot be imported ({exc}); modules of this folder can be") from exc
    except AttributeError as exc:
        raise BadTarget(name, f"{module} has no {attribute!r}") from exc
    except ValueError as exc:
        raise BadTarget(name, f"expected {WRITTEN}") from exc
    except (Exception, SystemExit) as exc:  # whatever the module does when it is imported
        raise BadTarget(name, f"importing it fails ({type(exc).__name__}: {exc})".splitlines()[0]) from exc
    if not callable(found):
        raise BadTarget(name, f"it is a {type(found).__name__}, expected a callable (session_id, text) -> str")
    return found  # type: ignore[no-any-return]
