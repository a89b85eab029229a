"""Each fault fails its own check, the first time, and no other; a right store fails none. `--rounds N` repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS, faithful
from rag.audit.kit.opening import Target
from rag.audit.run.trying import tried
from tests.audit.planted import FAULTS, MORE
from tests.audit.planted.bare import Bare, bare
from tests.audit.planted.core import Core
from tests.audit.planted.faces import history, saver, session

FACES = {"bare": bare, "history": history, "session": session, "saver": saver}
BY_DESIGN = {"saver": {"whole.pairs", "whole.failed-turn"}}
"""What a graph cannot have, whatever its saver does: it keeps the question before it asks the model."""

ALSO = {
    ("saver", "apart.shared-read"): {"apart.shared-write"},
    ("saver", "apart.colon"): {"apart.listing"},
    ("saver", "apart.slash"): {"apart.listing"},
    ("saver", "apart.prefix"): {"apart.clear"},
    **{(face, "whole.order"): {"faithful.many"} for face in FACES},
}
"""A long conversation is in order if any is. A saver's write begins with a read, which takes up what is wrong in it;
its list shows the ids that it keeps."""


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long conversations that are longer than a page, and no longer."""
    monkeypatch.setattr(faithful, "ADDED", 200)
    monkeypatch.setattr(faithful, "REWRITTEN", 200)


def statuses(make: Callable[..., Any], ids: Iterable[str]) -> dict[str, str]:
    """How each of these checks comes out at a store; what does not apply is left out."""
    target = Target(make, [*ADAPTERS, Bare])
    found = {each: asyncio.run(tried(CHECKS[each], target)).status for each in ids}
    return {each: status for each, status in found.items() if status != "not applicable"}


@pytest.mark.parametrize("face", FACES)
def test_a_right_store_fails_nothing(face: str) -> None:
    wrong = {each for each, status in statuses(FACES[face](Core), CHECKS).items() if status != "pass"}
    assert wrong <= BY_DESIGN.get(face, set())


@pytest.mark.parametrize("face", FACES)
def test_each_fault_fails_its_own_check_at_the_first_try(face: str) -> None:
    found = {each: statuses(FACES[face](made), [each]) for each, made in FAULTS.items() if face in made.faces}
    assert {each: came for each, came in found.items() if came not in ({each: "fail"}, {})} == {}
    assert len([each for each, came in found.items() if came]) >= (20 if face in Core.faces else 3)


@pytest.mark.parametrize("face", Core.faces)
def test_another_fault_of_the_same_check_is_found(face: str) -> None:
    assert {each: statuses(FACES[face](made), [each]) for each, made in MORE.items()} == {
        each: {each: "fail"} for each in MORE
    }


def test_a_fault_of_ids_fails_no_other_check_of_them() -> None:
    """The whole of every fault against every check is what `python -m tests.audit.rounds` tries."""
    ids = [each for each in CHECKS if each.startswith("apart.")]
    for check in [each for each in FAULTS if each in ids]:
        found = statuses(session(FAULTS[check]), ids)
        assert {each for each, status in found.items() if status != "pass"} == {check} & {*found}
