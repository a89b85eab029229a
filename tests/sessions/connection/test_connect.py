"""Every form of address, against real servers; and what a user reads when one cannot be used."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from rag.errors import BadSetting, CrosswireError, SessionStoreUnavailable
from rag.sessions.connection import pools
from rag.sessions.connection.address import parse
from rag.sessions.connection.connect import connect, connect_async
from rag.sessions.connection.errors import reason
from rag.sessions.connection.pools import NoFreeConnection
from tests import needs
from tests.certificates import written
from tests.servers import Cluster, SentinelPair, Server, free_port, wait_for

SECRET = "s3cret:p@ss/word"
QUOTED = "s3cret%3Ap%40ss%2Fword"

Use = Callable[[str], None]


def use_sync(url: str) -> None:
    client = connect(url, timeout=2)
    try:
        assert client.set("{a}key", b"\xff")
        assert client.get("{a}key") == b"\xff"
    finally:
        client.close()


def use_async(url: str) -> None:
    async def use() -> None:
        client = await connect_async(url, timeout=2)
        try:
            assert await client.set("{a}key", b"\xff")
            assert await client.get("{a}key") == b"\xff"
        finally:
            await client.aclose()

    asyncio.run(use())


@pytest.fixture(params=[use_sync, use_async], ids=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Use:
    found: Use = request.param
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(tcp=True) as found:
        yield found


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    with Server("--requirepass", SECRET, tcp=True, password=QUOTED) as found:
        yield found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be reached is not waited for; that it is, otherwise, is shown below."""
    for kind in (pools.PatientConnection, pools.AsyncPatientConnection):
        for one in (kind, *kind.__subclasses__()):
            monkeypatch.setattr(one, "patience", 0.02)


def refused(use: Use, url: str, kind: type[CrosswireError] = SessionStoreUnavailable) -> str:
    """The one line that a user reads."""
    with pytest.raises(kind) as caught:
        use(url)
    text = str(caught.value)
    assert "\n" not in text
    assert SECRET not in text
    assert QUOTED not in text
    return text


def test_tcp(use: Use, server: Server) -> None:
    use(server.url)


def test_unix_socket_with_password(use: Use) -> None:
    with Server("--requirepass", SECRET, password=QUOTED) as found:
        use(found.url)
        assert "(it does not accept this user name and password)" in refused(use, f"unix://{found.socket}")


def test_redis_7(use: Use) -> None:
    with Server(tcp=True, program=needs.program("redis-server")) as found:
        use(found.url)


def test_password(use: Use, locked: Server) -> None:
    use(locked.url)
    for url in (locked.url.replace(QUOTED, "wrong"), f"redis://127.0.0.1:{locked.port}"):
        assert "(it does not accept this user name and password)" in refused(use, url)


def test_acl_user_without_ping_and_info(use: Use, server: Server) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", f">{SECRET}", "~*", "+get", "+set", "+ping")
    use(f"redis://app:{QUOTED}@127.0.0.1:{server.port}/0")
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "app", "-ping")
    assert "permission" in refused(use, f"redis://app:{QUOTED}@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"redis://:{QUOTED}@127.0.0.1:1/0", "(connection refused)"),
        ("unix:///nonexistent/redis.sock", "(no such file or directory)"),
        ("redis://no-such-host.invalid", "not known"),
        (f"redis+cluster://:{QUOTED}@127.0.0.1:1", "(connection refused)"),
        ("rediss://127.0.0.1:1/0?ssl_ca_certs=/nonexistent.pem", "reached ("),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_unreachable(use: Use, url: str, reason: str) -> None:
    text = refused(use, url)
    assert reason in text
    assert text.endswith("Start it, or correct REDIS_URL.")


def test_database_that_is_not_there(use: Use, server: Server) -> None:
    assert "no database of that number" in refused(use, f"redis://127.0.0.1:{server.port}/99")


def test_standalone_server_is_no_cluster(use: Use, server: Server) -> None:
    assert "cluster" in refused(use, f"redis+cluster://127.0.0.1:{server.port}").lower()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", "expected embedded, or a redis://"),
        ("redis://localhost:port/0", "Port could not be cast"),
        ("redis://localhost/zero", "the number of a database"),
        ("redis://localhost/0?decode_responses=true", "no option decode_responses"),
        ("redis://localhost/0?retry_on_timeout=yes", "no option retry_on_timeout"),
        (f"redis://localhost/0?password={QUOTED}&socket_timeout=soon", "Invalid value for 'socket_timeout'"),
        ("unix://", "the path of a socket"),
        ("redis+sentinel://localhost", "the master's name"),
        ("redis+sentinel://a:1,,b:2/mymaster", "host:port"),
        ("redis+cluster://localhost/3", "no database but 0"),
    ],
)
def test_address_that_cannot_be_read(use: Use, url: str, expected: str) -> None:
    text = refused(use, url, BadSetting)
    assert text.startswith("REDIS_URL is ")
    assert expected in text


