"""Every group of anomalies, and every outcome of a schedule, has a colour of its own."""

from __future__ import annotations

from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.explore.outcomes import GROUPS
from rag.crosstalk.explore.scenes import LETTERS
from rag.ui.palette import NAMED, OUTCOMES, OWNERS, RIGHT


def test_each_has_a_colour_and_no_two_share_one() -> None:
    assert {definition.group for definition in DEFINITIONS.values()} <= set(OUTCOMES)
    assert {group.name for group in GROUPS} | {RIGHT} == set(OUTCOMES)
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)
    assert "".join(OWNERS) == "".join(NAMED) == LETTERS
    assert len(set(OWNERS.values())) == len(set(NAMED.values())) == len(LETTERS)
