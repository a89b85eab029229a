"""Every error that a user can meet. One root; each message is one line that says what happened and what to do.

Two people read it. `str(error)` is for whoever runs the server: the command line, the log and the inspector show it,
with the address or the path in it. `error.public` is for visitors: what happened and what they can do, and nothing of
where things are or what another server said.
"""

from __future__ import annotations

import logging
import math


class CrosswireError(Exception):
    """Root of all errors that Crosswire raises on purpose. `public`: the line for visitors, if it is another one."""

    _public = ""

    def __init__(self, message: str = "", public: str = "") -> None:
        self._public = public
        super().__init__(message)

    @property
    def public(self) -> str:
        """The line that anybody may be shown."""
        return self._public or str(self)

    def __reduce__(self) -> tuple[object, ...]:
        # A subclass is made from its data, not from its message, so the default would not unpickle.
        return _revive, (type(self), self.args), self.__dict__


def public_line(error: CrosswireError) -> str:
    """The line for a visitor who is about to see it. What it leaves out goes to the log."""
    if error.public != str(error):
        logging.getLogger("crosswire").warning("%s", error)
    return error.public


SETUP = "settings cannot be used. Tell its administrator: the log says which."
AGAIN = "Nothing was saved; try again in a moment."
LATER = "Nothing was lost: the site is being renewed, try again in a moment."


def _revive(kind: type[CrosswireError], args: tuple[object, ...]) -> CrosswireError:
    error = kind.__new__(kind)
    error.args = args
    return error


class BadSetting(CrosswireError):
    """A variable holds a value that cannot be used."""

    def __init__(self, variable: str, value: str, expected: str) -> None:
        self.variable = variable
        self.value = value
        self.expected = expected
        super().__init__(f"{variable} is {value!r}: expected {expected}.", f"This server's {SETUP}")


LIMITS = {
    "session_turns": "Too many questions",
    "address_turns": "Too many questions from your network",
    "session_uploads": "Too many documents",
    "address_uploads": "Too many documents from your network",
    "address_sessions": "Too many new sessions from your network",
    "session_at_once": "This session has too many questions under way",
    "address_at_once": "Your network has too many questions under way",
    "busy": "Too many questions are under way",
}
"""Every reason for which something is refused, as visitors are told it."""

# --- sessions ------------------------------------------------------------------------------------------------


class SessionStoreUnavailable(CrosswireError):
    """Redis cannot be reached, or went away. Nothing was stored."""

    def __init__(
        self, target: str, reason: str, todo: str = "Start it, or correct REDIS_URL.", be: str = "reached"
    ) -> None:
        self.target = target
        self.reason = reason
        super().__init__(
            f"The session store at {target} cannot be {be} ({reason}). {todo}",
            f"The session store cannot be {be} right now. {AGAIN}",
        )


class StoreFull(CrosswireError):
    """Redis refuses to write because its memory limit is reached. Nothing was stored."""

    def __init__(self) -> None:
        super().__init__(
            "The session store is full, so nothing was saved. "
            "Raise Redis' maxmemory or shorten SESSION_TTL_SECONDS, then try again.",
            "The session store is full, so nothing was saved. Try again later.",
        )


class StoreDiskFull(SessionStoreUnavailable):
    """The disk that the session store writes to has no room. What was stored before is kept, and can be read."""

    def __init__(self, disk: str, reason: str) -> None:
        self.disk = disk
        self.target = disk
        self.reason = reason
        CrosswireError.__init__(
            self,
            f"The disk of the session store is full ({disk}: {reason}), so nothing was saved. "
            "Free some space on it and try again; nothing has to be restarted.",
            "The disk of the session store is full, so nothing was saved. What was saved before can be read; "
            "try again later.",
        )


class BadSessionId(CrosswireError):
    """A text that cannot be a session id."""

    def __init__(self, value: str, reason: str) -> None:
        self.value = value
        self.reason = reason
        super().__init__(
            f"{value[:40]!r} is not a session id: {reason}. "
            "Expected 1 to 128 printable characters without control characters."
        )


class TurnBusy(CrosswireError):
    """Another turn of the same session did not finish in the time that we were ready to wait."""

    def __init__(self, session_id: str, waited: float) -> None:
        self.session_id = session_id
        self.waited = waited
        super().__init__(
            f"This session is still answering another question (waited {waited:.0f} s). "
            "Wait for it to finish in the other tab, or try again."
        )


class TurnLost(CrosswireError):
    """This turn no longer holds its session: it took too long, and another turn or a clear came between."""

    def __init__(self, session_id: str, reason: str = "the session moved on while it was being answered") -> None:
        self.session_id = session_id
        self.reason = reason
        super().__init__(f"This answer was not saved: {reason}. Nothing else changed; try again.")


class TooMuch(CrosswireError):
    """Refused before anything began. reason: which limit, one of `LIMITS`; retry_after: seconds."""

    reason: str
    retry_after: float


class OverLimit(TooMuch):
    """Somebody asked for more in a short time than anybody may."""

    def __init__(self, reason: str, retry_after: float) -> None:
        self.reason = reason
        self.retry_after = retry_after
        seconds = max(1, math.ceil(retry_after))
        super().__init__(f"{LIMITS[reason]} in a short time. Nothing was saved; try again in {seconds} s.")


class TooManyAtOnce(TooMuch):
    """Somebody has more questions under way than anybody may have at once."""

    def __init__(self, reason: str, retry_after: float = 5.0) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(f"{LIMITS[reason]}: wait for their answers, then ask again.")


