"""`package.module:name`, run in this process: a callable from (session_id, text) to the answer, or something of
LangChain's that is asked with a session id in its configuration (a runnable, a compiled LangGraph graph).

A callable may return a text, a message, or a generator of parts; plain or async.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, TypeGuard

from langchain_core.messages import BaseMessage, HumanMessage

from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.errors import BadTarget, TargetFailed, first_line

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

WRITTEN = "package.module:callable"
LONGEST = 1 << 20
"""Characters of an answer."""


class FunctionTarget(Target):
    """Thread-safe as far as the callable is: that is what is tried. Async ones share one event loop, as in a server."""

    def __init__(self, name: str) -> None:
        """Modules are also looked for in the current folder. Raises BadTarget."""
        self.name = name
        found = _found(name)
        self._call: Callable[[str, str], Any] = _asked(found) if _is_runnable(found) else found
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def call(self, session_id: str, text: str) -> str:
        """Raises TargetFailed for an answer that is no text, and whatever the callable raises."""
        answer = self._call(session_id, text)
        if inspect.isawaitable(answer) or inspect.isasyncgen(answer) or isinstance(answer, AsyncIterator):
            answer = asyncio.run_coroutine_threadsafe(_whole(answer), self._running()).result()
        self.streams = self.streams or isinstance(answer, Iterator)
        return answered(self.name, answer)

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


def answered(name: str, answer: Any) -> str:
    """The text that a callable's answer is, or that its parts make. Raises TargetFailed for what is no text."""
    if isinstance(answer, Iterator):
        return "".join(_bounded(name, answer))
    found = text_of(answer)
    if found is None:
        raise TargetFailed(name, f"it returned a {type(answer).__name__}, expected text")
    return found


def text_of(answer: Any) -> str | None:
    """The text of an answer: itself, a message's, the last message's of a list or a graph's state, or at a usual key.

    None for what has none.
    """
    if isinstance(answer, str):
        return answer
    content = answer.text if isinstance(answer, BaseMessage) else getattr(answer, "content", None)
    if isinstance(content, str):
        return str(content)
    if isinstance(answer, list) and answer:
        return text_of(answer[-1])
    if isinstance(answer, dict):
        return next((found for key in _KEYS if key in answer and (found := text_of(answer[key])) is not None), None)
    return None


_KEYS = ("messages", "answer", "output", "response", "reply", "result", "text", "content")


def _is_runnable(found: object) -> TypeGuard[Runnable[Any, Any]]:
    """Whoever made one has loaded its class, which takes a third of a second where nobody has."""
    loaded = sys.modules.get("langchain_core.runnables.base")
    return loaded is not None and isinstance(found, loaded.Runnable)


def _asked(runnable: Runnable[Any, Any]) -> Callable[[str, str], Any]:
    """As LangChain's applications ask: the session is in the configuration."""
    given = _given(runnable)

    def call(session_id: str, text: str) -> Any:
        config = {"configurable": {"session_id": session_id, "thread_id": session_id, "user_id": session_id}}
        return runnable.invoke(given(text), config)  # type: ignore[arg-type]

    return call


def _given(runnable: Runnable[Any, Any]) -> Callable[[str], Any]:
    """What it takes, as its own schema says: a state with messages, a dictionary with a text, or the text."""
    try:
        schema = runnable.get_input_jsonschema()
    except Exception:  # whatever a schema of its own raises: most take the text
        return lambda text: text
    properties = schema.get("properties", {})
    if "messages" in properties:
        return lambda text: {"messages": [HumanMessage(text)]}
    name = next((name for name in ("input", "question", "text", "query", "message") if name in properties), None)
    name = name or next(iter(properties), None)
    if schema.get("type") == "object" and name is not None:
        return lambda text: {name: text}
    return lambda text: text


def _bounded(name: str, parts: Iterator[Any]) -> Iterator[str]:
    size = 0
    for part in parts:
        found = text_of(part)
        if found is None:
            raise TargetFailed(name, f"it yielded a {type(part).__name__}, expected parts of a text")
        size += len(found)
        if size > LONGEST:
            raise TargetFailed(name, f"its answer is longer than {LONGEST:,} characters")
        yield found


async def _whole(answer: Any) -> Any:
    try:
        if isinstance(answer, AsyncIterator):
            return iter([part async for part in answer])
        return await answer
    except SystemExit as exc:
        # Left alone, it would end the loop, and with it every other turn.
        raise RuntimeError(f"SystemExit: {exc}") from exc


def _found(name: str) -> Any:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise BadTarget(name, f"expected http://…, https://…, ws://… or {WRITTEN}")
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
        raise BadTarget(name, f"importing it fails ({type(exc).__name__}: {first_line(exc)})") from exc
    if not callable(found) and not _is_runnable(found):
        raise BadTarget(name, f"it is a {type(found).__name__}, expected a callable (session_id, text) -> str")
    return found
