"""A disk that is full, really: what was acknowledged is there afterwards, the rest is refused, and reading goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import SessionStoreUnavailable, StoreDiskFull, TurnLost
from rag.sessions import AsyncSessionStore, SessionStore, connect, connect_async
from rag.sessions.connection.connect import Client
from rag.sessions.embedded import disk
from rag.sessions.embedded.disk import MARGIN_BYTES, Disk
from rag.sessions.embedded.server import EmbeddedServer
from tests import needs
from tests.servers import wait_for
from tests.sessions.backends import AnyStore
from tests.sessions.blocking import BlockingStore, Loop
from tests.sessions.embedded.test_embedded import remove, serving

SID = "full"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A STATE_DIR on a disk of 24 MB, which is looked at each time."""
    monkeypatch.setattr(disk, "LOOK_SECONDS", -1.0)
    folder = tmp_path / "disk"
    folder.mkdir()
    needs.small_disk(folder, 24)
    yield folder
    wait_for(lambda: not serving(folder), "the end of the server")
    gc.collect()  # an error's frames may still have the file
    unmount = ["umount", str(folder)]  # not while the supervisor, which serves no more, has not ended
    wait_for(lambda: subprocess.run(unmount, check=False, capture_output=True).returncode == 0, "an unused disk")


@pytest.fixture
def client(small: Path) -> Iterator[Client]:
    client = connect("embedded", state_dir=small)
    yield client
    client.close()


def server_of(client: Client) -> EmbeddedServer:
    server: EmbeddedServer = cast(Any, client).connection_pool.server
    return server


@pytest.fixture(params=["sync", "async"])
def store(small: Path, client: Client, request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    if request.param == "sync":
        yield SessionStore(client)
        return
    loop = Loop()
    with BlockingStore(loop, "embedded", connection={"state_dir": small}) as store:
        yield store
    loop.close()


def fill(folder: Path, leave: int = 0) -> Path:
    """Write until nothing is free, or so many bytes are."""
    path = folder / "others"
    with path.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while (free := os.statvfs(folder).f_bavail * 4096) > leave or not leave:
                    file.write(b"x" * min(size, max(free - leave, 1)))
            except OSError:
                continue
    return path


def turns(store: AnyStore) -> Iterator[str]:
    """Ask and answer until one is refused; yields what was acknowledged."""
    with suppress(StoreDiskFull):
        for number in count():
            store.append(SID, [HumanMessage(f"question {number}"), AIMessage("x" * 3000)])
            yield f"question {number}"


@contextmanager
def supervisor_stopped(client: Client) -> Iterator[None]:
    """It would end a server without files within a second."""
    supervisor = psutil.Process(int(client.info("server")["process_id"])).parent()
    assert supervisor is not None
    supervisor.suspend()
    try:
        yield
    finally:
        supervisor.resume()


def kill(client: Client) -> None:
    pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: int(client.info("server")["process_id"]) != pid, "another server")


def healthy(store: AnyStore) -> bool:
    with suppress(StoreDiskFull):
        return bool(store.health())
    return False


def questions(store: AnyStore) -> list[str]:
    return [message.text for message in store.messages(SID)][::2]


@pytest.mark.parametrize("leave", [0, 40_000])
def test_what_was_acknowledged_survives_the_servers_death(small: Path, client: Client, leave: int) -> None:
    # A margin that no disk falls below: it is not refused for what is free, but for what became of it.
    server_of(client).disk = Disk(small / "redis", margin=-(1 << 40))
    store = SessionStore(client)
    store.append(SID, [HumanMessage("before"), AIMessage("yes")])
    fill(small, leave)
    said = list(turns(store))
    kill(client)
    assert questions(SessionStore(client)) == ["before", *said]
    assert len(said) >= (leave > 0)


def test_it_is_refused_before_anything_is_written_and_reading_goes_on(small: Path, store: AnyStore) -> None:
    store.append(SID, [HumanMessage("before"), AIMessage("yes")])
    others = fill(small, leave=MARGIN_BYTES // 2)
    with pytest.raises(StoreDiskFull) as caught, store.turn(SID):
        pytest.fail("the model would be asked in vain")
    assert str(small / "redis") in str(caught.value)
    assert "Free some space" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreDiskFull):
        store.health()
    assert questions(store) == ["before"]
    with connect("embedded", state_dir=small) as another:
        assert questions(SessionStore(another)) == ["before"]
    store.clear(SID)  # what frees space is not refused
    others.unlink()
    store.append(SID, [HumanMessage("after"), AIMessage("yes")])
    assert questions(store) == ["after"]
    assert (store.health().free or 0) > MARGIN_BYTES


def test_a_server_that_cannot_write_answers_those_who_read(small: Path, client: Client, store: AnyStore) -> None:
    store.append(SID, [HumanMessage("before"), AIMessage("yes")])
    others = fill(small)
    client.set("somebody", "x" * 20_000)  # this one Valkey acknowledges, and no other
    with pytest.raises(StoreDiskFull):
        store.health()
    with pytest.raises(StoreDiskFull):
        store.clear(SID)
    assert questions(store) == ["before"]
    with connect("embedded", state_dir=small) as another:
        assert questions(SessionStore(another)) == ["before"]
    others.unlink()
    wait_for(lambda: healthy(store), "its recovery")
    store.append(SID, [HumanMessage("after"), AIMessage("yes")])
    assert questions(store) == ["before", "after"]


