"""Each fault fails its own check, the first time, and no other; a right store fails none.

`bounded.*` are figures: they have no verdict and cannot fail, so no store is planted for them; what they measure of
stores whose cost is known is in test_wire. `python -m tests.audit.rounds` tries all this many times.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS, faithful, whole_appends, whole_writers
from rag.audit.checks.whole_appends import keeps_outside, pair_of, whole_once
from rag.audit.kit.contract import Wrong
from rag.audit.kit.opening import Target
from rag.audit.kit.overlaps import Places
from rag.audit.kit.trial import Trial
from rag.audit.run.trying import tried
from tests.audit.planted import FAULTS, MORE
from tests.audit.planted.bare import Bare
from tests.audit.planted.core import Core
from tests.audit.planted.expiry import FAULTS as IN_REDIS
from tests.audit.planted.expiry import RESTART
from tests.audit.planted.faces import FACES, session
from tests.audit.planted.known import BY_DESIGN, FIGURES
from tests.audit.planted.right import Locked


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long conversations that are longer than a page, and no longer; fewer places to be held at."""
    monkeypatch.setattr(whole_writers, "PLACES", 12)
    monkeypatch.setattr(faithful, "ADDED", 200)
    monkeypatch.setattr(faithful, "REWRITTEN", 200)


def statuses(make: Callable[..., Any], ids: Iterable[str]) -> dict[str, str]:
    """How each of these checks comes out at a store; what does not apply is left out."""
    target = Target(make, [*ADAPTERS, Bare])
    found = {each: asyncio.run(tried(CHECKS[each], target)).status for each in ids}
    return {each: status for each, status in found.items() if status != "not applicable"}


def test_each_check_that_has_a_verdict_has_a_store_that_fails_it() -> None:
    assert FAULTS.keys() | IN_REDIS.keys() | {RESTART} | FIGURES == CHECKS.keys()


CALLS = ("apart.clear", "apart.joined", "apart.listing", "apart.namespace", "apart.owner", "apart.search")


@pytest.mark.parametrize(
    ("face", "kind", "of"),
    [
        *((face, Core, ("",)) for face in FACES if face != "store"),
        ("store", Core, CALLS),
        ("session", Locked, ("whole.o",)),
    ],
)
def test_a_right_store_fails_nothing(face: str, kind: type[Core], of: tuple[str, ...]) -> None:
    """Those that wait for long are tried by the rounds alone."""
    found = statuses(FACES[face](kind), [each for each in CHECKS if each.startswith(of)])
    assert {each for each, status in found.items() if status != "pass"} <= BY_DESIGN.get(face, frozenset())
    assert found


@pytest.mark.parametrize("face", FACES)
def test_each_fault_fails_its_own_check_at_the_first_try(face: str) -> None:
    planted = [(each, kind) for each in FAULTS for kind in (FAULTS[each], *MORE.get(each, ())) if face in kind.faces]
    found = [(each, kind.__name__, statuses(FACES[face](kind), [each])) for each, kind in planted]
    assert [one for one in found if one[2] not in ({one[0]: "fail"}, {})] == []
    assert len([came for *_, came in found if came]) >= (20 if face in Core.faces else 3)


def test_a_fault_of_ids_fails_no_other_check_of_them() -> None:
    """The whole of every fault against every check is what `python -m tests.audit.rounds` tries, and those that start
    a process among them: docs/audit-rounds.md."""
    ids = [each for each in CHECKS if each.startswith("apart.")] + ["whole.cancelled"]
    for check in [each for each in FAULTS if each in ids]:
        found = statuses(session(FAULTS[check]), ids)
        assert {each for each, status in found.items() if status != "pass"} == {check} & {*found}


def test_what_a_check_did_before_counts_and_one_place_at_least_is_tried() -> None:
    """Else a busy machine takes it beyond its limit, or it passes without having tried anything."""
    trial = Trial(Target(Core, []), "sync", "", "r1", budget=100, began=time.monotonic() - 90)
    assert trial.until(1 / 2) - time.monotonic() <= 5
    trial.began -= 100
    assert list(Places(3, trial.until())) == [1]


def test_of_two_additions_that_overlap_each_is_there_whole_and_once_or_refused() -> None:
    ada, ben = pair_of("ada", 1), pair_of("ben", 1)
    whole_once("Here", [*ben, *ada], {"ada": None, "ben": None}, 1)
    whole_once("Here", ada, {"ada": None, "ben": RuntimeError("busy")}, 1)
    for stored, came, told in (
        (ada, None, "what ben adds was acknowledged; its question is stored 0 times and its answer 0"),
        ([*ada, ben[0]], RuntimeError("busy"), "what ben adds was refused; its question is stored 1 times"),
        ([ada[0], *ben, ada[1]], None, "the conversation is torn"),
    ):
        with pytest.raises(Wrong, match=f"^Here, {told}"):
            whole_once("Here", stored, {"ada": None, "ben": came}, 1)


def test_a_file_or_a_connection_to_elsewhere_may_have_a_clock_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shows(numbers: list[int]) -> None:
        """What this process has open."""
        monkeypatch.setattr(
            whole_appends, "os", SimpleNamespace(listdir=lambda _: map(str, numbers), fstat=os.fstat, dup=os.dup)
        )

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        pair = socket.socketpair()
        with pair[0], pair[1], (tmp_path / "file").open("w") as file:
            within, elsewhere = [one.fileno() for one in (file, server, *pair)], client.fileno()
            (tmp_path / "empty").mkdir()
            for numbers, outside in (([], False), (within, False), ([*within, elsewhere], True)):
                shows(numbers)
                assert keeps_outside(str(tmp_path / "empty")) == outside
            assert keeps_outside(str(tmp_path))
        closed = pair[0].fileno()  # -1: it was there when they were listed
        shows([closed])
        assert not keeps_outside(str(tmp_path / "empty"))
