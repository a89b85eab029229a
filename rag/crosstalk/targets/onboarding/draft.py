"""A description to begin with, as YAML that says in comments what was recognised and what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from rag.crosstalk.targets.answers import shown
from rag.crosstalk.targets.describing import parsed
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.shipped import Shipped
from rag.crosstalk.targets.trust import OWNER, Trust

PLACES = (
    "{text} is the question, {session} and {uuid} the user's session, {number} the user, {messages} all of it so far."
)

NO_ANSWER = "answer: names where the answer is, such as `reply.text`; without it the whole body counts."


class _Plain(yaml.SafeDumper):
    """Writes what is there twice twice: an alias is nothing to edit."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


@dataclass(frozen=True, slots=True)
class Draft:
    """title: how it was recognised. values: of the description, by its keys. notes: what to look at, a line each."""

    title: str
    values: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return str(self.values.get("url", ""))

    def description(self, trust: Trust = OWNER) -> Description:
        """Raises BadTarget where it needs a variable that is not set."""
        return parsed(self.text(), "The description", self.url, trust=trust)

    def answering(self, path: str) -> Draft:
        """With the place of the answer filled in."""
        *others, last = self.values.get("then") or [None]
        added = {"answer": path} if last is None else {"then": [*others, {**last, "answer": path}]}
        return replace(self, values={**self.values, **added}, notes=tuple(n for n in self.notes if n != NO_ANSWER))

    def text(self, probed: Sequence[str] = ()) -> str:
        """As YAML. probed: what a probe said, for comments."""
        said = [shown(line, 400) for line in (self.title, PLACES, *self.notes, *probed)]
        written = yaml.dump(dict(self.values), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=10_000)
        return "".join(f"# {line}\n" for line in said) + written


def of_description(found: Description, one: Shipped | None, title: str) -> Draft:
    """A protocol's own, with whole addresses. Of headers that hold a variable the name is written, never the value."""
    values = found.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    notes = list[str]()
    headers = one.values().get("headers", {}) if one is not None else {}
    secret = {name: text for name, text in headers.items() if "${" in str(text)}
    kept = {name: text for name, text in values.get("headers", {}).items() if name not in secret}
    values.pop("headers", None)
    if kept:
        values["headers"] = kept
    for name, text in secret.items():
        notes.append(f'Where it wants a key: headers: {{{name}: "{text}"}}')
    values.pop("name", None)
    if not found.answered_by.answers and found.socketio is None:
        notes.append(NO_ANSWER)
    return Draft(title, {"url": found.url, **{key: one for key, one in values.items() if key != "url"}}, tuple(notes))