class Overloaded(TooMuch):
    """More is asked than this server can answer."""

    def __init__(self, retry_after: float = 2.0) -> None:
        self.reason = "busy"
        self.retry_after = retry_after
        super().__init__(f"{LIMITS['busy']}: nothing was saved. Try again in a moment.")


class CredentialEnded(CrosswireError):
    """Whoever asked is nobody any more: the browser has changed its session meanwhile. No turn was begun."""

    def __init__(self) -> None:
        super().__init__("This browser has changed its session in another tab: reload this page.")


class TurnUnconfirmed(CrosswireError):
    """The turn is stored, but not on as many replicas as REDIS_WAIT_REPLICAS asks for, and a failover may lose it."""

    def __init__(self, session_id: str, replicas: int, wanted: int, seconds: float) -> None:
        self.session_id = session_id
        self.replicas = replicas
        super().__init__(
            f"This answer was stored, but only {replicas} of {wanted} replicas had it after {seconds:g} s "
            "(REDIS_WAIT_REPLICAS): a failover may lose it. Look at the session before asking again.",
            "This answer was stored, but its copies were not confirmed, so a failure of the server may still lose it. "
            "Look at the conversation before you ask again.",
        )


class SealBroken(CrosswireError):
    """Stored messages cannot be decrypted with the keys at hand. Nothing was deleted."""

    def __init__(self, session_id: str, reason: str) -> None:
        self.session_id = session_id
        self.reason = reason
        super().__init__(
            f"The stored messages of this session cannot be decrypted ({reason}). Nothing was deleted: "
            "put the key that wrote them back into SESSION_ENCRYPTION_KEYS."
        )


class NewerFormat(SealBroken):
    """A session has a form that only a later version knows. As without the key: nobody reads or deletes it."""

    def __init__(self, session_id: str, version: int | bytes) -> None:
        """version: as it was found, whatever that is."""
        self.session_id = session_id
        told = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
        self.reason = f"form {told[:16]}"
        CrosswireError.__init__(
            self,
            f"The stored messages of this session were written by a later version ({self.reason}). Nothing was "
            "deleted: go back to that version of Crosswire.",
            f"A later version of this site has continued this session. {LATER}",
        )


class NewerCookie(CrosswireError):
    """A cookie that this server's secret signed has a form that only a later version knows: it is left as it is."""

    def __init__(self) -> None:
        super().__init__(
            "A cookie was issued by a later version of Crosswire, and is left as it is: go back to that version.",
            f"This browser's cookie is of a later version of this site. {LATER}",
        )


# --- chat ----------------------------------------------------------------------------------------------------


class BadQuestion(CrosswireError):
    """A message that cannot be sent: empty, or too long."""


class ModelError(CrosswireError):
    """The model gave no usable answer. Nothing was stored."""


class AnswerTooLong(ModelError):
    """The model wrote more than MODEL_MAX_ANSWER_CHARS, and was cut off."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        super().__init__(
            f"The model's answer is longer than {longest:,} characters (MODEL_MAX_ANSWER_CHARS), so it was cut off. "
            "Nothing was saved; ask for less, raise the limit, or choose another CHAT_MODEL.",
            f"The model's answer is longer than {longest:,} characters, so it was cut off. Nothing was saved; ask for "
            "less.",
        )


class ModelUnavailable(ModelError):
    """The model's server cannot be reached, stalled, or dropped the answer half-way. `told`: why, for visitors."""

    def __init__(self, target: str, reason: str, told: str = "") -> None:
        self.target = target
        self.reason = reason
        super().__init__(
            f"The model at {target} gave no complete answer ({reason}). "
            "Nothing was saved; check OPENAI_BASE_URL and try again.",
            f"The model gave no complete answer{f' ({told})' if told else ''}. {AGAIN}",
        )


class ModelTooSlow(ModelUnavailable):
    """The model did not answer within MODEL_TIMEOUT_SECONDS."""

    def __init__(self, target: str) -> None:
        reason = "it did not answer in time; MODEL_TIMEOUT_SECONDS sets how long we wait"
        super().__init__(target, reason, "it did not answer in time")


class ModelRefused(ModelError):
    """The model's server does not accept the key or the request. `told`: the reason for visitors."""

    def __init__(self, target: str, reason: str, told: str = "") -> None:
        self.target = target
        self.reason = reason
        super().__init__(
            f"The model at {target} refused the request ({reason}). "
            "Nothing was saved; check OPENAI_API_KEY and CHAT_MODEL.",
            f"The model refused the request{f' ({told})' if told else ''}. Nothing was saved; "
            f"{'change the question and ask again' if told else 'its administrator finds the reason in the log'}.",
        )


class ModelBusy(ModelError):
    """The model's server limits the rate of requests."""

    def __init__(self, target: str, retry_after: float | None = None) -> None:
        self.target = target
        self.retry_after = retry_after
        limits = "limits the rate of requests. Nothing was saved; try again"
        wait = f"in {retry_after:.0f} s" if retry_after else "in a moment"
        super().__init__(f"The model at {target} {limits} {wait}.", f"The model {limits} {wait}.")


# --- knowledge -----------------------------------------------------------------------------------------------


class BadDocument(CrosswireError):
    """A document that cannot be read. The others of the same ingest are not affected."""

    def __init__(self, name: str, reason: str, todo: str = "It was skipped; correct it and add it again.") -> None:
        self.name = name
        self.reason = reason
        self.todo = todo
        super().__init__(f"{name}: {reason}. {todo}")


class LibraryUnavailable(CrosswireError):
    """The knowledge library cannot be opened or reached."""

    def __init__(self, target: str, reason: str, todo: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(
            f"The library at {target} cannot be used ({reason}). {todo}",
            f"The library cannot be used right now. {AGAIN}",
        )
