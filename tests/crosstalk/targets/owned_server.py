"""A chat with a login, conversations and documents, that asks whose they are; and the same without asking."""

from __future__ import annotations

import secrets
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.crosstalk.targets.protocol_servers import told


class Owned:
    """careful: whether each request is checked against who sends it."""

    def __init__(self, *, careful: bool) -> None:
        self.careful = careful
        self.tokens: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.said: dict[str, list[str]] = {}
        self.documents: list[tuple[str, str]] = []

    def who(self, request: Request) -> str:
        token = request.query_params.get("token") or request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.tokens.get(token, "")

    async def login(self, request: Request) -> Response:
        token, user = secrets.token_hex(8), (await request.json())["user"]
        self.tokens[token] = user
        answer = JSONResponse({"access_token": token})
        old = request.cookies.get("sid", "")
        # A careful service gives whoever logs in a session of its own.
        sid = old if old and not self.careful else secrets.token_hex(8)
        answer.set_cookie("sid", sid)
        return answer

    async def browser(self, request: Request) -> Response:
        """The conversation is that of the browser's session."""
        said = self.said.setdefault(f"sid {request.cookies['sid']}", [])
        said.append((await request.json())["message"])
        return JSONResponse({"reply": told(said)})

    async def chat(self, request: Request) -> Response:
        body, who = await request.json(), self.who(request)
        conversation = body.get("conversation") or request.headers.get("x-conversation") or str(uuid.uuid4())
        owner = self.owners.setdefault(conversation, who)
        if self.careful and owner != who:
            return JSONResponse({"detail": "not yours"}, 404)
        said = self.said.setdefault(conversation, [])
        said.append(body["message"])
        documents = [text for user, text in self.documents if user == who or not self.careful]
        return JSONResponse({"reply": told([*documents, *said]), "conversation": conversation})

    async def read(self, request: Request) -> Response:
        conversation = request.path_params["conversation"]
        if self.careful and self.owners.get(conversation) != self.who(request):
            return JSONResponse({"detail": "not yours"}, 403)
        return JSONResponse(self.said[conversation])

    async def listed(self, request: Request) -> Response:
        mine = [said[0] for one, said in self.said.items() if not self.careful or self.owners[one] == self.who(request)]
        return JSONResponse({"titles": mine})

    async def upload(self, request: Request) -> Response:
        form = await request.form()
        content = await form["document"].read()  # type: ignore[union-attr]
        self.documents.append((self.who(request), content.decode()))
        return JSONResponse({"stored": len(content)})

    def application(self) -> Starlette:
        posts = {"/login": self.login, "/browser": self.browser, "/chat": self.chat, "/upload": self.upload}
        gets = {"/conversations/{conversation}": self.read, "/conversations": self.listed}
        return Starlette(
            routes=[
                *(Route(path, call, methods=["POST"]) for path, call in posts.items()),
                *(Route(path, call) for path, call in gets.items()),
            ]
        )
