"""One check, tried in each lane that the store has."""

from __future__ import annotations

import tempfile
import time
import uuid

from rag.audit.checks.registry import Check
from rag.audit.kit.contract import CannotTell, NotApplicable, Wrong
from rag.audit.kit.opening import Target
from rag.audit.kit.trial import Trial
from rag.audit.results import ORDER, Outcome, Status


async def tried(check: Check, target: Target) -> Outcome:
    """Its outcome: the worst of its lanes'."""
    began = time.monotonic()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        try:
            lanes = [lane for lane in await target.lanes(folder) if lane in check.lanes]
        except Exception as exc:
            return _seen(check, "unknown", f"The store cannot be opened: {type(exc).__name__}: {exc}")
        for lane in lanes:
            outcomes.append(await _in_lane(check, target, lane, folder))
    if not outcomes:
        return _seen(check, "not applicable", f"The interface has no {' or '.join(check.lanes)} calls.")
    found = min(outcomes, key=lambda each: ORDER.index(each.status))
    found.tried = [note for each in outcomes for note in each.tried]
    found.seconds = round(time.monotonic() - began, 3)
    return found


async def _in_lane(check: Check, target: Target, lane: str, folder: str) -> Outcome:
    trial = Trial(target, lane, folder, f"r{uuid.uuid4().hex[:7]}")
    try:
        await check.body(trial)
        found = _seen(check, "pass", "")
    except Wrong as exc:
        found = _seen(check, "fail", str(exc))
    except NotApplicable as exc:
        found = _seen(check, "not applicable", str(exc))
    except CannotTell as exc:
        found = _seen(check, "unknown", str(exc))
    except Exception as exc:  # the store's own error, where none was expected
        found = _seen(check, "unknown", f"The store raised {type(exc).__name__}: {str(exc)[:300]}")
    found.lane = lane
    found.tried = trial.notes or [f"{lane}: one after the other"]
    found.figures = trial.figures
    found.evidence = _plain(found.evidence, trial.run)
    found.replay = [
        (_sayable(step.who), _plain(_sayable(step.did), trial.run), _plain(_sayable(step.came), trial.run))
        for step in trial.steps
    ]
    return found


def _plain(text: str, run: str) -> str:
    """With the names of conversations as the check has them: what makes them this run's own tells a reader nothing."""
    return text.replace(f"'{run}-", "'")


def _seen(check: Check, status: Status, evidence: str) -> Outcome:
    return Outcome(check.id, status, _sayable(" ".join(evidence.split())))


def _sayable(text: str) -> str:
    """With what UTF-8 cannot say, as a hostile text may hold it, written out."""
    return text.encode(errors="backslashreplace").decode()