def test_list_addresses_are_taken_apart() -> None:
    found = parse(f"redis+sentinel://app:{QUOTED}@a,[::1]:7,b:8/main/3?ssl=true&sentinel_password=x&ssl_ca_certs=/c")
    assert found.nodes == (("a", 26379), ("::1", 7), ("b", 8))
    assert (found.master, found.tls, found.sentinel_login) == ("main", True, {"password": "x"})
    assert found.options == {"username": "app", "password": SECRET, "db": 3, "ssl_ca_certs": "/c"}
    assert SECRET not in repr(found)
    assert parse("redis+cluster://a:1,b").nodes == (("a", 1), ("b", 6379))


class _Stub(socketserver.ThreadingTCPServer):
    """What is no Redis, or one that is too old to be installed anywhere."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, replies: dict[bytes, bytes]) -> None:
        stub = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while data := self.request.recv(4096):
                    reply = next((value for word, value in stub.replies.items() if word in data), b"")
                    self.request.sendall(reply)

        self.replies = replies
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> _Stub:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server_address[1]}"


def test_what_answers_is_not_redis(use: Use) -> None:
    with _Stub({b"": b"HTTP/1.1 400 Bad Request\r\n\r\n"}) as stub:
        assert "(what answers there is not Redis)" in refused(use, stub.url)


@pytest.mark.parametrize("said", ["Bad response from PING health check", "Protocol error, got 'H' as reply type byte"])
def test_what_is_said_of_another_answer(said: str) -> None:
    assert reason(redis.ConnectionError(said)) == "what answers there is not Redis"


def test_silent_port(use: Use) -> None:
    with _Stub({}) as stub:
        assert "(it does not answer in time)" in refused(use, stub.url + "?socket_timeout=0.3")


def test_redis_that_is_too_old(use: Use) -> None:
    info = b"redis_version:5.0.14\r\n"
    with _Stub({b"PING": b"+PONG\r\n", b"INFO": b"$%d\r\n%s\r\n" % (len(info), info)}) as stub:
        assert "(it is Redis 5.0.14). Expected Redis 6.2 or newer" in refused(use, stub.url)


def test_server_that_comes_up_a_moment_later(use: Use) -> None:
    late = Server(tcp=True)
    timer = threading.Timer(0.3, late.start)
    timer.start()
    try:
        use(late.url)
    finally:
        timer.join()
        late.__exit__(None, None, None)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.usefixtures("impatient")
def test_tls(use: Use, certificates: Path) -> None:
    port = free_port()
    files = {"cert": "server.pem", "key": "server.key", "ca-cert": "ca.pem"}
    options = [part for name, file in files.items() for part in (f"--tls-{name}-file", str(certificates / file))]
    with Server("--tls-port", str(port), *options, program=needs.program("redis-server")):
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates}/ca.pem"
        login = f"&ssl_certfile={certificates}/server.pem&ssl_keyfile={certificates}/server.key"
        use(url + login)
        # It asks for a certificate of ours; it is not the one that we trust; it speaks TLS and we do not.
        refused(use, url)
        assert "certificate verify failed" in refused(use, url.replace("ca.pem", "stranger.pem") + login)
        assert "does it expect TLS" in refused(use, f"redis://127.0.0.1:{port}/0")


def test_cluster(use: Use, cluster: Cluster) -> None:
    use(cluster.url)
    client = connect(cluster.url)
    for n in range(30):
        assert client.set(f"key{n}", n)
        assert client.get(f"key{n}") == b"%d" % n
    client.close()


@pytest.mark.usefixtures("impatient")
def test_sentinels(use: Use, sentinels: SentinelPair) -> None:
    use(sentinels.url)
    assert "master 'nobody'" in refused(use, sentinels.url.replace("/crosswire/", "/nobody/"))


def test_no_thread_gets_a_connection_that_is_being_ended(
    sentinels: SentinelPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(sentinels.url, max_connections=3) as client:
        client.ping()
        pool: Any = client.connection_pool
        (idle,) = filter(None, pool.pool.queue)
        to_be_had: list[bool] = []
        monkeypatch.setattr(idle, "disconnect", lambda *_: to_be_had.append(idle in pool.pool.queue))
        pool.disconnect(inuse_connections=False)  # as redis-py does when another master was found
        assert to_be_had == [False]
        monkeypatch.undo()
        assert pool.pool.qsize() == 3
        assert client.ping()


def test_idle_connection_that_was_cut_is_replaced(server: Server) -> None:
    client = connect(server.url)
    client.ping()
    with server.client() as admin:
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert client.ping()
    client.close()


class _Cutter(_Stub):
    """Passes everything on to a real server, but cuts the connection after INCR has been done, before its reply."""

    def __init__(self, port: int) -> None:
        super().__init__({})
        handler: Any = self.RequestHandlerClass

        def handle(request: Any) -> None:
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                while data := request.request.recv(4096):
                    upstream.sendall(data)
                    reply = upstream.recv(4096)
                    if b"INCR" in data:
                        return
                    request.request.sendall(reply)

        handler.handle = handle


def test_command_whose_reply_is_lost_is_never_repeated(server: Server) -> None:
    with _Cutter(server.port) as cutter, server.client() as admin:
        admin.delete("n", "m", "{n}x")
        client = connect(cutter.url)
        with pytest.raises(redis.ConnectionError):
            client.incr("n")
        pipeline = client.pipeline()
        pipeline.incr("m")
        with pytest.raises(redis.ConnectionError):
            pipeline.execute()
        assert admin.mget("n", "m") == [b"1", b"1"]
        assert client.ping()
        client.close()

        async def again() -> None:
            twin = await connect_async(cutter.url)
            with pytest.raises(redis.ConnectionError):
                await twin.incr("n")
            await twin.aclose()

        asyncio.run(again())
        assert admin.get("n") == b"2"


def test_suspended_server_costs_no_more_than_the_time_limit(use: Use) -> None:
    with Server() as found:
        client = connect(found.url, timeout=0.3)
        found.suspend()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        assert "(it does not answer in time)" in refused(use, found.url + "?socket_timeout=0.3")
        found.resume()
        assert client.ping()
        client.close()


def test_pool_is_bounded_and_says_so(server: Server) -> None:
    client = connect(server.url, max_connections=2, pool_timeout=0.2)
    busy = [threading.Thread(target=client.blpop, args=("never", 2)) for _ in range(2)]
    for thread in busy:
        thread.start()
    with server.client() as admin:
        wait_for(lambda: admin.info("clients")["blocked_clients"] == 2, "two busy connections")
        with pytest.raises(NoFreeConnection, match=r"all 2 connections were in use for 0\.2 s"):
            client.ping()
        for _ in busy:
            admin.rpush("never", "now")
            wait_for(lambda: admin.llen("never") == 0, "it to be taken")
    for thread in busy:
        thread.join()
    assert client.ping()
    client.close()


async def _exhaust(client: Any, busy: Callable[[], Awaitable[Any]]) -> None:
    tasks = [asyncio.ensure_future(busy()) for _ in range(2)]
    await asyncio.sleep(0)
    deadline = time.monotonic() + 10
    while True:
        try:
            await client.get("{never}x")
        except NoFreeConnection:
            break
        assert time.monotonic() < deadline
    await asyncio.gather(*tasks)
    await client.get("{never}x")
    await client.aclose()


async def test_async_pool_is_bounded(server: Server) -> None:
    client = await connect_async(server.url, max_connections=2, pool_timeout=0.2)
    await _exhaust(client, lambda: client.blpop(["never"], timeout=1))


async def test_async_cluster_is_bounded(cluster: Cluster) -> None:
    client = await connect_async(cluster.url, max_connections=2, pool_timeout=0.2)
    await _exhaust(client, lambda: client.blpop(["{never}"], timeout=1))
