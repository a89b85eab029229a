"""Pasted curl commands: quoting of bash and cmd, the question and the session found, and what cannot be read said."""

from __future__ import annotations

from typing import Any

import pytest

from rag.crosstalk.targets import BadTarget
from rag.crosstalk.targets.onboarding.curl import from_curl
from rag.crosstalk.targets.onboarding.shell_words import LONGEST

UUID = "8f14e45f-ceea-467f-a8f2-1c2d3e4f5a6b"


@pytest.mark.parametrize(
    ("command", "values"),
    [
        (
            f"""curl -X POST https://a.example/api/chat -H 'Content-Type: application/json' \\
                -d '{{"message": "Hi", "sessionId": "{UUID}", "stream": false}}'""",
            {
                "url": "https://a.example/api/chat",
                "json": {"message": "{text}", "sessionId": "{uuid}", "stream": False},
            },
        ),
        (
            "curl ^\"https://a.example/chat^\" ^\r\n  -b ^\"sid=abc^\" ^\r\n  --data-raw "
            '^"^{^\\^"query^\\^":^\\^"50^% off^\\^",^\\^"user^\\^":^\\^"u7^\\^"^}^"',
            {
                "url": "https://a.example/chat",
                "json": {"query": "{text}", "user": "{session}"},
                "cookies": {"sid": "{session}"},
            },
        ),
        (
            r"""curl $'http://h/ask' --data-raw $'{"prompt":"it\'s \u0041 \ud83d\ude00","s":"x"}' -sSL --raw""",
            {"url": "http://h/ask", "json": {"prompt": "{text}", "s": "x"}},
        ),
        ("curl localhost:8000/ask -F q=hi -F session=3", {
            "url": "http://localhost:8000/ask",
            "multipart": {"q": "{text}", "session": "{number}"},
        }),
        (
            "curl http://h/ask -H 'content-type: multipart/form-data; boundary=----WebKitAb1' "
            "--data-raw $'------WebKitAb1\\r\\nContent-Disposition: form-data; name=\"query\"\\r\\n\\r\\nHi, two"
            "\\r\\nlines\\r\\n------WebKitAb1\\r\\nContent-Disposition: form-data; name=\"chat_id\"\\r\\n\\r\\n9"
            "\\r\\n------WebKitAb1--\\r\\n'",
            {"url": "http://h/ask", "multipart": {"query": "{text}", "chat_id": "{number}"}},
        ),
        ("curl -G 'http://h/ask?user=u' --data-urlencode 'question=hi there'", {
            "url": "http://h/ask",
            "method": "GET",
            "query": {"user": "{session}", "question": "{text}"},
        }),
        ("curl --url http://h -d 'message=hi&chat_id=9' -u a:b", {
            "url": "http://h",
            "headers": {"Authorization": "Basic YTpi"},
            "form": {"message": "{text}", "chat_id": "{number}"},
        }),
        ('curl http://h --json \'{"foo": "{text}", "bar": "baz qux"}\'', {
            "url": "http://h",
            "json": {"foo": "{text}", "bar": "baz qux"},
        }),
        ('curl http://h -H "Authorization: Bearer $TOKEN" -d \'{"input": "say {name}", "mode": "{mode}"}\'', {
            "url": "http://h",
            "headers": {"Authorization": "Bearer ${TOKEN}"},
            "json": {"input": "{text}", "mode": "{{mode}}"},
        }),
        ('curl http://h -d \'{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]}\'', {
            "url": "http://h",
            "json": {"messages": "{messages}"},
        }),
        (
            'curl http://h -d \'{"id": "c1", "messages": [{"id": "m1", "role": "user", '
            '"parts": [{"type": "text", "text": "Hi"}]}]}\'',
            {
                "url": "http://h",
                "json": {
                    "id": "{session}",
                    "messages": [{"id": "{request}", "role": "user", "parts": [{"type": "text", "text": "{text}"}]}],
                },
            },
        ),
        ("curl -XPUT http://h -H 'Content-Type: text/plain' -d 'Hello there'", {
            "url": "http://h",
            "method": "PUT",
            "headers": {"Content-Type": "text/plain"},
            "text": "{text}",
        }),
        ("curl http://h -H X-Key:$TOKEN -d message=hi\\ there -m 5 ", {
            "url": "http://h",
            "headers": {"X-Key": "${TOKEN}"},
            "form": {"message": "{text}"},
        }),
        ('curl "http://h" ^\n --json "{""message"":""Hi""}"', {"url": "http://h", "json": {"message": "{text}"}}),
        ("curl --get http://h -d q=hi", {"url": "http://h", "method": "GET", "query": {"q": "{text}"}}),
        ("curl http://h -d q=hi -H 'Cookie: sid=abc; theme=dark;'", {
            "url": "http://h",
            "form": {"q": "{text}"},
            "cookies": {"sid": "{session}", "theme": "dark"},
        }),
        ('curl http://h --json \'{"message": "Hi", "chat": "{session}", "user_id": "u7"}\'', {
            "url": "http://h",
            "json": {"message": "{text}", "chat": "{session}", "user_id": "u7"},
        }),
        ('curl http://h --json \'{"history": [{"role": "assistant", "content": "Hello"}], "question": "Hi"}\'', {
            "url": "http://h",
            "json": {"history": [{"role": "assistant", "content": "Hello"}], "question": "{text}"},
        }),
        ('curl http://h --json \'{"people": [{"type": "user", "name": "Ada"}], "message": "Hi"}\'', {
            "url": "http://h",
            "json": {"people": [{"type": "user", "name": "Ada"}], "message": "{text}"},
        }),
        ('curl http://h --json \'{"words": "Hi there", "number": 3}\'', {
            "url": "http://h",
            "json": {"words": "{text}", "number": 3},
        }),
        (f'curl http://h --json \'{{"tree": {"[" * 14}"text"{"]" * 14}, "message": "Hi"}}\'', {
            "url": "http://h",
            "json": {"tree": [[[[[[[[[[[[[["text"]]]]]]]]]]]]]], "message": "{text}"},
        }),
    ],
    ids=[
        *("bash", "cmd", "ANSI", "parts", "copied", "-G", "form", "marked", "variable", "stateless", "SDK", "plain"),
        *("bare", "doubled quotes", "--get", "cookies", "marked session", "earlier answers", "people", "only text"),
        "deep",
    ],
)  # fmt: skip
def test_a_command_becomes_a_description(command: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t")
    draft = from_curl(command)
    assert draft.values == values
    assert draft.description().url == values["url"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("wget http://h", "does not begin with curl"),
        ("curl 'http://h", "a quotation mark in it is never closed"),
        ('curl "http://h', "a quotation mark in it is never closed"),
        ("curl http://h -d $'message=hi", "a quotation mark in it is never closed"),
        ('curl http://h -d "message=`id`"', "there is a ` in it, which only a shell can fill in"),
        ("curl http://h -y 5", "its option -y is not known here"),
        ("curl http://h -H Authorization", "its header 'Authorization' has no colon"),
        ("curl http://h -d 'message=hi' | jq .", "there is a | outside of quotes"),
        ('curl http://h -d "message=$(cat x)"', "which only a shell can fill in"),
        ("curl http://h -d `id`", "there is a ` outside of quotes"),
        ("curl http://h -d @body.json", "it sends the file @body.json"),
        ("curl http://h -F file=@x.pdf", "is a file: expected --form name=text"),
        (
            "curl http://h -H 'content-type: multipart/form-data; boundary=b' --data-raw "
            '$\'--b\\r\\ncontent-disposition: form-data; name="f"; filename="x.pdf"\\r\\n\\r\\nx\\r\\n--b--\\r\\n\'',
            "its part 'f' is a file: send it with `upload`",
        ),
        (
            "curl http://h -H 'content-type: multipart/form-data; boundary=b' --data-raw "
            "$'--b\\r\\ncontent-type: text/plain\\r\\n\\r\\nx\\r\\n--b--\\r\\n'",
            "cannot be told apart by the boundary",
        ),
        ("curl http://h -H 'content-type: multipart/form-data' -d message=hi", "cannot be told apart by the boundary"),
        ("curl http://h -b jar", "its cookies are in the file 'jar'"),
        ("curl http://h --frobnicate x", "its option --frobnicate is not known here"),
        ("curl http://h -d", "it ends with -d, whose value is missing"),
        ("curl http://h http://i", "it has a second address"),
        ("curl -d message=hi", "its address is ''"),
        ("curl file:///etc/passwd", "expected http://… or https://…"),
        ("curl http://h --json '{\"a\": }'", "its data is not JSON"),
        ('curl http://h --json \'{"left": "a b", "right": "c d"}\'', "write {text} there (left, right)"),
        ("curl -X DELETE 'http://h?message=hi'", "its method is 'DELETE'"),
        (f"curl http://h -d '{'x' * LONGEST}'", "longer than 100,000 characters"),
        (f"curl http://h --json '{'[' * 50_000}'", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(command: str, said: str) -> None:
    with pytest.raises(BadTarget) as caught:
        from_curl(command)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_makes_all_users_one_person_is_said() -> None:
    draft = from_curl(
        f"curl 'https://a.example/c/{UUID}/messages' -H 'Authorization: Bearer x' -b 'theme=dark' "
        '--json \'{"message": "Hi", "conversation_id": null}\''
    )
    said = " ".join(draft.notes)
    assert f"The address holds an id ({UUID})" in said
    assert "All users send the same Authorization, cookie theme" in said
    assert "conversation_id is empty" in said


def test_a_draft_is_yaml_with_comments_that_is_read_back_as_it_was() -> None:
    draft = from_curl('curl http://h --json \'{"message": "#1: {x}\\n", "t": "a: b", "session": "q"}\'')
    lines = draft.text(["It answers."]).splitlines()
    assert lines[0] == "# From a curl command."
    assert "# It answers." in lines
    assert draft.description().body == {"message": "{text}", "t": "a: b", "session": "{session}"}
