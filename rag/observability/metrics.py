"""Figures of the turns of one process, for Prometheus. Each process has its own; Prometheus adds them up."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from rag import errors
from rag.chat import Timings

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: a turn of the offline model takes about one millisecond, one of a language model some seconds."""

OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (errors.TurnBusy, "busy"),
    (errors.TurnLost, "fenced"),
    (errors.TurnUnconfirmed, "unconfirmed"),
    (errors.SessionStoreUnavailable, "store"),
    (errors.StoreFull, "store"),
    (errors.LibraryUnavailable, "library"),
    (errors.ModelError, "model"),
)
"""What a turn's error counts as; all others are `error`."""


def outcome_of(error: Exception) -> str:
    return next((name for kind, name in OUTCOMES if isinstance(error, kind)), "error")


class TurnMetrics:
    """Thread-safe. `registry` is this object's own, so that two of them in one process do not count together."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        turns = Counter("crosswire_turns", "Turns that ended, by how.", ["outcome"], registry=registry)
        self._outcomes = {
            name: turns.labels(name)
            for name in ("answered", "error", "stopped", *dict.fromkeys(name for _, name in OUTCOMES))
        }
        told = "What was refused before it began, by the limit."
        refusals = Counter("crosswire_refusals", told, ["reason"], registry=registry)
        self._refusals = {reason: refusals.labels(reason) for reason in errors.LIMITS}
        self._total = Histogram("crosswire_turn_seconds", "Answered turns, whole.", registry=registry, buckets=BUCKETS)
        phases = Histogram(
            "crosswire_turn_phase_seconds",
            "Phases of answered turns; lock_wait: for another turn of the session, counted where there was one.",
            ["phase"],
            registry=registry,
            buckets=BUCKETS,
        )
        self._wait, self._load, self._rewrite, self._retrieve, self._model, self._save = (
            phases.labels(name) for name in ("lock_wait", "load", "rewrite", "retrieve", "model", "save")
        )

    def answered(self, timings: Timings) -> None:
        self._outcomes["answered"].inc()
        self._total.observe(timings.total)
        if timings.wait:
            self._wait.observe(timings.wait)
        self._load.observe(timings.load)
        self._rewrite.observe(timings.rewrite)
        self._retrieve.observe(timings.retrieve)
        self._model.observe(timings.ask)
        self._save.observe(timings.save)

    def counts(self) -> dict[str, int]:
        """Turns that ended, by how."""
        read = self.registry.get_sample_value
        return {name: int(read("crosswire_turns_total", {"outcome": name}) or 0) for name in self._outcomes}

    def refusals(self) -> dict[str, int]:
        """What was refused, by the limit."""
        read = self.registry.get_sample_value
        return {reason: int(read("crosswire_refusals_total", {"reason": reason}) or 0) for reason in self._refusals}

    def stopped(self) -> None:
        self._outcomes["stopped"].inc()

    def failed(self, error: Exception) -> None:
        if isinstance(error, errors.TooMuch):
            self._refusals[error.reason].inc()
            return
        self._outcomes[outcome_of(error)].inc()
