"""What one process shares: opened together or not at all, and what is said of it at the start."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from rag import services
from rag.sessions.opening import open_store
from rag.settings import Settings
from tests.servers import Server

NO_INFO = ("--user", "default", "on", "nopass", "~*", "&*", "+@all", "-info", "-config")


@pytest.mark.parametrize("fails", ["make_embedder", "open_library", "make_model", "from_setting"])
def test_what_was_opened_is_closed_if_the_rest_fails(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    client, library = Mock(), Mock()
    monkeypatch.setattr(services, "open_store", lambda _: (client, Mock()))
    for name, value in {"make_embedder": Mock(), "open_library": library, "make_model": Mock()}.items():
        monkeypatch.setattr(services, name, Mock(return_value=value))
    monkeypatch.setattr(services, fails, Mock(side_effect=ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        services.build(Settings())
    client.close.assert_called_once()
    assert library.close.call_count == (fails in ("make_model", "from_setting"))


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        (("--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"), True),
        (("--maxmemory", "20mb", "--maxmemory-policy", "noeviction"), False),
        (("--maxmemory-policy", "allkeys-lru"), False),
        (("--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru", *NO_INFO), False),
    ],
    ids=["evicts", "refuses", "no limit", "may not ask"],
)  # fmt: skip
def test_a_redis_that_evicts_is_warned_of(
    options: tuple[str, ...], warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Server(*options) as server:
        client, store = open_store(Settings(redis_url=server.url, state_dir=tmp_path))
        services.warn_of_eviction(Mock(store=store))
        client.close()
    assert ("Set maxmemory-policy to noeviction" in caplog.text) == warned
    assert "\n" not in "".join(record.message for record in caplog.records)
