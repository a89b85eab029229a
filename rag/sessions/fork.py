"""What a forked child must not take over: its parent's locks, threads and held turns, and what was half done there.

A child has one thread, the one that forked. A lock that another one held stays locked for ever, what that one was
writing stays half written, and what the parent holds on the server is not the child's to keep or to give back.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from weakref import WeakSet

_ALL: WeakSet[Any] = WeakSet()


def reset_in_children(one: Any) -> None:
    """Call its `reset_after_fork` in each child of this process, for as long as it exists: nothing that was here before
    may be waited for or believed there."""
    _ALL.add(one)


def _forked() -> None:
    for one in list(_ALL):
        one.reset_after_fork()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forked)
