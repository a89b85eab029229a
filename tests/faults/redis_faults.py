"""What can happen to the server that holds the sessions."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import redis

from tests.faults.fault import Fault
from tests.faults.world import World

Make = Callable[[World], AbstractContextManager[None]]
REFUSED = ("-evalsha", "-eval", "-evalsha_ro", "-eval_ro", "-fcall")


def _commands(make: list[tuple[str | int, ...]], mend: list[tuple[str | int, ...]]) -> Make:
    @contextmanager
    def context(world: World) -> Iterator[None]:
        with world.server.client() as client:
            for command in make:
                client.execute_command(*command)
            yield
            for command in mend:
                client.execute_command(*command)

    return context


def _again_and_again(act: Callable[[World, redis.Redis], object], every: float) -> Make:
    """While it lasts, each `every` seconds."""

    @contextmanager
    def context(world: World) -> Iterator[None]:
        over = threading.Event()

        def run() -> None:
            with world.server.client() as client:
                while not over.wait(every):
                    with suppress(redis.RedisError):
                        act(world, client)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    return context


@contextmanager
def _killed(world: World) -> Iterator[None]:
    world.server.kill()
    yield
    world.server.start()


@contextmanager
def _restarted_empty(world: World) -> Iterator[None]:
    world.server.kill()
    shutil.rmtree(world.server.folder / "appendonlydir")
    yield
    world.server.start()


@contextmanager
def _paused(world: World) -> Iterator[None]:
    world.server.suspend()
    yield
    world.server.resume()


@contextmanager
def _failed_over(world: World) -> Iterator[None]:
    """The old master comes back as a replica, so that it can be done again."""
    assert world.pair is not None
    old = world.pair.master()
    world.pair.failover()
    yield
    old.start()


def _lose_a_reply(world: World, _: redis.Redis) -> None:
    assert world.proxy is not None
    world.proxy.lose_replies(1)


def _evict(world: World, client: redis.Redis) -> None:
    used = int(client.info("memory")["used_memory"])
    client.config_set("maxmemory", int(used * 0.98))


_UNLIMITED: list[tuple[str | int, ...]] = [("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")]


@contextmanager
def _evicting(world: World) -> Iterator[None]:
    setting = ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with _commands([setting], _UNLIMITED)(world), _again_and_again(_evict, 0.2)(world):
        yield


FAULTS = (
    Fault("killed, started again", "Redis", _killed),
    Fault("paused", "Redis", _paused),
    Fault("full (maxmemory, noeviction)", "Redis", _commands([("CONFIG", "SET", "maxmemory", 1)], _UNLIMITED)),
    Fault("evicting (allkeys-lru)", "Redis", _evicting, forgets=True),
    Fault("slow: 100 ms before each reply", "Redis", _again_and_again(
        lambda _, client: client.client_pause(100), 0.1)),
    Fault("a replica of nothing: read-only", "Redis", _commands(
        [("REPLICAOF", "127.0.0.1", 1)], [("REPLICAOF", "NO", "ONE")])),
    Fault("scripts refused by ACL", "Redis", _commands(
        [("ACL", "SETUSER", "default", *REFUSED)], [("ACL", "SETUSER", "default", "+@all")])),
    Fault("a password set meanwhile", "Redis", _commands(
        [("CONFIG", "SET", "requirepass", "x"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("CONFIG", "SET", "requirepass", "")])),
    Fault("scripts flushed, again and again", "Redis", _again_and_again(lambda _, client: client.script_flush(), 0.01)),
    Fault("connections killed, again and again", "Redis", _again_and_again(
        lambda _, client: client.client_kill_filter(_type="normal", skipme=True), 0.1)),
    Fault("replies cut off, five a second", "Redis", _again_and_again(_lose_a_reply, 0.2)),
    Fault("started again, empty", "Redis", _restarted_empty, forgets=True),
    Fault("master killed, replica promoted by Sentinel", "failover", _failed_over),
)  # fmt: skip