def test_start_on_a_full_disk_is_one_line_that_names_it(small: Path) -> None:
    (small / "redis").mkdir()
    fill(small)
    with pytest.raises(StoreDiskFull) as caught:
        connect("embedded", state_dir=small)
    assert str(small / "redis") in str(caught.value)
    assert "answer within" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_dies_on_a_full_disk_comes_back_and_is_read(small: Path, client: Client) -> None:
    store = SessionStore(client)
    store.append(SID, [HumanMessage("before"), AIMessage("yes")])
    fill(small)
    kill(client)
    assert questions(SessionStore(client)) == ["before"]


def test_the_proof_costs_no_round_trip_and_outlives_a_rewrite(tmp_path: Path) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(connect("embedded", state_dir=tmp_path))
        store = SessionStore(client)

        def pings() -> int:
            return int(client.info("commandstats")["cmdstat_ping"]["calls"])

        store.append(SID, [HumanMessage("first"), AIMessage("yes")])
        before = pings()
        for _ in range(20):
            store.append(SID, [HumanMessage("more"), AIMessage("yes")])
        assert pings() == before
        client.bgrewriteaof()
        wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the rewrite")
        store.append(SID, [HumanMessage("after"), AIMessage("yes")])
        store.append(SID, [HumanMessage("and on"), AIMessage("yes")])
        assert pings() == before


@pytest.mark.parametrize("removed", ["state", "state/redis", "state/redis/appendonlydir", "moved"])
@pytest.mark.parametrize("looked", [True, False])
def test_what_is_written_to_removed_files_is_not_acknowledged(tmp_path: Path, removed: str, looked: bool) -> None:
    state = tmp_path / "state"
    with connect("embedded", state_dir=state) as client:
        store = SessionStore(client)
        if looked:
            store.append(SID, [HumanMessage("before"), AIMessage("yes")])
        with store.turn(SID) as turn, supervisor_stopped(client):
            if removed == "moved":
                state.rename(tmp_path / "elsewhere")
            else:
                remove(tmp_path / removed)
            with pytest.raises(SessionStoreUnavailable, match="removed while it ran"):
                turn.commit([HumanMessage("gone"), AIMessage("yes")])


def test_a_server_to_which_no_turn_was_written_takes_what_writes_nothing(tmp_path: Path) -> None:
    with connect("embedded", state_dir=tmp_path / "state") as client:
        store = SessionStore(client)
        for do in (store.clear, lambda sid: store.extend(sid, 60), lambda sid: store.set_summary(sid, "text", 1)):
            assert do(SID) is False
        store.append(SID, [HumanMessage("before"), AIMessage("yes")])
        client.bgrewriteaof()
        wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the rewrite")
        assert store.extend(SID, 60)
        assert store.clear(SID)
        with supervisor_stopped(client):
            remove(tmp_path / "state")
            with pytest.raises(SessionStoreUnavailable, match="removed while it ran"):
                store.clear(SID)


def test_another_server_in_the_same_place_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with connect("embedded", state_dir=state) as client:
        store = SessionStore(client)
        with store.turn(SID) as turn, supervisor_stopped(client):
            remove(state)
            with connect("embedded", state_dir=state) as other:
                SessionStore(other).append(SID, [HumanMessage("new"), AIMessage("yes")])
                with pytest.raises(SessionStoreUnavailable, match="removed while it ran"):
                    turn.commit([HumanMessage("gone"), AIMessage("yes")])


def test_a_removed_state_dir_is_begun_afresh(tmp_path: Path) -> None:
    said: list[str] = []
    with connect("embedded", state_dir=tmp_path / "state") as client:
        store = SessionStore(client)
        store.append(SID, [HumanMessage("before"), AIMessage("yes")])
        remove(tmp_path / "state")

        def kept() -> bool:
            with suppress(SessionStoreUnavailable, TurnLost):  # lost: begun on the server that then went
                store.append(SID, [HumanMessage(f"after {len(said)}"), AIMessage("yes")])
                said.append(f"after {len(said)}")
            return len(said) == 3

        wait_for(kept, "three turns")
        assert questions(store) == said


def test_many_turns_at_once_do_not_each_look_through_what_the_others_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, pread, many = [0], os.pread, 600

    def counted(file: int, size: int, at: int) -> bytes:
        found = pread(file, size, at)
        looked[0] += len(found)
        return found

    async def all_at_once() -> None:
        client = await connect_async("embedded", state_dir=tmp_path, max_connections=4, pool_timeout=60)
        store = AsyncSessionStore(client, lease=60)
        all_there = asyncio.Barrier(many)

        async def turn(sid: str) -> None:
            async with store.turn(sid) as held:
                await all_there.wait()
                await held.commit([HumanMessage("hello")])

        monkeypatch.setattr(os, "pread", counted)
        await asyncio.gather(*(turn(f"s{number}") for number in range(many)))
        await client.aclose()

    asyncio.run(all_at_once())
    written = sum(path.stat().st_size for path in (tmp_path / "redis" / "appendonlydir").glob("*.incr.aof"))
    assert 0 < looked[0] < 40 * written  # four connections: some turns each; without, half of all of them
