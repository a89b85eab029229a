"""How a Gradio app wants to be called: its own words on its endpoints say it, and differ by version and by app.

Up to Gradio 5 an answer is fetched from the queue of the session, from 6 on under the id of the call. An app without a
memory of its own is given back what its Chatbot showed, as a browser does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.crosstalk.targets.answers import at
from rag.crosstalk.targets.description import Description

SINCE_EVENTS = 6
"""The version from which an answer has an address of its own."""
_TEXTS = ("Textbox", "Multimodaltextbox")
_EMPTY: Mapping[str, Any] = {"string": "", "number": 0, "boolean": False, "array": []}


def fitted(found: Description, root: str, named: str, info: Any, config: Any, messages: Sequence[str]) -> Description:
    """named: the endpoint that the address names, or none. info, config: what the app says of itself; None: nothing.
    messages: what a question is usually called."""
    endpoints = at(info, "named_endpoints")
    name = named or _chosen(endpoints if isinstance(endpoints, dict) else {}, messages)
    prefix = at(config, "api_prefix")
    prefix = prefix if isinstance(prefix, str) else "" if config is not None else "/gradio_api"
    address = f"{root}{prefix}/call/{name}"
    parameters = at(endpoints, f"/{name}.parameters")
    inputs, outputs = _types(config, name)
    data = list(_data(parameters if isinstance(parameters, list) else [], inputs, messages))
    queued = config is not None and _major(config) < SINCE_EVENTS
    before = "output.data." if queued else ""
    shown = next((place for place, kind in enumerate(outputs) if kind == "chatbot"), None)
    [then] = found.then
    changed: dict[str, Any] = {"url": f"{address}/{{event}}"}
    if queued:
        waiting = f"{root}{prefix}/queue/data?session_hash={{uuid}}"
        changed = {"url": waiting, "events": ["msg=process_completed"], "answer": "output.data.0"}
    if shown is not None:
        place = f"{before}{shown}"
        changed["answer"] = [f"{place}.-1.content.*.text", f"{place}.-1.content", f"{place}.-1.1"]
        if "{history}" in data:
            changed["keep"] = {"history": place}
    return found.model_copy(
        update={
            "url": address,
            "body": {**found.body, "data": data} if data else found.body,
            "initially": {"history": []} if "{history}" in data else {},
            "error": "output.error" if queued else found.error,
            "then": [then.model_copy(update=changed)],
        }
    )


def _chosen(endpoints: Mapping[str, Any], messages: Sequence[str]) -> str:
    """The endpoint that takes a text, `chat` before all; the first one where none does."""

    def rank(path: str) -> tuple[bool, bool, bool]:
        parameters = at(endpoints[path], "parameters")
        taken = parameters if isinstance(parameters, list) else []
        texts = [one for one in taken if at(one, "component") in _TEXTS]
        called = [one for one in texts if at(one, "parameter_name") in messages]
        return path != "/chat", not called, not texts

    return min(endpoints, key=rank, default="chat").lstrip("/")


def _data(parameters: Sequence[Any], inputs: Sequence[str], messages: Sequence[str]) -> Iterator[Any]:
    """What is sent, in order. inputs: the kinds of all, of which states are no parameters."""
    texts = [one for one in parameters if at(one, "component") in _TEXTS]
    asked = next((one for one in texts if at(one, "parameter_name") in messages), next(iter(texts), None))
    if asked is None:
        return
    waiting = iter(parameters)
    for kind in inputs or [""] * len(parameters):
        if kind in ("state", "browserstate"):
            yield None
            continue
        one = next(waiting, None)
        if one is asked:
            yield {"text": "{text}", "files": []} if at(one, "component") == "Multimodaltextbox" else "{text}"
        elif at(one, "component") == "Chatbot":
            yield "{history}"
        elif at(one, "parameter_has_default"):
            yield at(one, "parameter_default")
        else:
            yield _EMPTY.get(str(at(one, "type.type")))


def _types(config: Any, name: str) -> tuple[list[str], list[str]]:
    """The kinds of an endpoint's inputs and outputs, states and all."""
    components, endpoints = at(config, "components"), at(config, "dependencies")
    kinds = {at(one, "id"): str(at(one, "type")) for one in components} if isinstance(components, list) else {}
    for one in endpoints if isinstance(endpoints, list) else []:
        if at(one, "api_name") == name:
            inputs, outputs = at(one, "inputs"), at(one, "outputs")
            if isinstance(inputs, list) and isinstance(outputs, list):
                return [kinds.get(number, "") for number in inputs], [kinds.get(number, "") for number in outputs]
    return [], []


def _major(config: Any) -> int:
    version = str(at(config, "version")).partition(".")[0]
    return int(version) if version.isdecimal() and len(version) <= 3 else SINCE_EVENTS
