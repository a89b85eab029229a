"""What can happen to the server that holds the sessions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import redis

from tests.faults.fault import Fault, Sign, noticed, repeated
from tests.faults.world import World

Make = Callable[[World], AbstractContextManager[None]]
NO_ANSWER, SLOW, KILLED = "PINGs unanswered", "PINGs over 50 ms", "connections killed"
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
        with world.server.client() as client:

            def once() -> None:
                with suppress(redis.RedisError):
                    act(world, client)

            with repeated(once, every):
                yield

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
    with world.server.client(seconds=0.3) as client, suppress(redis.TimeoutError):
        client.ping()
        raise AssertionError("a suspended server answered")
    world.noticed[NO_ANSWER] += 1
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
    world.replies.lose_replies(1)


def _slow(world: World, client: redis.Redis) -> None:
    client.client_pause(100)
    asked = time.monotonic()
    client.ping()
    world.noticed[SLOW] += time.monotonic() - asked > 0.05


def _kill_connections(world: World, client: redis.Redis) -> None:
    world.noticed[KILLED] += int(client.client_kill_filter(_type="normal", skipme=True))


def _evict(world: World, client: redis.Redis) -> None:
    used = int(client.info("memory")["used_memory"])
    client.config_set("maxmemory", int(used * 0.98))


_UNLIMITED: list[tuple[str | int, ...]] = [("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")]


def _evicting(policy: str) -> Make:
    @contextmanager
    def context(world: World) -> Iterator[None]:
        setting = ("CONFIG", "SET", "maxmemory-policy", policy)
        with _commands([setting], _UNLIMITED)(world), _again_and_again(_evict, 0.2)(world):
            yield

    return context


def _info(section: str, name: str, words: str, part: str = "") -> Sign:
    """A number of the server's own INFO; part: where there are several in it."""

    def count(world: World) -> int:
        with world.server.client() as client:
            found = client.info(section).get(name, 0)
        return int(found.get(part, 0) if isinstance(found, dict) else found)

    return Sign(words, count)


def _errors(kind: str) -> Sign:
    return _info("errorstats", f"errorstat_{kind}", f"{kind} replies", "count")


def logged(words: str, shown_as: str) -> Sign:
    """Lines of the server's log."""
    return Sign(shown_as, lambda world: world.server.log().count(words))


READY = "Ready to accept connections"
STARTS = logged(READY, "starts")
EMPTY = Sign("starts without data", lambda world: STARTS.count(world) - world.server.log().count("DB loaded from base"))
EVICTED = _info("stats", "evicted_keys", "keys evicted")

FAULTS = (
    Fault("killed, started again", "Redis", _killed, STARTS),
    Fault("paused", "Redis", _paused, noticed(NO_ANSWER)),
    Fault("full (maxmemory, noeviction)", "Redis", _commands([("CONFIG", "SET", "maxmemory", 1)], _UNLIMITED),
        _errors("OOM")),
    Fault("evicting (allkeys-lru)", "Redis", _evicting("allkeys-lru"), EVICTED, forgets=True),
    Fault("evicting (allkeys-random)", "Redis", _evicting("allkeys-random"), EVICTED, forgets=True),
    Fault("slow: 100 ms before each reply", "Redis", _again_and_again(_slow, 0.1), noticed(SLOW)),
    Fault("a replica of nothing: read-only", "Redis", _commands(
        [("REPLICAOF", "127.0.0.1", 1)], [("REPLICAOF", "NO", "ONE")]), _errors("READONLY")),
    Fault("scripts refused by ACL", "Redis", _commands(
        [("ACL", "SETUSER", "default", *REFUSED)], [("ACL", "SETUSER", "default", "+@all")]), _errors("NOPERM")),
    Fault("a password set meanwhile", "Redis", _commands(
        [("CONFIG", "SET", "requirepass", "x"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")],
        [("CONFIG", "SET", "requirepass", "")]), _errors("NOAUTH")),
    Fault("scripts flushed, again and again", "Redis", _again_and_again(
        lambda _, client: client.script_flush(), 0.01), _errors("NOSCRIPT")),
    Fault("connections killed, again and again", "Redis", _again_and_again(_kill_connections, 0.1), noticed(KILLED)),
    Fault("replies cut off, five a second", "Redis", _again_and_again(_lose_a_reply, 0.2),
        Sign("replies lost", lambda world: world.replies.lost)),
    Fault("started again, empty", "Redis", _restarted_empty, EMPTY, forgets=True),
    Fault("master killed, replica promoted by Sentinel", "failover", _failed_over,
        Sign("promotions reported", lambda world: world.sentinel_log().count("+switch-master"))),
)  # fmt: skip
