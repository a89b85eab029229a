"""The checks that need a real Redis: each fault fails its own and no other of its level, a right store fails none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.opening import Target
from rag.audit.results import Outcome
from rag.audit.run.trying import tried
from tests.audit.planted.expiry import FAULTS, RESTART, RIGHT, SERVED, WithoutExpiry, in_redis, served
from tests.servers import Server

EXPIRY = ["lasting.expiry-set-with-write", "lasting.expiry-slides", "lasting.expiry-whole"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Server() as server:
        yield server.url


def outcomes(make: Callable[..., Any]) -> dict[str, Outcome]:
    """Of every check of the level."""
    target = Target(make, ADAPTERS)
    return {each.id: asyncio.run(tried(each, target)) for each in CHECKS.values() if each.level == "lasting"}


def by_status(found: dict[str, Outcome]) -> dict[str, set[str]]:
    return {status: {id for id, each in found.items() if each.status == status} for status in ("fail", "unknown")}


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_fails_its_own_check_and_no_other(check: str, url: str) -> None:
    assert by_status(outcomes(in_redis(FAULTS[check], url))) == {"fail": {check}, "unknown": set()}


def test_right_stores_fail_nothing(url: str) -> None:
    for kind in RIGHT.values():
        found = outcomes(in_redis(kind, url))
        assert {each.id for each in found.values() if each.status != "pass"} == {RESTART}
        assert "not the target's own" in found[RESTART].evidence
    missed = found["lasting.expiry-whole"].tried
    assert any("1 keys go first" in note for note in missed)


def test_without_an_expiry_there_is_nothing_to_look_at(url: str) -> None:
    found = outcomes(in_redis(WithoutExpiry, url))
    assert {found[each].status for each in EXPIRY} == {"not applicable"}
    assert "no expiry is set" in found[EXPIRY[0]].evidence


def test_a_server_that_forgets_what_it_acknowledged_is_found() -> None:
    forgets, keeps = (asyncio.run(tried(CHECKS[RESTART], Target(served(*options), ADAPTERS))) for options in SERVED)
    assert (forgets.status, keeps.status) == ("fail", "pass"), (forgets.evidence, keeps.evidence)
    assert forgets.evidence.startswith("user: before the restart")
