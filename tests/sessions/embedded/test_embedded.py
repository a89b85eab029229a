"""The embedded Valkey, with real processes that are really killed."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis

from rag.errors import SessionStoreUnavailable
from rag.sessions.connection.connect import Client, connect, connect_async
from rag.sessions.embedded import supervisor
from tests import PROJECT
from tests.servers import wait_for

# Connects, says which server it got, then does what each line says until its input ends.
USER = """
import sys
from pathlib import Path
from rag.sessions.connection.connect import connect
client = connect("embedded", state_dir=Path(sys.argv[1]))
print(client.info("server")["process_id"], flush=True)
for line in sys.stdin:
    print(client.rpush("list", line.strip()), flush=True)
client.close()
"""


class User:
    """Another process that uses the same STATE_DIR."""

    def __init__(self, state_dir: Path) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", USER, str(state_dir)]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT)

    def line(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def write(self, text: str) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.line()

    def leave(self) -> None:
        self.process.communicate(timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def folders() -> Iterator[list[Path]]:
    """After the tests every process that served in one of these must have gone by itself, and left no socket."""
    found: list[Path] = []
    begun = time.time()
    yield found
    for folder in found:
        wait_for(lambda folder=folder: not serving(folder), "the end of the server", 60)  # type: ignore[misc]
        assert not list(folder.rglob("*.sock"))
    ours = [child for child in psutil.Process().children() if child.create_time() > begun]
    assert not [child for child in ours if child.status() == psutil.STATUS_ZOMBIE]


@pytest.fixture
def state_dir(tmp_path: Path, folders: list[Path]) -> Path:
    folders.append(tmp_path)
    return tmp_path


@contextlib.contextmanager
def using(state_dir: Path) -> Iterator[redis.Redis]:
    client = connect("embedded", state_dir=state_dir)
    assert isinstance(client, redis.Redis)
    try:
        yield client
    finally:
        client.close()


def remove(folder: Path) -> None:
    """With what a server that runs there writes meanwhile."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def serving(state_dir: Path) -> list[psutil.Process]:
    """The supervisor and the server of this STATE_DIR."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(state_dir) in command and ("supervisor.py" in command or "valkey-server" in command):
            found.append(process)
    return found


def supervisor_of(state_dir: Path) -> psutil.Process | None:
    for process in serving(state_dir):
        # Either may be gone by now.
        with contextlib.suppress(psutil.Error):
            if "supervisor.py" in " ".join(process.cmdline()):
                return process
    return None


def server_pid(client: Client) -> int:
    return int(client.info("server")["process_id"])


def test_history_survives_kill_of_the_app_and_a_restart(state_dir: Path) -> None:
    app = User(state_dir)
    first = app.line()
    acknowledged = [app.write(f"turn {n}") for n in range(20)]
    app.kill()
    assert acknowledged == list(range(1, 21))
    wait_for(lambda: not psutil.pid_exists(first), "the end of the server after kill -9 of its only user")
    assert not (state_dir / "redis" / "valkey.sock").exists()
    with using(state_dir) as client:
        assert server_pid(client) != first
        assert client.lrange("list", 0, -1) == [f"turn {n}".encode() for n in range(20)]


def test_no_acknowledged_write_is_lost_when_the_server_is_killed(state_dir: Path) -> None:
    with using(state_dir) as client:
        acknowledged: list[int] = []
        enough = threading.Event()

        def write() -> None:
            number = 0
            while not enough.is_set():
                number += 1
                with contextlib.suppress(redis.ConnectionError):
                    client.rpush("list", number)
                    acknowledged.append(number)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                before = len(acknowledged)
                wait_for(lambda: len(acknowledged) > before + 200, "writes")  # noqa: B023 - called at once
                os.kill(wait_for(lambda: server_pid(client), "the server"), signal.SIGKILL)
        finally:
            enough.set()
            writer.join()
        wait_for(client.ping, "the server")
        stored = {int(value) for value in client.lrange("list", 0, -1)}
        assert set(acknowledged) <= stored
        # A write whose reply was lost may be there, but none twice: no command is repeated.
        assert len(stored) == client.llen("list")


def test_next_command_works_after_the_server_was_killed(state_dir: Path) -> None:
    with using(state_dir) as client:
        client.set("kept", "yes")
        victim = server_pid(client)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: not psutil.pid_exists(victim), "the kill")
        assert client.get("kept") == b"yes"
        assert server_pid(client) != victim


def test_idle_user_replaces_a_killed_supervisor_and_keeps_the_server(state_dir: Path) -> None:
    with using(state_dir) as client:
        server = server_pid(client)
        old = supervisor_of(state_dir)
        assert old is not None
        old.kill()

        def replaced() -> bool:
            new = supervisor_of(state_dir)
            return new is not None and new.pid != old.pid and supervisor.held(state_dir / "redis" / "supervisor.lock")

        wait_for(replaced, "a new supervisor")
        assert server_pid(client) == server
        # The new supervisor looks after the server that it did not start.
        os.kill(server, signal.SIGKILL)
        wait_for(lambda: server_pid(client) != server, "a new server")


def test_keeper_and_server_killed_together(state_dir: Path) -> None:
    with using(state_dir) as client:
        client.set("kept", "yes")
        for process in serving(state_dir):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert wait_for(lambda: client.get("kept"), "the data") == b"yes"


def test_orphaned_server_of_killed_supervisor_and_user_is_taken_over(state_dir: Path) -> None:
    app = User(state_dir)
    server = app.line()
    app.write("kept")
    app.process.send_signal(signal.SIGSTOP)
    old = supervisor_of(state_dir)
    assert old is not None
    old.kill()
    old.wait(20)  # who comes while it dies takes it for alive, and leaves before it is missed
    app.kill()
    assert psutil.pid_exists(server)
    with using(state_dir) as client:
        assert client.lrange("list", 0, -1) == [b"kept"]
        assert server_pid(client) == server


def test_processes_share_one_server_and_the_last_one_out_stops_it(state_dir: Path) -> None:
    one, two = User(state_dir), User(state_dir)
    server = one.line()
    assert two.line() == server
    assert [one.write("a"), two.write("b"), one.write("c")] == [1, 2, 3]
    one.leave()
    assert two.write("d") == 4
    two.leave()
    wait_for(lambda: not psutil.pid_exists(server), "the end of the server")


def test_eight_processes_at_once_get_one_server(state_dir: Path) -> None:
    fork = multiprocessing.get_context("fork")
    together, found = fork.Barrier(8), fork.SimpleQueue()

    def user() -> None:
        together.wait(30)
        with using(state_dir) as client:
            found.put(server_pid(client))
            together.wait(30)

    users = [fork.Process(target=user) for _ in range(8)]
    for process in users:
        process.start()
    assert len({found.get() for _ in users}) == 1
    for process in users:
        process.join(30)
        assert process.exitcode == 0


def test_sixteen_threads_at_once_get_one_server(state_dir: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        clients = [
            task.result() for task in [threads.submit(connect, "embedded", state_dir=state_dir) for _ in range(16)]
        ]
    assert len({server_pid(client) for client in clients}) == 1
    for client in clients:
        client.close()


async def test_async_twin_shares_the_server(state_dir: Path) -> None:
    with using(state_dir) as client:
        twin = await connect_async("embedded", state_dir=state_dir)
        await twin.set("a", "1")
        assert client.get("a") == b"1"
        os.kill(server_pid(client), signal.SIGKILL)
        await asyncio.to_thread(wait_for, client.ping, "the new server")
        assert await twin.get("a") == b"1"
        await twin.aclose()


def test_closed_client_may_be_used_again(state_dir: Path) -> None:
    with using(state_dir) as client:
        client.set("a", "1")
        client.close()
        wait_for(lambda: not serving(state_dir), "the end of the server")
        assert client.get("a") == b"1"


def test_forgotten_client_does_not_keep_the_server(state_dir: Path) -> None:
    client = connect("embedded", state_dir=state_dir)
    client.ping()
    del client


@pytest.mark.parametrize("name", ["x" * 120, "a b", 'quote\'s "here"', "Ünï — 庫", "$HOME;true"])
def test_any_state_dir(state_dir: Path, name: str) -> None:
    with using(state_dir / name) as client:
        client.set("a", "1")
        pool = client.connection_pool
        socket = Path(pool.connection_kwargs["server"].address())
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    wait_for(lambda: not socket.exists(), "the end of the server")
    if name == "x" * 120:
        wait_for(lambda: not socket.parent.exists(), "the end of the folder that stood in for a path too long")


def test_folder_is_private_and_the_server_listens_on_no_port(state_dir: Path) -> None:
    with using(state_dir) as client:
        assert (state_dir / "redis").stat().st_mode & 0o777 == 0o700
        assert (state_dir / "redis" / "valkey.sock").stat().st_mode & 0o777 == 0o700
        assert client.config_get("port", "appendonly", "appendfsync", "unixsocketperm") == {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "no",
            "unixsocketperm": "700",
        }


def test_a_command_with_captured_output_ends_while_the_server_goes_on(state_dir: Path) -> None:
    with using(state_dir) as client:
        for process in serving(state_dir):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        # This process starts the supervisor anew or finds it; either way it must not wait for it.
        command = [sys.executable, "-c", USER, str(state_dir)]
        done = subprocess.run(command, input="a\n", capture_output=True, text=True, timeout=30, cwd=PROJECT)
        assert (done.returncode, done.stderr) == (0, "")
        assert client.lrange("list", 0, -1) == [b"a"]


def test_forked_child_uses_and_leaves_the_server_without_harm(state_dir: Path) -> None:
    with using(state_dir) as client:
        server = server_pid(client)

        def child() -> None:
            client.set("from", "child")
            client.close()

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(30)
        assert process.exitcode == 0
        wait_for(lambda: supervisor.held(state_dir / "redis" / "supervisor.lock"), "the supervisor")
        with using(state_dir) as other:
            assert other.get("from") == b"child"
            assert server_pid(other) == server


def test_socket_that_was_tidied_away_comes_back(state_dir: Path) -> None:
    with using(state_dir) as client:
        client.set("a", "1")
        (state_dir / "redis" / "valkey.sock").unlink()
        with using(state_dir) as other:
            assert other.get("a") == b"1"


def test_log_is_bounded(state_dir: Path) -> None:
    with using(state_dir):
        log = state_dir / "redis" / "valkey.log"
        with log.open("a") as file:
            file.write("x" * supervisor.LOG_BYTES)
        wait_for(lambda: log.with_suffix(".log.1").exists(), "the log's turn")


def test_damaged_data_is_one_clear_line(state_dir: Path) -> None:
    with using(state_dir) as client:
        client.set("a", "1")
    wait_for(lambda: not serving(state_dir), "the end of the server")
    for file in (state_dir / "redis" / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"*1\r\n$3\r\nDIE\r\n" + file.read_bytes())
    with pytest.raises(SessionStoreUnavailable) as caught:
        connect("embedded", state_dir=state_dir)
    assert "\n" not in str(caught.value)
    assert "unknown command 'DIE'" in str(caught.value)
    assert "valkey.log" in str(caught.value)


def test_state_dir_that_cannot_be_written(state_dir: Path) -> None:
    (state_dir / "redis").write_text("in the way")
    with pytest.raises(SessionStoreUnavailable, match="File exists"):
        connect("embedded", state_dir=state_dir)


@pytest.mark.parametrize("name", ["STATE_DIR", "the working directory"])
def test_where_the_server_lives_if_nobody_says(state_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(state_dir)
    monkeypatch.delenv("STATE_DIR", raising=False)
    if name == "STATE_DIR":
        monkeypatch.setenv(name, str(state_dir / "state"))
    with contextlib.closing(connect("embedded")) as client:
        assert client.ping()
        assert (state_dir / ("state" if name == "STATE_DIR" else ".crosswire") / "redis" / "address").exists()


def test_deleted_state_dir_ends_the_server(state_dir: Path) -> None:
    with using(state_dir):
        remove(state_dir / "redis")
        wait_for(lambda: not serving(state_dir), "the end of the server")
        assert not (state_dir / "redis").exists()
