"""Two blocking calls in one order: the first is held in its thread before one of its lines while the second runs.

The lines are those of the audited package, so a race in it is met at a line that its maintainer can open.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.audit.kit.awaits import PATIENCE, Overlap


class Traced:
    """Calls `passes` with the frame before each line in these folders, in a thread that is traced by `entered`."""

    def __init__(self, passes: Callable[[Any], None], folders: tuple[str, ...] = ()) -> None:
        self.passes = passes
        self.folders = folders
        """Empty: nothing is looked at."""

    def entered(self, frame: Any, _event: str, _arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self.folders) else None

    def _line(self, frame: Any, event: str, _arg: Any) -> Any:
        if event == "line" and self.folders:
            self.passes(frame)
        return self._line


def place_of(frame: Any) -> str:
    """The file and the line that it is at."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


class Stepped(threading.Thread):
    """A call in a thread of its own, held before its n-th line in these folders until `release` is set; 0: never."""

    def __init__(self, call: Callable[[], Any], folders: tuple[str, ...], at: int) -> None:
        super().__init__(daemon=True)
        self.call = call
        self.traced = Traced(self._passes, folders)
        self.at = at
        self.lines = 0
        self.where = ""
        self.result: Any = None
        self.reached = threading.Event()
        """Set when it is held, and when it is done."""
        self.release = threading.Event()

    def run(self) -> None:
        sys.settrace(self.traced.entered)
        try:
            self.result = self.call()
        except Exception as exc:
            self.result = exc
        finally:
            sys.settrace(None)
            self.reached.set()

    def _passes(self, frame: Any) -> None:
        self.lines += 1
        if self.lines == self.at:
            self.where = f"{place_of(frame)} ({frame.f_code.co_name})"
            self.reached.set()
            self.release.wait()


def folders_of(objects: list[Any]) -> tuple[str, ...]:
    """The folders that the code of these objects' classes is in, those of the standard library left out."""
    found: set[str] = set()
    for each in objects:
        if inspect.isroutine(each):  # a file alone: beside it may lie anything
            found.update(filter(None, [getattr(sys.modules.get(each.__module__), "__file__", None)]))
            continue
        for kind in type(each).__mro__:
            file = getattr(sys.modules.get(kind.__module__), "__file__", None)
            if file and kind.__module__.partition(".")[0] not in sys.stdlib_module_names:
                found.add(str(Path(file).parent) if Path(file).parent.name != "site-packages" else file)
    return tuple(sorted(found))


async def count_lines(call: Callable[[], Any], folders: tuple[str, ...]) -> tuple[int, Any]:
    """How many lines it runs there, and its result or what it raised."""
    thread = Stepped(call, folders, 0)
    thread.start()
    await asyncio.to_thread(thread.join)
    return thread.lines, thread.result


async def overlap_at_line(
    first: Callable[[], Any],
    second: Callable[[], Any],
    folders: tuple[str, ...],
    at: int,
    patience: float = PATIENCE,
) -> Overlap:
    """Hold the first before its line `at`, run the second in another thread, let the first go."""
    return await asyncio.to_thread(_overlapped, Stepped(first, folders, at), Stepped(second, (), 0), patience)


def _overlapped(one: Stepped, other: Stepped, patience: float) -> Overlap:
    one.start()
    one.reached.wait()
    other.start()
    other.join(patience)
    waited = other.is_alive()
    one.release.set()
    one.join()
    other.join()
    return Overlap(one.result, other.result, one.where, waited)
