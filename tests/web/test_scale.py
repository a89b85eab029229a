"""`bench scale` on a real embedded server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rag.web.bench import scale


def test_each_level_has_its_sessions_and_a_million_are_reckoned_from_the_largest(tmp_path: Path) -> None:
    told: list[str] = []
    rows = list(scale.run(tmp_path, (5, 60), seconds=0.05, progress=told.append))
    assert [row.sessions for row in rows] == [5, 60]
    assert told[0] == "5 live sessions: writing"
    for row in rows:
        assert row.redis_bytes > 1000  # ten messages
        assert 0 < row.p50 <= row.p99
    large = replace(rows[1], redis_bytes=4000.0, rate=2000.0)
    memory, rate = scale.extrapolated([rows[0], large], every=100.0)
    assert "4.0 GB" in memory
    assert "10,000 turns a second: 5.0 times" in rate
