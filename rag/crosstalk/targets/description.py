"""How a chat is asked: a description in YAML, checked before anything is sent.

    url: https://chat.example.org/api/ask       # left out: the target's own; ws://… for a websocket
    headers: {Authorization: "Bearer ${TOKEN}"} # ${…}: from the environment
    cookies: {sid: "{session}"}
    json: {conversation: "{session}", message: "{text}"}  # or form, query, or text for a plain body
    answer: reply.text                          # where the answer is (see `answers`); left out: the whole body

What one answer holds and the next request needs is carried over:

    before:                                     # once for each user, before the first turn
      - {url: /login, json: {user: "{login}", password: "{password}"}, keep: {token: access_token}}
    keep: {conversation: conversation_id}       # from each turn's answer
    initially: {conversation: ""}               # what it is until then
    then:                                       # after each turn's request; the last one's answer counts
      - {method: GET, url: "/tasks/{task}", until: status=done, every: 0.5}
    users: people.csv                           # whose columns are values; or {login: "user{number}@example.org"}

`{text}` is the question, `{messages}` the conversation so far as role and content, `{session}` and `{user}` who asks,
`{number}` the user's number from 1, `{uuid}` an id of the session in that form, `{request}` a new one each time,
`{count}` the number of this user's request (1, 2, 3, for each user anew), `{now}` the time (ISO 8601), and `{fact}`
something that only this user is told to have: where a service knows its users by a header or a profile.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.crosstalk.targets.filling import names
from rag.crosstalk.targets.people import People

GIVEN = ("text", "messages", "session", "user", "number", "uuid", "request", "count", "now", "fact")
"""Values that every request has."""
ASIDES = ("upload", "read", "listed", "delete")
"""Requests that scenes ask besides."""
SCHEMES = ("http://", "https://", "ws://", "wss://")


class Between(BaseModel):
    """A value in a text: what stands between these two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: str = Field(min_length=1)
    before: str = Field(min_length=1)


class Step(BaseModel):
    """One request. keep: by the value's name, where in the answer it is: a path as in `answers`, `header:NAME`,
    `cookie:NAME`, the first of several, or a text between two others. events: those of a stream that have the answer,
    by a condition or by name; one without a name is called what its `event` or `type` says. multipart: a form, sent as
    files are. until: `path=value`, or a path that must hold something, before which it is asked again `every` so many
    seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, Any] = Field(default_factory=dict)
    form: dict[str, Any] | None = None
    body: Any = Field(default=None, alias="json")
    text: str | None = None
    multipart: dict[str, Any] | None = None
    files: dict[str, str] = Field(default_factory=dict)
    keep: dict[str, str | list[str] | Between] = Field(default_factory=dict)
    answer: str | list[str] = ""
    events: list[str] = Field(default_factory=list)
    until: str = ""
    every: float = Field(default=0.5, gt=0, le=60)

    @property
    def answers(self) -> tuple[str, ...]:
        """The paths at which an answer may be; none: the whole body is it."""
        return tuple(self.answer if isinstance(self.answer, list) else filter(None, [self.answer]))

    @property
    def sent(self) -> tuple[Any, ...]:
        return self.url, self.headers, self.query, self.form, self.body, self.text, self.multipart, self.files


class SocketIo(BaseModel):
    """How a chat over Socket.IO is spoken to: `json` is emitted as `emit`. whole, parts: by the event's name, where a
    message or a part of it is. message: where they say which message it is; an answer may be several. own: a condition
    of what repeats the question. done: the event that ends an answer; begin: the one that its task begins with, where
    others (a greeting) have such ends, too. path: relative to the address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "socket.io"
    auth: dict[str, Any] = Field(default_factory=dict)
    opening: list[str] = Field(default_factory=list, max_length=20)
    emit: str
    whole: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, str] = Field(default_factory=dict)
    message: str = ""
    own: str = ""
    begin: str = ""
    done: str


class Description(Step):
    """A whole one. error: where an answer says that it is none. deadline: seconds that a whole answer may take.

    ids: values kept before the first turn that are ids of a conversation, not who asks. read, list, upload,
    delete: what scenes ask besides: a conversation's messages, the user's conversations, a document, a deletion.
    """

    name: str = ""
    cookies: dict[str, str] = Field(default_factory=dict)
    stream: Literal["sse", "ndjson", "websocket", ""] = ""
    done: str = ""
    socketio: SocketIo | None = None
    error: str | list[str] = "error"
    before: list[Step] = Field(default_factory=list, max_length=20)
    then: list[Step] = Field(default_factory=list, max_length=20)
    read: Step | None = None
    listed: Step | None = Field(default=None, alias="list")
    upload: Step | None = None
    delete: Step | None = None
    ids: list[str] = Field(default_factory=list, max_length=20)
    initially: dict[str, Any] = Field(default_factory=dict)
    users: str | dict[str, str] = Field(default_factory=dict)
    deadline: float = Field(default=120.0, gt=0, le=3600)
    people: People = Field(default_factory=People, exclude=True)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All requests, in the order in which a user's first turn sends them."""
        return (*self.before, self, *self.then)

    @property
    def asides(self) -> tuple[Step, ...]:
        return tuple(step for name in ASIDES if (step := getattr(self, name)) is not None)

    @property
    def errors(self) -> tuple[str, ...]:
        """The paths at which an answer may say that it is none."""
        return (self.error,) if isinstance(self.error, str) else tuple(self.error)

    @property
    def identifies(self) -> bool:
        """Whether a service can know its users by more than an id of their session: a login, or who they say they are
        in each request."""
        who = {"user", "number", *self.people.columns}
        return any(names(part) & who for step in self.steps for part in (*step.sent, self.cookies))

    @property
    def takes_sessions(self) -> bool:
        """Whether an id of a session is sent as it is."""
        return any("session" in names(part) for step in self.steps for part in (*step.sent, self.cookies))

    @property
    def replayed(self) -> frozenset[str]:
        """The values of a turn that are ids of a conversation, and not who asks: the session's own, those kept from
        turns, and those that `ids` names."""
        return frozenset(self._of_conversations & names((self.cookies, *(step.sent for step in (self, *self.then)))))

    @property
    def deleted(self) -> frozenset[str]:
        """Those that a deletion names."""
        return frozenset(self._of_conversations & names(self.delete.sent)) if self.delete else frozenset()

    @property
    def file_ids(self) -> frozenset[str]:
        """The values that an upload gives and another request names: ids of files."""
        others = (self, *self.then, *(step for step in (self.read, self.listed) if step is not None))
        return frozenset(self.upload.keep) & names([step.sent for step in others]) if self.upload else frozenset()

    @property
    def _of_conversations(self) -> set[str]:
        return {"session", "uuid", *self.ids, *(name for step in (self, *self.then) for name in step.keep)}

    @property
    def states_facts(self) -> bool:
        return any("fact" in names(part) for step in self.steps for part in (*step.sent, self.cookies))

    @property
    def answered_by(self) -> Step:
        """The request whose answer counts."""
        return self.then[-1] if self.then else self

    @property
    def websocket(self) -> bool:
        return self.url.startswith(("ws://", "wss://"))
