"""Who gets which session, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from rag.web.cookie import MAX_AGE, REISSUE_AFTER, CookieJar, new_token, read_session, session_id_of
from rag.web.identity import SessionCookie, visit_of
from rag.web.sessions.switching import NEW_SESSION, OPEN_SESSION, new_session, open_session
from tests.web.serving import serving

SECRET = "a secret of at least thirty-two characters"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NAVIGATION = {**PAGE, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return 1_800_000_000.0 + self.ahead


async def who(request: Request) -> Response:
    return JSONResponse({"session": visit_of(request).session_id}, headers={"Cache-Control": "no-cache"})


async def whose_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(
        {"session": visit_of(websocket).session_id, "cookies": dict(websocket.cookies)},
    )
    await websocket.close()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def today(clock: Clock) -> None:
    clock.ahead = 0.0


@pytest.fixture(scope="module")
def site(clock: Clock) -> Iterator[str]:
    routes = [
        Route(NEW_SESSION, new_session, methods=["POST"]),
        Route(OPEN_SESSION, open_session, methods=["POST"]),
        WebSocketRoute("/_stcore/stream", whose_socket),
        Route("/{path:path}", who, methods=["GET", "POST", "DELETE"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(SessionCookie, secret=lambda: SECRET, now=clock)])
    with serving(app) as address:
        yield address


@pytest.fixture
def jar(clock: Clock) -> CookieJar:
    return CookieJar(SECRET, now=clock)


@pytest.fixture
def browser(site: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, headers=PAGE) as client:
        yield client


def session(response: httpx.Response) -> str | None:
    found: str | None = response.json()["session"]
    return found


def sets_cookie(response: httpx.Response) -> bool:
    return "set-cookie" in response.headers


def test_a_browser_keeps_its_session_and_another_gets_another(site: str, browser: httpx.Client) -> None:
    first = browser.get("/")
    assert sets_cookie(first)
    again = browser.get("/inspector")
    assert session(again) == session(first)
    assert not sets_cookie(again)
    with httpx.Client(base_url=site, headers=PAGE) as other:
        assert session(other.get("/")) != session(first)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: httpx.Client) -> None:
    cookie = browser.get("/").headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={MAX_AGE}"):
        assert attribute in cookie.split("; ")
    assert "Secure" not in cookie
    assert "Domain" not in cookie


def test_an_answer_that_sets_a_cookie_is_never_cached(browser: httpx.Client) -> None:
    first = browser.get("/")
    assert first.headers["cache-control"] == "no-store, private"
    assert first.headers["vary"] == "Cookie"
    again = browser.get("/")
    assert again.headers["cache-control"] == "no-cache"
    assert again.headers["vary"] == "Cookie"


def test_the_token_is_not_in_any_answer_and_the_url_stays_clean(browser: httpx.Client, jar: CookieJar) -> None:
    answer = browser.get("/")
    token = browser.cookies[jar.plain_name].split(".")[0]
    assert token not in answer.text
    assert str(answer.url).endswith("/")


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/health",
        "/inspector/_stcore/host-config",
        "/static/js/index.js",
        "/media/abc",
        "/component/x/index.html",
        "/favicon.png",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/openapi.json",
    ],
)
def test_what_a_page_is_made_of_gets_no_cookie(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert not sets_cookie(answer)
    assert session(answer) is None


@pytest.mark.parametrize("destination", ["script", "image", "iframe", "empty", "style"])
def test_only_documents_get_a_cookie_where_the_browser_says_what_it_loads(
    browser: httpx.Client, destination: str
) -> None:
    assert not sets_cookie(browser.get("/", headers={**NAVIGATION, "Sec-Fetch-Dest": destination}))
    assert sets_cookie(browser.get("/", headers=NAVIGATION))


def test_parallel_requests_of_the_first_page_load_agree(browser: httpx.Client) -> None:
    first = browser.get("/", headers=NAVIGATION)
    for path in ("/static/a.js", "/_stcore/health", "/_stcore/host-config", "/media/x", "/manifest.json"):
        assert not sets_cookie(browser.get(path, headers={"Accept": "*/*"}))
    assert session(browser.get("/")) == session(first)


def test_an_api_client_with_a_cookie_jar_is_a_browser(site: str) -> None:
    with httpx.Client(base_url=site) as client:
        first = client.post("/api/chat")
        assert sets_cookie(first)
        assert session(client.get("/api/history")) == session(first)
        assert session(client.get("/", headers=PAGE)) == session(first)


BROKEN = {
    "empty": "",
    "junk": "junk",
    "forged": "A" * 43 + ".aaaaaa." + "A" * 64,
    "a session id": session_id_of(new_token()),
    "foreign": CookieJar("another secret of thirty-two characters").sign(new_token()),
    "oversized": "A" * 5000,
    "quoted": f'"{CookieJar(SECRET).sign(new_token())}"',
    "control": "\x01\x02",
    "non-ascii": "é\u00ff",
    "utf-8": "日本".encode().decode("latin-1"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_cookie_is_a_new_session(site: str, jar: CookieJar, kind: str) -> None:
    header = f"{jar.plain_name}={BROKEN[kind]}".encode("latin-1")
    seen = set()
    for _ in range(2):
        answer = httpx.get(site, headers=[(b"Accept", b"text/html"), (b"Cookie", header)])
        if kind == "control":
            assert answer.status_code == 400 or sets_cookie(answer)
            return
        assert answer.status_code == 200
        assert sets_cookie(answer)
        seen.add(session(answer))
    assert len(seen) == 2


def test_cut_expired_and_doubled_cookies_are_new_sessions(site: str, jar: CookieJar, clock: Clock) -> None:
    mine, other = jar.sign(new_token()), jar.sign(new_token())
    known = {session_id_of(value.split(".")[0]) for value in (mine, other)}
    for line in (
        f"{jar.plain_name}={mine[:-1]}",
        f"{jar.plain_name}={mine}; {jar.plain_name}={other}",
        f"{jar.plain_name}={mine}; x=1; {jar.plain_name}=junk",
    ):
        answer = httpx.get(site, headers={**PAGE, "Cookie": line})
        assert answer.status_code == 200
        assert sets_cookie(answer)
        assert session(answer) not in known
    clock.ahead = MAX_AGE + 1
    assert session(httpx.get(site, headers={**PAGE, "Cookie": f"{jar.plain_name}={mine}"})) not in known


def test_a_cookie_in_use_is_renewed_once_a_day_with_the_same_token(browser: httpx.Client, clock: Clock) -> None:
    first = session(browser.get("/"))
    for day in range(1, 60):
        clock.ahead = day * (REISSUE_AFTER + 1)
        answer = browser.get("/")
        assert session(answer) == first
        assert sets_cookie(answer)
        assert not sets_cookie(browser.get("/"))


def test_a_new_session_on_request(browser: httpx.Client, site: str) -> None:
    before = session(browser.get("/"))
    answer = browser.post(NEW_SESSION, headers={"Origin": site, "Referer": f"{site}/knowledge?q=1"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/knowledge"
    assert answer.headers["cache-control"] == "no-store, private"
    after = session(browser.get("/"))
    assert after != before
    assert session(browser.get("/inspector")) == after


@pytest.mark.parametrize(
    "referer",
    ["https://evil.example/", "//evil.example/x", "http://[broken", "", "{site}//evil.example/", "{site}x/a"],
)
def test_it_sends_nobody_to_a_foreign_page(browser: httpx.Client, site: str, referer: str) -> None:
    answer = browser.post(NEW_SESSION, headers={"Referer": referer.format(site=site)})
    assert answer.headers["location"] == "/"


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://[broken"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_site_cannot_rotate_a_session(browser: httpx.Client, headers: dict[str, str]) -> None:
    before = session(browser.get("/"))
    for client_headers in (headers, {**headers, "Cookie": ""}):
        answer = browser.post(NEW_SESSION, headers=client_headers)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert not sets_cookie(answer)
    assert session(browser.get("/")) == before


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/chat"), ("DELETE", "/api/history"), ("POST", "/")])
def test_a_foreign_request_gets_no_session(site: str, headers: dict[str, str], method: str, path: str) -> None:
    answer = httpx.request(method, site + path, headers={**PAGE, **headers})
    assert not sets_cookie(answer)
    assert session(answer) is None


def test_a_frame_or_script_of_a_foreign_page_gets_no_session(site: str) -> None:
    for destination in ("iframe", "script", "image", "empty"):
        headers = {**NAVIGATION, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": destination}
        assert not sets_cookie(httpx.get(site, headers=headers))
        assert not sets_cookie(httpx.get(f"{site}/api/history", headers=headers))


def test_a_link_from_a_foreign_page_is_a_visit(site: str) -> None:
    assert sets_cookie(httpx.get(site, headers={**NAVIGATION, "Sec-Fetch-Site": "cross-site"}))


def test_behind_a_trusted_proxy_with_tls_the_cookie_is_secure(site: str, jar: CookieJar) -> None:
    tls = {**PAGE, "X-Forwarded-Proto": "https"}
    first = httpx.get(site, headers=tls)
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("__Host-crosswire_")
    assert cookie.endswith("; Secure")
    line = cookie.split(";")[0]
    assert session(httpx.get(site, headers={**tls, "Cookie": line})) == session(first)
    planted = line.removeprefix("__Host-")
    assert session(httpx.get(site, headers={**tls, "Cookie": planted})) != session(first)


def test_a_stranger_cannot_claim_tls(clock: Clock) -> None:
    app = Starlette(routes=[Route("/", who)], middleware=[Middleware(SessionCookie, secret=SECRET, now=clock)])
    with serving(app, forwarded_allow_ips="192.0.2.1") as address:
        cookie = httpx.get(address, headers={**PAGE, "X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert cookie.startswith("crosswire_")
    assert "Secure" not in cookie


def _socket(site: str, cookie: str) -> dict[str, object]:
    with connect(site.replace("http", "ws") + "/_stcore/stream", additional_headers={"Cookie": cookie}) as socket:
        found: dict[str, object] = json.loads(socket.recv())
        return found


def test_the_websocket_has_the_session_of_the_page(site: str, browser: httpx.Client, jar: CookieJar) -> None:
    page = session(browser.get("/"))
    seen = _socket(site, f"a=b; {jar.plain_name}={browser.cookies[jar.plain_name]}; _streamlit_xsrf=2|x|y")
    assert seen["session"] == page
    cookies = seen["cookies"]
    assert isinstance(cookies, dict)
    assert cookies["a"] == "b"
    assert cookies["_streamlit_xsrf"] == "2|x|y"
    assert CookieJar(SECRET).plain_name in cookies


def test_of_a_doubtful_handshake_the_page_sees_no_session_cookie(site: str, jar: CookieJar) -> None:
    mine, other = jar.sign(new_token()), jar.sign(new_token())
    for line in (
        f"{jar.plain_name}={mine}; {jar.plain_name}={other}",
        f"{jar.plain_name}={mine}x; b=c",
        f"{jar.secure_name}=junk",
        f'{jar.plain_name}="{mine}"',
    ):
        seen = _socket(site, line)
        assert seen["session"] is None
        assert isinstance(seen["cookies"], dict)
        assert read_session(seen["cookies"], SECRET) is None


def test_the_websocket_prefers_the_cookie_that_nobody_can_plant(site: str, jar: CookieJar) -> None:
    mine, planted = new_token(), new_token()
    seen = _socket(site, f"{jar.plain_name}={jar.sign(planted)}; {jar.secure_name}={jar.sign(mine)}")
    assert seen["session"] == session_id_of(mine)
    assert isinstance(seen["cookies"], dict)
    assert list(seen["cookies"]) == [jar.secure_name]
