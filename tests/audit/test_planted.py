"""Each fault fails its own check, the first time, and no other; a right store fails none. `--rounds N` repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS, faithful
from rag.audit.kit.opening import Target
from rag.audit.run.trying import tried
from tests.audit.planted import FAULTS
from tests.audit.planted.core import Core
from tests.audit.planted.faces import history, saver, session

FACES = {"history": history, "session": session, "saver": saver}
BY_DESIGN = {"saver": {"whole.pairs"}}
"""What a graph cannot have, whatever its saver does: it keeps the question before it asks the model."""

ALSO = {
    ("saver", "apart.shared-read"): {"apart.shared-write"},
    ("saver", "apart.colon"): {"apart.listing"},
    ("saver", "apart.slash"): {"apart.listing"},
    ("saver", "apart.prefix"): {"apart.clear"},
}
"""A saver's write begins with a read, which takes up what is wrong in it; its list shows the ids that it keeps."""


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long conversations that are longer than a page, and no longer."""
    monkeypatch.setattr(faithful, "ADDED", 200)
    monkeypatch.setattr(faithful, "REWRITTEN", 200)


def failed(make: Callable[..., Any], *ids: str) -> dict[str, str]:
    """What fails at a store, with its evidence."""
    target = Target(make, ADAPTERS)
    chosen = [check for check in CHECKS.values() if not ids or check.id in ids]
    outcomes = [asyncio.run(tried(check, target)) for check in chosen]
    return {each.id: each.evidence for each in outcomes if each.status in ("fail", "unknown")}


@pytest.mark.parametrize("face", FACES)
def test_a_right_store_fails_nothing(face: str) -> None:
    assert set(failed(FACES[face](Core))) == BY_DESIGN.get(face, set())


@pytest.mark.parametrize("check", FAULTS)
@pytest.mark.parametrize("face", FACES)
def test_a_fault_fails_its_own_check_and_no_other(face: str, check: str) -> None:
    allowed = BY_DESIGN.get(face, set()) | ALSO.get((face, check), set())
    assert {check} <= set(failed(FACES[face](FAULTS[check]))) <= {check} | allowed
