"""A store's factory, registered so that pytest runs every check of the audit on it.

It loads nothing: whoever has such a test and not this plugin turned on pays for an import of the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AuditTest:
    """What `audit_test` makes of a factory: collected by the plugin, and still callable as the factory that it is."""

    name: str
    crosswire_factory: Callable[..., Any]
    xfail: Mapping[str, str] = field(default_factory=dict)
    skip: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    timeout: float | None = None

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self.crosswire_factory(*given, **named)


def audit_test(
    name: str,
    *,
    xfail: Mapping[str, str] | None = None,
    skip: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    timeout: float | None = None,
) -> Callable[[Any], AuditTest]:
    """Register a factory of a store; each check of the audit becomes a test of the module that it is in.

    The factory is any that `crosswire audit` takes: a function that returns or yields the store, plain or async, one
    that takes `session_id` and returns the object of one conversation; where it takes `folder`, it gets one. Or it is
    what `checkpointer_test` of langgraph-checkpoint-conformance made.

    xfail: check -> why it is known to fail; a check that then passes is a failure. skip: check -> why it is not tried.
    only: levels or checks. timeout: seconds a check, instead of each one's own.

        @crosswire.audit_test(name="MyStore", xfail={"whole.overlapping-turns": "one turn at a time, by design"})
        async def my_store(folder):
            async with MyStore.open(f"{folder}/chat.db") as store:
                yield store
    """
    if isinstance(only, str):
        only = (only,)

    def registered(factory: Any) -> AuditTest:
        return AuditTest(name, factory, dict(xfail or {}), dict(skip or {}), tuple(only), timeout)

    return registered
