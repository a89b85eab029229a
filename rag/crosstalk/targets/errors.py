"""What can be wrong with a target: how it is named or described, and how it answers."""

from __future__ import annotations

from rag.errors import CrosswireError


class BadTarget(CrosswireError):
    """A target that cannot be asked as it is named or described."""

    def __init__(self, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"{target} cannot be simulated against: {reason}.")


class TargetFailed(CrosswireError):
    """A turn that the target did not answer as described. It may have taken effect."""

    def __init__(self, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"{target} did not answer: {reason}.")


def first_line(exc: BaseException) -> str:
    """What an error says, in one line."""
    return next(iter(str(exc).splitlines()), "") or type(exc).__name__
