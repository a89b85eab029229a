"""The lab: many users at once against a memory, and a checker that says who saw whose data.

A name loads what it stands on when it is first used: the checker needs no memory, and no package that one stands on.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with the table below
    from rag.crosstalk.checker.check import Report, check
    from rag.crosstalk.explore.explorer import Certificate, replay
    from rag.crosstalk.explore.explorer import explore_strategy as explore
    from rag.crosstalk.run.results import Figures, RunResult
    from rag.crosstalk.run.runner import simulate
    from rag.crosstalk.run.watch import Progress
    from rag.crosstalk.run.workload import BadWorkload, Workload
    from rag.crosstalk.strategies import STRATEGIES, Lab

__all__ = [
    "STRATEGIES",
    "BadWorkload",
    "Certificate",
    "Figures",
    "Lab",
    "Progress",
    "Report",
    "RunResult",
    "Workload",
    "check",
    "explore",
    "replay",
    "simulate",
]

_HOMES = {
    "Report": "rag.crosstalk.checker.check:Report",
    "check": "rag.crosstalk.checker.check:check",
    "Certificate": "rag.crosstalk.explore.explorer:Certificate",
    "replay": "rag.crosstalk.explore.explorer:replay",
    "explore": "rag.crosstalk.explore.explorer:explore_strategy",
    "Figures": "rag.crosstalk.run.results:Figures",
    "RunResult": "rag.crosstalk.run.results:RunResult",
    "simulate": "rag.crosstalk.run.runner:simulate",
    "Progress": "rag.crosstalk.run.watch:Progress",
    "BadWorkload": "rag.crosstalk.run.workload:BadWorkload",
    "Workload": "rag.crosstalk.run.workload:Workload",
    "STRATEGIES": "rag.crosstalk.strategies:STRATEGIES",
    "Lab": "rag.crosstalk.strategies:Lab",
}
"""Where each of them is defined, as `module:name`."""


if not TYPE_CHECKING:  # which would take it for a promise that every name is there

    class _Names(ModuleType):
        """The folder `explore` is imported into this package; the name stays the function's."""

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in _HOMES or not isinstance(value, ModuleType):
                super().__setattr__(name, value)

    sys.modules[__name__].__class__ = _Names

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _HOMES[name].partition(":")
        found = globals()[name] = getattr(import_module(module), attribute)
        return found
