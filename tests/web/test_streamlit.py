"""The cookie in the application that it is for: `streamlit run` of an st.App, its own answers and its websocket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from rag.web.cookie import CookieJar, new_token, session_id_of
from tests.servers import free_port
from tests.web.test_identity import NAVIGATION, SECRET

SITE = Path(__file__).with_name("site")
JAR = CookieJar(SECRET)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripted chat pauses after its first words until this file exists."""
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, gate: Path) -> Iterator[str]:
    port = free_port()
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(SITE / "app.py")]
        + [f"--{name}={value}" for name, value in options.items()],
        cwd=tmp_path_factory.mktemp("site"),
        env={**os.environ, "SESSION_SECRET": SECRET, "GATE": str(gate), "PYTHONPATH": str(SITE.parents[2])},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@retry(retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(60), wait=wait_fixed(0.1), reraise=True)
def _wait_until_up(url: str) -> None:
    httpx.get(url, verify=False).raise_for_status()  # see tests/browser/serving.py


def page_session(site: str, cookies: str, **headers: str) -> str | None:
    """What the page says after a real handshake and a real run of its script."""
    with connect(
        site.replace("http", "ws") + "/_stcore/stream",
        additional_headers={"Cookie": cookies, **headers},
        origin=Origin(site.replace("http", "https") if "X-Forwarded-Proto" in headers else site),
        subprotocols=[Subprotocol("streamlit")],
    ) as page:
        rerun = BackMsg()
        rerun.rerun_script.query_string = ""
        page.send(rerun.SerializeToString())
        while True:
            message = ForwardMsg()
            data = page.recv(30)
            assert isinstance(data, bytes)
            message.ParseFromString(data)
            found = re.match(r"session=(\w+)", message.delta.new_element.text.body)
            if found:
                return None if found[1] == "None" else found[1]


def cookies_of(client: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


@pytest.fixture
def browser(site: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, headers=NAVIGATION) as client:
        yield client


def test_the_first_page_sets_the_cookie_and_its_websocket_has_the_session(site: str, browser: httpx.Client) -> None:
    first = browser.get("/")
    assert first.status_code == 200
    assert "<title>" in first.text
    assert first.headers["cache-control"] == "no-store, private"
    token = browser.cookies[JAR.plain_name].split(".")[0]
    assert page_session(site, cookies_of(browser)) == session_id_of(token)


def test_the_rest_of_the_page_load_leaves_it_alone(site: str, browser: httpx.Client) -> None:
    html = browser.get("/").text
    before = cookies_of(browser)
    assets = re.findall(r'(?:src|href)="\./([^"]+)"', html)
    assert len(assets) >= 3
    subresource = {"Accept": "*/*", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    with httpx.Client(base_url=site) as nobody:
        for path in ["/_stcore/health", "/_stcore/host-config", *(f"/{asset}" for asset in assets)]:
            for headers in (subresource, {"Accept": "*/*"}):
                answer = nobody.get(path, headers=headers)
                assert answer.status_code == 200
                assert "crosswire" not in answer.headers.get("set-cookie", "")
    assert browser.get("/").headers["cache-control"] == "no-cache"
    assert cookies_of(browser) == before


def test_assets_stay_cacheable(browser: httpx.Client) -> None:
    html = browser.get("/").text
    script = re.search(r'src="\./(static/js/[^"]+)"', html)
    assert script is not None
    assert "immutable" in browser.get(f"/{script[1]}", headers={"Sec-Fetch-Dest": "script"}).headers["cache-control"]


def test_a_revalidated_page_still_sets_the_cookie(site: str) -> None:
    first = httpx.get(site, headers=NAVIGATION)
    again = httpx.get(site, headers={**NAVIGATION, "If-None-Match": first.headers["etag"]})
    assert again.status_code in (200, 304)
    assert again.headers["set-cookie"] != first.headers["set-cookie"]


def test_two_browsers_are_two_sessions_on_every_page(site: str) -> None:
    sessions = set()
    for _ in range(2):
        with httpx.Client(base_url=site, headers=NAVIGATION) as client:
            client.get("/")
            client.get("/inspector")
            sessions.add(page_session(site, cookies_of(client)))
    assert len(sessions) == 2
    assert None not in sessions


def test_a_new_session_is_seen_by_the_next_page(site: str, browser: httpx.Client) -> None:
    browser.get("/")
    before = page_session(site, cookies_of(browser))
    answer = browser.post("/session/new", headers={"Sec-Fetch-Site": "same-origin", "Referer": f"{site}/inspector"})
    assert answer.headers["location"] == "/inspector"
    after = page_session(site, cookies_of(browser))
    assert after is not None
    assert after != before


def test_the_page_takes_no_doubtful_cookie(site: str) -> None:
    mine, other = JAR.sign(new_token()), JAR.sign(new_token())
    name = JAR.plain_name
    assert page_session(site, f"{name}={mine}; {name}={other}") is None
    assert page_session(site, f"{name}={other}; {name}={mine}") is None
    assert page_session(site, f"{name}={mine[:-1]}") is None
    assert page_session(site, "") is None


def test_behind_tls_the_page_takes_the_secure_cookie_only(site: str) -> None:
    mine, planted = new_token(), new_token()
    both = f"{JAR.plain_name}={JAR.sign(planted)}; {JAR.secure_name}={JAR.sign(mine)}"
    for headers in ({}, {"X-Forwarded-Proto": "https"}):
        assert page_session(site, both, **headers) == session_id_of(mine)
    assert page_session(site, f"{JAR.plain_name}={JAR.sign(planted)}", **{"X-Forwarded-Proto": "https"}) is None


def test_a_foreign_page_cannot_open_the_websocket(site: str) -> None:
    cookie = f"{JAR.plain_name}={JAR.sign(new_token())}"
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            site.replace("http", "ws") + "/_stcore/stream",
            additional_headers={"Cookie": cookie},
            origin=Origin("https://evil.example"),
        )


def test_the_api_has_the_session_of_the_page_and_streams_as_it_goes(
    site: str, browser: httpx.Client, gate: Path
) -> None:
    browser.get("/")
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Accept": "text/event-stream"}
    seen = ""
    with browser.stream("POST", "/api/chat", json={"message": "Hello"}, headers=own, timeout=60) as answer:
        for part in answer.iter_text():
            seen += part
            if "Before the gate" in seen and not gate.exists():
                assert "after" not in seen
                gate.touch()
    assert "event: done" in seen
    history = browser.get("/api/history", headers={**own, "Accept": "*/*"}).json()
    assert [message["text"] for message in history["messages"]] == ["Hello", "Before the gate, after the gate."]
    assert history["session"] == page_session(site, cookies_of(browser))


def test_our_paths_are_ours_and_streamlits_are_streamlits(site: str) -> None:
    assert httpx.get(f"{site}/healthz").json()["status"] == "ok"
    assert httpx.get(f"{site}/_stcore/health").text == "ok"
    assert httpx.get(f"{site}/api/nothing").json()["status"] == 404
    assert httpx.put(f"{site}/api/chat").json()["status"] == 405
    assert "<title>" in httpx.get(f"{site}/inspector").text
