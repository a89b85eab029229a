"""From a description's YAML to requests that can be sent: whole addresses, filled variables, and no name that nobody
knows. It may be a stranger's text, and is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml
from pydantic import ValidationError

from rag.crosstalk.targets.description import ASIDES, GIVEN, SCHEMES, Description, Step
from rag.crosstalk.targets.errors import BadTarget, first_line
from rag.crosstalk.targets.filling import names
from rag.crosstalk.targets.people import People, read_people
from rag.crosstalk.targets.trust import OWNER, Trust

_VARIABLE = re.compile(r"\$\{(\w{1,80})(?::-([^{}]{0,200}))?\}")
_QUESTION = frozenset({"text", "messages"})
LARGEST = 1 << 20
"""Bytes of a description."""
PASTED = 20_000
"""Of one from somebody else."""
DEEPEST = 50
"""Lists and mappings inside one another, in one from somebody else."""


def read_description(path: Path, url: str) -> Description:
    """Raises BadTarget with what is wrong and where."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
    except OSError as exc:
        raise BadTarget(str(path), f"it cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise BadTarget(str(path), f"it is not YAML ({first_line(exc)})") from exc
    return parsed(text, str(path), url, path.parent)


def parsed(
    text: str,
    where: str,
    url: str = "",
    folder: Path | None = None,
    *,
    optional: bool = False,
    trust: Trust = OWNER,
) -> Description:
    """folder: where a file of users is looked for. optional: a header whose variable is not set is left out.

    Raises BadTarget.
    """
    largest = LARGEST if trust.files else PASTED
    if len(text) > largest:
        raise BadTarget(where, f"it is longer than {largest:,} bytes")
    try:
        if not trust.files:
            _bounded(text, where)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise BadTarget(where, f"it is not YAML ({_problem(exc)})") from exc
    if not isinstance(values, dict):
        raise BadTarget(where, "expected keys like url, json and answer")
    if optional and isinstance(headers := values.get("headers"), dict):
        kept = {
            key: one for key, one in headers.items() if all(name in trust.environment for name in variables(str(one)))
        }
        values = {**values, "headers": kept}
    if not trust.files and isinstance(values.get("users"), str):
        raise BadTarget(where, 'users is a file, which is not read here: write patterns, {login: "user{number}"}')
    return described(_filled(values, where, trust), where, url, folder)


def _bounded(text: str, where: str) -> None:
    """A few aliases can stand for millions of values; and at each of its signs PyYAML looks at all that is open."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BadTarget(where, "it has an alias (*name): write its value")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadTarget(where, f"more than {DEEPEST} of its lists and mappings are inside one another")


def described(values: Mapping[str, Any], where: str, url: str = "", folder: Path | None = None) -> Description:
    """Relative addresses are completed by `url`. Raises BadTarget."""
    try:
        found = Description.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadTarget(where, f"{key}: {first['msg'].lower()}; see the keys in the README") from exc
    try:
        whole = _completed(found, url)
        for step in whole.steps:
            urlsplit(step.url)
    except ValueError as exc:
        raise BadTarget(where, f"url cannot be read ({first_line(exc)})") from exc
    people = read_people(found.users, folder or Path(), where)
    _check(whole, people, where)
    return whole.model_copy(update={"people": people})


def _completed(found: Description, url: str) -> Description:
    base = urljoin(url, found.url) if found.url else url

    def whole(step: Step) -> Step:
        return step.model_copy(update={"url": urljoin(url or base, step.url) if step.url else base})

    asides = {name: step and whole(step) for name in ASIDES for step in [getattr(found, name)]}
    steps = {"before": [*map(whole, found.before)], "then": [*map(whole, found.then)]}
    return found.model_copy(update={"url": base, **steps, **asides})


def _check(found: Description, people: People, where: str) -> None:
    if not any(names(part) & _QUESTION for step in found.steps for part in step.sent):
        raise BadTarget(where, "nothing of it says {text} or {messages}, so no question would be sent")
    for step in (*found.steps, *found.asides):
        if not step.url.startswith(SCHEMES):
            raise BadTarget(where, f"url is {step.url!r}: expected http://…, https://…, ws://… or wss://…")
        bodies = {"form": step.form, "json": step.body, "text": step.text, "multipart": step.multipart}
        if len(given := [name for name, part in bodies.items() if part is not None]) > 1:
            raise BadTarget(where, f"it has {' and '.join(given)}: expected one of {', '.join(bodies)}")
    if any(step.url.startswith("ws") for step in (*found.before, *found.then, *found.asides)):
        raise BadTarget(where, "only the turn itself can be a websocket")
    _check_names(found, people, where)


def _check_names(found: Description, people: People, where: str) -> None:
    """A value is known once it was given, or kept from an answer before."""
    known = {*GIVEN, *people.columns, *found.initially}
    for step in (*found.steps, *found.asides):
        unknown = sorted(names((*step.sent, found.cookies if step is found else {})) - known)
        if unknown:
            expected = ", ".join(f"{{{name}}}" for name in sorted(known))
            raise BadTarget(
                where,
                f"{{{unknown[0]}}} is not known there: expected {expected}, a value of `initially`, or one that an "
                "earlier answer is kept as; write {{name}} for the text itself",
            )
        known.update(step.keep)


def _problem(exc: BaseException) -> str:
    """With the line, where it is known."""
    mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark is not None and problem else first_line(exc)


def _filled(value: Any, where: str, trust: Trust) -> Any:
    """With ${NAME} and ${NAME:-default} replaced by what the environment holds."""
    if isinstance(value, dict):
        return {key: _filled(one, where, trust) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, where, trust) for one in value]
    return (
        _VARIABLE.sub(lambda found: _variable(found[1], found[2], where, trust), value)
        if isinstance(value, str)
        else value
    )


def _variable(name: str, default: str | None, where: str, trust: Trust) -> str:
    found = trust.environment.get(name, default)
    if found is None and not trust.files:
        raise BadTarget(where, f"variables of this server are not given away: write the value of ${{{name}}}")
    if found is None:
        raise BadTarget(where, f"it needs the environment variable {name}, which is not set")
    return found


def variables(text: str) -> Iterator[str]:
    """The names of the environment variables that a text needs."""
    return (found[1] for found in _VARIABLE.finditer(text) if found[2] is None)
