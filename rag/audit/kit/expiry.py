"""When the keys of one conversation expire: Redis is asked beside the store, through a connection of its own.

Which keys they are is told by what the store sends: the words of its commands that are keys, and that it does not
send for another conversation as well.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from rag.audit.kit.contract import NotApplicable
from rag.audit.kit.trial import Store, Trial
from rag.audit.kit.wire import Wire, watched

LONGEST_KEY = 1024
"""Bytes; longer words are taken for values."""
FOREVER = -1
"""What is left of a key's time if it does not expire."""

Where = tuple[str, ...]
"""A server and its database."""


@dataclass(frozen=True, order=True)
class Key:
    where: Where
    name: bytes

    def __str__(self) -> str:
        return repr(self.name.decode(errors="replace"))


class Keys:
    """What is left of the time of the keys that a store names, in ms."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.others: set[Key] = set()
        """Named for other conversations, too."""
        self._links: dict[Where, Any] = {}

    def named(self) -> set[Key]:
        """The words that were sent to a Redis and could be keys."""
        found: set[Key] = set()
        for sent in self.wire.sent:
            if sent.client == "redis":
                where = self._beside(sent.link)
                found.update(
                    Key(where, word) for command in sent.commands for word in command[1:] if len(word) <= LONGEST_KEY
                )
        return found

    def left(self) -> dict[Key, int]:
        """Of each key of the conversation that is there now."""
        wanted: dict[Where, list[Key]] = {}
        for key in sorted(self.named() - self.others):
            wanted.setdefault(key.where, []).append(key)
        found: dict[Key, int] = {}
        with self.wire.aside():
            for where, keys in wanted.items():
                pipeline = self._links[where].pipeline(transaction=False)
                for key in keys:
                    pipeline.pttl(key.name)
                found.update(zip(keys, pipeline.execute(raise_on_error=False), strict=True))
        return {key: left for key, left in found.items() if isinstance(left, int) and left >= FOREVER}

    def on(self, key: Key, command: str, *given: object) -> Any:
        """Give the server a command on this key. Its reply."""
        with self.wire.aside():
            return self._links[key.where].execute_command(command, key.name, *given)

    def _beside(self, link: Any) -> Where:
        names = ("path", "host", "port", "db")
        where = tuple(str(getattr(link, name, "") or "") for name in names)
        if where not in self._links:
            self._links[where] = beside(link)
        return where

    def close(self) -> None:
        with self.wire.aside():
            for each in self._links.values():
                each.close()


def beside(link: Any) -> Any:
    """A client of our own to the server of a connection, of the same library. It repeats nothing."""
    home = next(kind.__module__ for kind in type(link).__mro__ if kind.__module__.startswith(("redis.", "valkey.")))
    library = sys.modules[home.partition(".")[0]]
    given = {
        ours: found
        for ours, theirs in (("unix_socket_path", "path"), ("host", "host"), ("port", "port"), ("db", "db"))
        if (found := getattr(link, theirs, None))
    }
    provider = getattr(link, "credential_provider", None)
    login = (
        provider.get_credentials() if provider else (getattr(link, "username", None), getattr(link, "password", None))
    )
    given |= dict(zip(("username", "password") if len(login) == 2 else ("password",), login, strict=True))
    if any("SSL" in kind.__name__ for kind in type(link).__mro__):
        # To the very server that the store has already seen to be the right one.
        given |= {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    kind = getattr(library, "Redis", None) or library.Valkey
    never = library.retry.Retry(library.backoff.NoBackoff(), 0)
    return kind(**given, retry=never)


@contextlib.asynccontextmanager
async def expiring(trial: Trial) -> AsyncIterator[tuple[Store, Keys]]:
    """The store, and the keys of what is added from now on. Raises NotApplicable if it is not in a Redis."""
    async with watched(trial) as (store, wire):
        keys = Keys(wire)
        try:
            for text in ("shows what", "all conversations share"):
                await store.say("somebody else", trial.at("another"), text)
            await store.read("somebody else", trial.at("another"))
            keys.others = keys.named()
            wire.sent.clear()
            if not keys.others:
                raise NotApplicable("no command to a Redis is seen: expiry is looked at where keys expire")
            yield store, keys
        finally:
            keys.close()


def some(left: dict[Key, int]) -> dict[Key, int]:
    """The same. Raises NotApplicable if none of them expires."""
    if not any(each > FOREVER for each in left.values()):
        raise NotApplicable("no key of a conversation expires: no expiry is set")
    return left
