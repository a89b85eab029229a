"""The pytest plugin: a registered store's checks as tests.

Every pytest of an environment loads this file, so it imports nothing of the product; what collects and runs is loaded
when something registered is met.
"""

from __future__ import annotations

from typing import Any

import pytest

OPTION = "audit_checkpointers"


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "Audit what checkpointer_test of langgraph-checkpoint-conformance registered, too."
    parser.getgroup("crosswire").addoption("--audit-checkpointers", action="store_true", dest=OPTION, help=told)
    parser.addini(OPTION, told, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    told = "a check of a store that crosswire.audit_test registered; its id and audit.LEVEL are markers of it, too"
    config.addinivalue_line("markers", f"crosswire: {told}")


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> Any:
    kind = type(obj)
    ours = (kind.__module__, kind.__name__) == ("crosswire.registration", "AuditTest")
    theirs = kind.__name__ == "RegisteredCheckpointer" and kind.__module__.startswith("langgraph.")
    if not (ours or theirs) or not isinstance(collector, pytest.Module):
        return None
    if theirs and not (collector.config.getoption(OPTION) or collector.config.getini(OPTION)):
        return None
    from crosswire.pytest_items import AuditedStore

    return AuditedStore.of(collector, name, obj)
