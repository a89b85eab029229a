"""What whoever runs the server sees of its turns: figures, log lines and spans. Never a text, never an id in clear."""

from rag.observability.metrics import TurnMetrics
from rag.observability.turns import TurnWatch

__all__ = ["TurnMetrics", "TurnWatch"]
