"""What people believe of chat memories, measured here and now."""

from __future__ import annotations

from rag.crosstalk.beliefs.measuring import Measurements
from rag.crosstalk.beliefs.registry import BELIEFS, Belief, Code
from rag.crosstalk.beliefs.results import Measured

__all__ = ["BELIEFS", "Belief", "Code", "Measured", "Measurements"]
