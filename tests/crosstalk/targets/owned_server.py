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
    """careful: whether each request is checked against who sends it. deletes: otherwise than that: `quietly`, where
    what is somebody else's stays and success is said; `refusing`, where it is deleted before that is asked; `never`.
    files: `quietly`, where somebody else's is left out. known_only: an id that there is not is refused."""

    def __init__(self, *, careful: bool, deletes: str = "", files: str = "", known_only: bool = False) -> None:
        self.careful = careful
        self.known_only = known_only
        self.deletes = deletes
        self.files_as = files
        self.files: dict[str, tuple[str, str]] = {}
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
        if self.known_only and body.get("conversation") and conversation not in self.said:
            return JSONResponse({"detail": "no such conversation"}, 404)
        owner = self.owners.setdefault(conversation, who)
        if self.careful and owner != who:
            return JSONResponse({"detail": "not yours"}, 404)
        said = self.said.setdefault(conversation, [])
        said.append(body["message"])
        documents = [text for user, text in self.documents if user == who or not self.careful]
        return JSONResponse({"reply": told([*documents, *said]), "conversation": conversation})

    async def read(self, request: Request) -> Response:
        conversation = request.path_params["conversation"]
        if conversation not in self.said:
            return JSONResponse({"detail": "not there"}, 404)
        if self.careful and self.owners.get(conversation) != self.who(request):
            return JSONResponse({"detail": "not yours"}, 403)
        return JSONResponse(self.said[conversation])

    async def delete(self, request: Request) -> Response:
        conversation = request.path_params["conversation"]
        mine = self.owners.get(conversation) == self.who(request)
        if self.deletes == "never":
            return JSONResponse({"detail": "method not allowed"}, 405)
        if mine or not self.careful or self.deletes == "refusing":
            self.said.pop(conversation, None)
            self.owners.pop(conversation, None)
        if mine or not self.careful or self.deletes == "quietly":
            return Response(status_code=204)
        return JSONResponse({"detail": "not yours"}, 404)

    async def attach(self, request: Request) -> Response:
        form, number = await request.form(), secrets.token_hex(8)
        content = await form["document"].read()  # type: ignore[union-attr]
        self.files[number] = self.who(request), content.decode()
        return JSONResponse({"id": number})

    async def ask(self, request: Request) -> Response:
        """A question about a file."""
        body, who = await request.json(), self.who(request)
        owner, content = self.files.get(body["file"], ("", ""))
        if self.careful and owner != who and not self.files_as:
            return JSONResponse({"detail": "no such file"}, 404)
        said = self.said.setdefault(f"files of {who}", [])
        said.append(body["message"])
        return JSONResponse({"reply": told([*([content] if owner == who or not self.careful else []), *said])})

    async def file(self, request: Request) -> Response:
        owner, content = self.files[request.path_params["file"]]
        if self.careful and owner != self.who(request):
            return JSONResponse({"detail": "not yours"}, 403)
        return Response(content)

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
        posts |= {"/files": self.attach, "/ask": self.ask}
        gets = {"/files/{file}": self.file, "/conversations/{conversation}": self.read, "/conversations": self.listed}
        return Starlette(
            routes=[
                *(Route(path, call, methods=["POST"]) for path, call in posts.items()),
                *(Route(path, call) for path, call in gets.items()),
                Route("/conversations/{conversation}", self.delete, methods=["DELETE"]),
            ]
        )
