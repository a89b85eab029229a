"""On a cluster the index hears of a session that talks every two seconds, and of a new one at once."""

from __future__ import annotations

import pytest

from rag.sessions.ids import SessionId
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.index_entries import Recent


def test_a_session_is_written_when_it_is_new_or_was_not_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_entries, "_MOST", 2)
    recent, ada, ben = Recent(2.0), SessionId("ada"), SessionId("ben")
    assert recent.due(ada, 100.0, new=False)
    assert not recent.due(ada, 100.0, new=False)
    assert recent.due(ada, 100.0, new=True)
    assert recent.due(ben, 100.0, new=False)
    assert not recent.due(ada, 101.9, new=False)
    assert recent.due(ada, 102.1, new=False)
    assert set(recent._at) == {"ada"}  # what is over is let go
    assert recent.due(ada, 50.0, new=False)  # the clock was set back
    recent.forget(ada)
    assert recent.due(ada, 50.0, new=False)
    recent.drop(51.0)
    assert recent.known() == ["ada"]
    recent.drop(52.0)
    assert recent.known() == []
