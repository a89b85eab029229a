"""What can be wrong with a target: how it is named or described, and how it answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from rag.errors import CrosswireError


class _OfTarget(CrosswireError):
    says: ClassVar[str]

    def __init__(self, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"{target} {self.says}: {reason}.")


class BadTarget(_OfTarget):
    """A target that cannot be asked as it is named or described."""

    says = "cannot be simulated against"


class TargetFailed(_OfTarget):
    """A turn that the target did not answer as described. It may have taken effect. status: HTTP's, or 0."""

    says = "did not answer"

    def __init__(self, target: str, reason: str, status: int = 0) -> None:
        self.status = status
        super().__init__(target, reason)


class ReplayRefused(TargetFailed):
    """A turn with somebody else's ids that was refused, as it should be."""

    no_effect = True

    def __str__(self) -> str:
        return f"{REFUSED}: {self.reason}."


NOT_YOURS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""How a service refuses what is somebody else's."""
REFUSED = "the replay was refused"


def first_line(exc: BaseException) -> str:
    """What an error says, in one line."""
    return next(iter(str(exc).splitlines()), "") or type(exc).__name__
