"""Audits that go on in the background, each for the session that started it; nobody sees another one's.

One at a time in a process: two would slow each other, and what is slow cannot be told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.audit.checks import Check
from rag.audit.results import Audit
from rag.audit.run.session import audit
from rag.errors import CrosswireError

LOG = logging.getLogger(__name__)
KEPT = 30
"""Sessions whose newest audits are kept."""
MOST_TARGETS = 8


class AuditUnderWay(CrosswireError):
    """There is no room for another one now."""

    def __init__(self) -> None:
        super().__init__("An audit is under way already, by you or by somebody else: wait until it has ended.")


@dataclass(slots=True)
class Auditing:
    """One or several targets, one after the other. What changes is replaced, not edited."""

    targets: tuple[str, ...]
    checks: tuple[Check, ...]
    audits: dict[str, Audit] = field(default_factory=dict)
    """By target, those that were begun."""
    problems: dict[str, str] = field(default_factory=dict)
    """By target: why it could not be audited, one line."""
    target: str = ""
    """The one that is audited now."""
    now: audit | None = None
    """Its audit."""
    busy: bool = True
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> str:
        """The id of the check that is tried now; empty while a target is opened."""
        return self.now.running if self.now else ""

    @property
    def share(self) -> float:
        """Of all that is to be tried, what was."""
        done = sum(
            len(self.checks) if name in self.problems else len(self.audits[name].outcomes) for name in self.audits
        )
        return done / max(1, len(self.targets) * len(self.checks))


class Audits:
    """Thread-safe. One instance serves all sessions of a process."""

    def __init__(self) -> None:
        self._newest: dict[str, Auditing] = {}
        self._lock = threading.Lock()

    def start(self, session_id: str, targets: Sequence[str], checks: Sequence[Check]) -> Auditing:
        """Instead of what this session had. Raises AuditUnderWay, and CrosswireError for too many targets."""
        if not targets or len(targets) > MOST_TARGETS:
            raise CrosswireError(f"Choose 1 to {MOST_TARGETS} targets.")
        with self._lock:
            if any(each.busy for each in self._newest.values()):
                raise AuditUnderWay
            self._newest.pop(session_id, None)
            while len(self._newest) >= KEPT:
                del self._newest[next(iter(self._newest))]
            begun = self._newest[session_id] = Auditing(tuple(dict.fromkeys(targets)), tuple(checks))
        threading.Thread(target=self._serve, args=(begun,), name="audit", daemon=True).start()
        return begun

    def find(self, session_id: str) -> Auditing | None:
        """The newest of this session."""
        with self._lock:
            return self._newest.get(session_id)

    def stop(self, session_id: str) -> None:
        """End it at once; what it has found is kept."""
        if found := self.find(session_id):
            found.stop.set()

    def close(self) -> None:
        with self._lock:
            for each in self._newest.values():
                each.stop.set()

    def _serve(self, begun: Auditing) -> None:
        try:
            for name in begun.targets:
                if begun.stop.is_set():
                    break
                begun.target = name
                self._audit(begun, name)
        finally:
            begun.target, begun.now = "", None
            begun.busy = False

    def _audit(self, begun: Auditing, name: str) -> None:
        running = begun.now = audit(name, begun.checks, stop=begun.stop)
        begun.audits = {**begun.audits, name: running.result}
        try:
            for _ in running:
                """Its result grows by it."""
        except CrosswireError as exc:
            begun.problems = {**begun.problems, name: str(exc)}
        except Exception as exc:
            LOG.exception("the audit of %s", name)
            begun.problems = {**begun.problems, name: f"{name}: {type(exc).__name__}: see the server's log."}
