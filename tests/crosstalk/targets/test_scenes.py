"""Users who meet: what the second is shown of the first, where a service asks whose it is, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag.crosstalk import BadWorkload, RunResult, Workload, simulate
from rag.crosstalk.targets import BadTarget, open_target
from rag.errors import CrosswireError
from tests.crosstalk.targets.owned_server import Owned
from tests.web.serving import serving

BEARER = '{Authorization: "Bearer {token}"}'
LOGIN = """
users: {login: "anna{number}"}
before:
  - {url: /login, json: {user: "{login}"}, keep: {token: access_token}}
headers: {Authorization: "Bearer {token}"}
"""
CHAT = f"""{LOGIN}
url: /chat
json: {{conversation: "{{conversation}}", message: "{{text}}"}}
keep: {{conversation: conversation}}
initially: {{conversation: null}}
answer: reply
"""
NAMED = f"""{LOGIN}
url: /chat
json: {{conversation: "{{uuid}}", message: "{{text}}"}}
answer: reply
"""
BROWSER = f"""{LOGIN}
url: /browser
json: {{message: "{{text}}"}}
answer: reply
"""
READ = f'read: {{method: GET, url: "/conversations/{{conversation}}", headers: {BEARER}}}\n'
LIST = f"list: {{method: GET, url: /conversations, headers: {BEARER}}}\n"
UPLOAD = f'upload: {{url: /upload, files: {{document: "{{text}}"}}, headers: {BEARER}}}\n'
DELETE = f'delete: {{method: DELETE, url: "/conversations/{{conversation}}", headers: {BEARER}}}\n'
ATTACH = f'upload: {{url: /files, files: {{document: "{{text}}"}}, keep: {{file: id}}, headers: {BEARER}}}\n'
FILE = f"""{LOGIN}
url: /ask
json: {{file: "{{file}}", message: "{{text}}"}}
initially: {{file: null}}
answer: reply
{ATTACH}"""
READ_FILE = f'read: {{method: GET, url: "/files/{{file}}", headers: {BEARER}}}\n'
WORKLOAD = {"users": 8, "turns": 3, "in_flight": 4, "seed": 2}
QUERY = CHAT.replace(BEARER, "{}").replace("url: /chat", 'url: /chat\nquery: {token: "{token}"}')
HEADER = CHAT.replace('"{conversation}"', "null").replace(BEARER, BEARER[:-1] + ', X-Conversation: "{conversation}"}')
SCENES = [
    ("second-login", BROWSER),
    ("replayed-ids", CHAT),
    ("replayed-ids", CHAT + READ),
    ("replayed-ids", CHAT + LIST),
    ("same-id", NAMED),
    ("upload", CHAT + UPLOAD),
    ("replayed-ids", QUERY),
    ("replayed-ids", HEADER),
    ("swapped-file", FILE),
    ("swapped-file", CHAT.replace("null", "null, file: null") + ATTACH + READ_FILE),
]
NAMES = [
    "second login",
    "replayed ids",
    "reading",
    "listing",
    "the same id",
    "upload",
    "a login in the query",
    "an id in a header",
    "a file in a question",
    "a file that is read",
]


@pytest.fixture
def careful() -> Iterator[str]:
    with serving(Owned(careful=True).application()) as address:
        yield address


@pytest.fixture
def careless() -> Iterator[str]:
    with serving(Owned(careful=False).application()) as address:
        yield address


def played(address: str, spec: str, scene: str, tmp_path: Path) -> RunResult:
    file = tmp_path / "target.yaml"
    file.write_text(spec)
    with closing(open_target(address, file, timeout=20)) as target:
        return simulate(target, Workload(scene=scene, **WORKLOAD))  # type: ignore[arg-type]


@pytest.mark.parametrize(("scene", "spec"), SCENES, ids=NAMES)
def test_a_service_that_asks_whose_it_is_is_not_accused(scene: str, spec: str, careful: str, tmp_path: Path) -> None:
    result = played(careful, spec, scene, tmp_path)
    assert result.report.verdict == "isolated", result.report.why
    assert result.problems == ()
    replays = scene in ("replayed-ids", "same-id", "swapped-file")
    assert any("requests with another user's ids were refused" in note for note in result.notes) == replays


@pytest.mark.parametrize(("scene", "spec"), SCENES, ids=NAMES)
def test_one_that_does_not_is_found(scene: str, spec: str, careless: str, tmp_path: Path) -> None:
    report = played(careless, spec, scene, tmp_path).report
    assert report.verdict == "anomalies", report.why
    assert report.counts["foreign-read"] > 0
    pairs = {(one.user, one.owner) for one in report.anomalies}
    assert len({user for user, _ in pairs}) >= 4  # the second of each pair


@pytest.mark.parametrize(
    ("spec", "scene", "said"),
    [
        ('json: {id: "{session}", message: "{text}"}', "replayed-ids", "Where ids alone tell users apart"),
        ('json: {id: "{session}", message: "{text}"}', "same-id", "needs users that the service can tell apart"),
        (CHAT, "same-id", "needs an id that a client chooses"),
        (BROWSER, "replayed-ids", "needs an id in its requests"),
        (CHAT, "delete", "needs `delete`, with an id of the conversation"),
        (BROWSER + DELETE.replace("{conversation}", "all"), "delete", "needs `delete`, with an id of the conversation"),
        (CHAT + UPLOAD, "swapped-file", "needs `upload` with `keep`"),
        (CHAT, "upload", "needs `upload`: how a document is sent"),
    ],
)
def test_a_scene_that_cannot_be_played_is_refused_at_once(
    spec: str, scene: str, said: str, careful: str, tmp_path: Path
) -> None:
    with pytest.raises(BadTarget) as caught:
        played(careful, spec, scene, tmp_path)
    assert said in str(caught.value)


def test_scenes_are_for_targets_with_a_login() -> None:
    with pytest.raises(BadWorkload, match="own for a strategy"):
        simulate("dict-per-session", Workload(scene="same-id", users=4))
    with pytest.raises(CrosswireError, match="it is called, and has no login"):
        simulate(open_target("tests.crosstalk.targets.test_endpoints:right"), Workload(scene="same-id", users=4))
    with pytest.raises(BadWorkload, match="at least 4, in pairs"):
        Workload(scene="upload", users=3)
    with pytest.raises(BadWorkload, match="1 for this scene"):
        Workload(scene="delete", users=4, tabs=2)


def test_a_file_of_another_that_is_left_out_is_no_leak(tmp_path: Path) -> None:
    with serving(Owned(careful=True, files="quietly").application()) as address:
        report = played(address, FILE, "swapped-file", tmp_path).report
    assert report.verdict == "isolated", report.why
    assert report.answered == 24


@pytest.mark.parametrize(
    ("looks", "server", "verdict", "said"),
    [
        (READ, {"careful": False}, "anomalies", "Something went wrong for 4 of 8 users"),
        (LIST, {"careful": False}, "anomalies", "4 × foreign-delete"),
        ("", {"careful": False}, "unknown", "4 of 4 deletes of another user's conversation took effect cannot be told"),
        ("", {"careful": True}, "isolated", "stayed apart"),
        (READ + LIST, {"careful": True, "deletes": "quietly"}, "isolated", "success 4 times, and nothing was gone"),
        ("", {"careful": True, "deletes": "quietly"}, "unknown", "Describe `read` or `list`"),
        (READ, {"careful": True, "deletes": "never"}, "unknown", "nobody could delete their own conversation either"),
    ],
)
def test_who_deletes_anothers_conversation_is_told(
    looks: str, server: dict[str, Any], verdict: str, said: str, tmp_path: Path
) -> None:
    with serving(Owned(**server).application()) as address:
        result = played(address, CHAT + DELETE + looks, "delete", tmp_path)
    report = result.report
    assert (report.verdict, said in report.why) == (verdict, True), report.why
    assert (report.counts == {"foreign-delete": 4}) == (verdict == "anomalies"), report.counts
    assert any("of 4 deletes of another user's conversation were refused" in note for note in result.notes)


def test_an_owner_who_asks_on_and_is_told_that_it_is_gone_finds_it(tmp_path: Path) -> None:
    """Where nobody can look, the owner's next turn may tell."""
    owned = Owned(careful=False, known_only=True)
    with serving(owned.application()) as address:
        report = played(address, CHAT + DELETE, "delete", tmp_path).report
    assert report.counts == {"foreign-delete": 4}, report.why
    assert "answered with success" in report.anomalies[0].explanation
