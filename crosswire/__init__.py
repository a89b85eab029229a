"""Chat sessions that stay apart, and the lab that shows what happens when they do not: the public names.

`import crosswire` loads nothing else; a name loads what it stands on when it is first used. These names are stable;
what is behind them, in `rag`, is free to change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with the table below
    from crosswire.registration import audit_test
    from rag.audit.results import Audit, Outcome
    from rag.audit.run.session import run as audit
    from rag.chat import ChatService, Reply, make_model
    from rag.crosstalk import (
        STRATEGIES,
        Certificate,
        Lab,
        Report,
        RunResult,
        Workload,
        check,
        explore,
        replay,
        simulate,
    )
    from rag.crosstalk.log.events import read as read_log
    from rag.crosstalk.targets import open_target
    from rag.errors import CrosswireError
    from rag.knowledge import Document, Library, Passage, open_library
    from rag.services import Services
    from rag.services import build as build_services
    from rag.sessions import (
        AsyncSessionStore,
        RedisChatMessageHistory,
        SessionId,
        SessionStore,
        connect,
        connect_async,
        history_factory,
    )
    from rag.settings import Settings
    from rag.settings import load as load_settings
    from rag.tracing.handler import TraceHandler, trace

__version__: str

__all__ = [
    "STRATEGIES",
    "AsyncSessionStore",
    "Audit",
    "Certificate",
    "ChatService",
    "CrosswireError",
    "Document",
    "Lab",
    "Library",
    "Outcome",
    "Passage",
    "RedisChatMessageHistory",
    "Reply",
    "Report",
    "RunResult",
    "Services",
    "SessionId",
    "SessionStore",
    "Settings",
    "TraceHandler",
    "Workload",
    "audit",
    "audit_test",
    "build_services",
    "check",
    "connect",
    "connect_async",
    "explore",
    "history_factory",
    "load_settings",
    "make_model",
    "open_library",
    "open_target",
    "read_log",
    "replay",
    "simulate",
    "trace",
]

_HOMES = {
    "audit_test": "crosswire.registration:audit_test",
    "Audit": "rag.audit.results:Audit",
    "Outcome": "rag.audit.results:Outcome",
    "audit": "rag.audit.run.session:run",
    "ChatService": "rag.chat:ChatService",
    "Reply": "rag.chat:Reply",
    "make_model": "rag.chat:make_model",
    "STRATEGIES": "rag.crosstalk:STRATEGIES",
    "Certificate": "rag.crosstalk:Certificate",
    "Lab": "rag.crosstalk:Lab",
    "Report": "rag.crosstalk:Report",
    "RunResult": "rag.crosstalk:RunResult",
    "Workload": "rag.crosstalk:Workload",
    "check": "rag.crosstalk:check",
    "explore": "rag.crosstalk:explore",
    "replay": "rag.crosstalk:replay",
    "simulate": "rag.crosstalk:simulate",
    "read_log": "rag.crosstalk.log.events:read",
    "open_target": "rag.crosstalk.targets:open_target",
    "CrosswireError": "rag.errors:CrosswireError",
    "Document": "rag.knowledge:Document",
    "Library": "rag.knowledge:Library",
    "Passage": "rag.knowledge:Passage",
    "open_library": "rag.knowledge:open_library",
    "Services": "rag.services:Services",
    "build_services": "rag.services:build",
    "AsyncSessionStore": "rag.sessions:AsyncSessionStore",
    "RedisChatMessageHistory": "rag.sessions:RedisChatMessageHistory",
    "SessionId": "rag.sessions:SessionId",
    "SessionStore": "rag.sessions:SessionStore",
    "connect": "rag.sessions:connect",
    "connect_async": "rag.sessions:connect_async",
    "history_factory": "rag.sessions:history_factory",
    "Settings": "rag.settings:Settings",
    "load_settings": "rag.settings:load",
    "TraceHandler": "rag.tracing.handler:TraceHandler",
    "trace": "rag.tracing.handler:trace",
}
"""Where each of them is defined, as `module:name`."""


if not TYPE_CHECKING:  # which would take it for a promise that every name is there

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import PackageNotFoundError, version

            try:
                return version("crosswire")
            except PackageNotFoundError:  # a checkout
                raise AttributeError("crosswire is not installed here, so it has no version") from None
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _HOMES[name].partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except ModuleNotFoundError as exc:
            more = f'crosswire.{name} needs more than the plain install ({exc}): pip install "crosswire[app]"'
            raise ModuleNotFoundError(more, name=exc.name) from exc
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
