"""What a session has cleared, or has outlived, no replica finds from then on, whatever becomes of the deletion; and
what is added while another replica deletes is not lost. On the embedded Chroma and on a Chroma server.

Nothing here waits: the other replica acts before each of the requests of the first one, in turn.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.erasure import add_document, clear, sweep
from rag.errors import CrosswireError, LibraryUnavailable
from rag.knowledge import Library, Owner
from rag.services import Services, build, load_articles
from rag.settings import Settings
from tests import PROJECT
from tests.faults.world import Chroma
from tests.servers import Server

Replicas = tuple[Services, Services]
QUESTION = "What is the Kestrel pitch code?"
CODE = "ZEBRA-77"
MINE = f"# The Kestrel tent\n\nThe Kestrel pitch code is {CODE}.\n".encode()
NEW = b"# The lamp\n\nIts serial number is LMP-99821.\n"


@pytest.fixture(scope="module", params=["embedded", "server"])
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("r")
    shutil.copytree(PROJECT / "data" / "knowledge" / "returns", folder / "articles" / "returns")
    told: dict[str, Any] = {"state_dir": folder / "s", "knowledge_dir": folder / "articles"}
    with Server() as redis, _chroma(request.param, folder) as chroma_url:
        settings = Settings(**told, redis_url=redis.url, chroma_url=chroma_url)
        with closing(build(settings)) as one, closing(build(settings)) as other:
            load_articles(one)
            yield one, other


@contextmanager
def _chroma(kind: str, folder: Path) -> Iterator[str]:
    if kind == "embedded":
        yield kind
        return
    server = Chroma(folder / "chroma")
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


@contextmanager
def unable(*what: str) -> Iterator[None]:
    """The library can be searched; what this session has cleared it does not delete."""

    def refuse(*_: object, **__: object) -> None:
        raise LibraryUnavailable("a folder", "read-only", "Mend it.")

    with pytest.MonkeyPatch.context() as patch:
        for name in what:
            patch.setattr(Library, name, refuse)
        yield


def own(services: Services, sid: str) -> list[str]:
    found = services.library.documents(sid, services.store.collection(sid))
    return [info.name for info in found if info.private]


def cited(services: Services, sid: str) -> bool:
    """In an answer, in what a model would be sent, or in a search as the page Knowledge makes it."""
    reply = services.chat.answer(sid, QUESTION)
    sent = "\n".join(message.text for message in services.chat.preview(sid, "And its bag?"))
    found = services.library.search(QUESTION, 4, sid, services.store.collection(sid))
    seen = [any(source.private for source in reply.sources), CODE in sent, any(one.private for one in found)]
    assert len({*seen}) == 1, seen
    return seen[0]


@pytest.fixture
def sid(replicas: Replicas) -> str:
    """A session whose document both replicas have in memory."""
    sid = secrets.token_hex(32)
    add_document(replicas[0], sid, "mine.md", MINE)
    assert all(cited(services, sid) for services in replicas)
    return sid


@pytest.mark.parametrize("failing", [("forget",), ("forget", "owners", "drop_ended")])
def test_what_was_cleared_is_not_found_though_it_could_not_be_deleted(
    replicas: Replicas, sid: str, failing: tuple[str, ...]
) -> None:
    one, other = replicas
    with unable(*failing):
        assert not clear(one, sid).documents
        for services in (other, one):
            assert not cited(services, sid)
            assert own(services, sid) == []
        add_document(other, sid, "new.md", NEW)
        assert own(one, sid) == own(other, sid) == ["new.md"]
        for services in replicas:
            with pytest.raises(LibraryUnavailable):
                sweep(services)
            assert {owner for owner in services.library.remembered() if owner.session_id == sid} <= {
                Owner(sid, services.store.collection(sid))
            }
    assert sweep(one) == 1
    left = [owner for owner in one.library.owners() if owner.session_id == sid]
    assert left == [Owner(sid, one.store.collection(sid))]
    assert own(one, sid) == own(other, sid) == ["new.md"]
    assert one.store.documents_due.all() == []


def test_a_session_that_goes_on_after_its_end_does_not_have_what_it_had_before(replicas: Replicas, sid: str) -> None:
    one, other = replicas
    keys = one.store.protocol.keys
    before = one.store.collection(sid)
    one.client.delete(*one.store.protocol.keys.of(sid))  # type: ignore[arg-type]  # as the end of its time to live does
    one.client.zadd(keys.ends, {sid: 1.0})
    assert not any(cited(services, sid) for services in replicas)
    assert sweep(other) == 1
    assert Owner(sid, before) not in other.library.owners()
    assert one.store.live([sid]) == {sid}
    add_document(one, sid, "mine.md", MINE)
    assert all(cited(services, sid) for services in replicas)


def test_an_index_that_others_overwrote_keeps_no_documents(replicas: Replicas, sid: str) -> None:
    one, other = replicas
    keys = one.store.protocol.keys
    one.client.delete(*keys.of(sid))  # type: ignore[arg-type]
    one.client.delete(keys.ends)
    one.client.set(keys.ends, "what is this")
    with pytest.raises(CrosswireError):
        sweep(other)
    assert sid not in {owner.session_id for owner in (*one.library.owners(), *other.library.remembered())}
    one.client.delete(keys.ends)


def test_documents_of_an_earlier_version_are_added_to_and_end_with_their_session(replicas: Replicas) -> None:
    one, other = replicas
    sid = secrets.token_hex(32)
    one.store.touch(sid)
    one.library.add_private(sid, "mine.md", MINE)  # as a version did that named no collections
    assert all(cited(services, sid) for services in replicas)
    add_document(other, sid, "new.md", NEW)
    assert sweep(one) == 0
    assert own(one, sid) == own(other, sid) == ["mine.md", "new.md"]
    with unable("forget"):
        clear(one, sid)
        add_document(one, sid, "new.md", NEW)
    assert (own(one, sid), own(other, sid)) == (["new.md"], ["new.md"])
    assert sweep(other) == 1
    assert (own(one, sid), own(other, sid)) == (["new.md"], ["new.md"])


def interleaved(replicas: Replicas, act: Callable[[str], object], meanwhile: Callable[[str], object]) -> Iterator[str]:
    """New sessions in which the first replica does one thing, and the other one another: before the first request to
    Chroma that this takes, before the second, and so on. Its id, when both are done."""
    one, _ = replicas
    for place in count():
        sid = secrets.token_hex(32)
        add_document(one, sid, "mine.md", MINE)
        seen = 0

        def before(asked: Callable[..., Any], place: int = place, sid: str = sid) -> Callable[..., Any]:
            def hooked(*args: Any, **more: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == place + 1:
                    patch.undo()
                    meanwhile(sid)
                return asked(*args, **more)

            return hooked

        with pytest.MonkeyPatch.context() as patch:
            # Embedded, one process writes at a time, and a request to that one is all that others can come between.
            store: Any = one.library._store
            if one.settings.chroma_url == "embedded":
                patch.setattr(store, "write", before(store.write))
            else:
                patch.setattr(httpx.Client, "send", before(httpx.Client.send))
            act(sid)
        if seen <= place:
            assert place > 0
            return
        yield sid


def test_a_document_that_is_added_while_the_last_one_is_removed_is_not_lost(replicas: Replicas) -> None:
    one, other = replicas

    def remove(services: Services) -> Callable[[str], object]:
        return lambda sid: services.library.remove_private(sid, "upload:mine.md", services.store.collection(sid))

    def add(services: Services) -> Callable[[str], object]:
        return lambda sid: add_document(services, sid, "new.md", NEW)

    for first, second in ((remove(one), add(other)), (add(one), remove(other))):
        for sid in interleaved(replicas, first, second):
            assert own(one, sid) == own(other, sid) == ["new.md"]
            assert other.library.search("lamp serial number", 1, sid, other.store.collection(sid))[0].private
            sweep(one)
            assert own(one, sid) == own(other, sid) == ["new.md"]
            clear(one, sid)
            assert sid not in {owner.session_id for owner in one.library.owners()}


def test_a_document_that_is_added_while_its_session_is_cleared_is_of_the_session_that_goes_on(
    replicas: Replicas,
) -> None:
    one, other = replicas
    for sid in interleaved(replicas, lambda sid: clear(one, sid), lambda sid: add_document(other, sid, "new.md", NEW)):
        sweep(one)
        assert own(one, sid) == own(other, sid) == ["new.md"]
