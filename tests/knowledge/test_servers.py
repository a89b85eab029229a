"""With CHROMA_URL and EMBEDDINGS=openai, the same library on real servers; without them, no network and no noise."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
from chromadb import Collection
from chromadb.errors import InternalError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from rag.errors import BadSetting, LibraryUnavailable
from rag.knowledge import Owner, open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.knowledge.library import Library
from rag.knowledge.storage.server import ServerStore
from tests.knowledge.peer import Peer
from tests.knowledge.support import settings, wordllama, write
from tests.servers import free_port


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server."""
    port = free_port()
    program = Path(sysconfig.get_path("scripts"), "chroma")
    folder = tmp_path_factory.mktemp("chroma")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "run", "--path", folder / "data", "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
        try:
            _answers(f"http://127.0.0.1:{port}/api/v2/heartbeat")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


@retry(retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(30), wait=wait_fixed(0.1), reraise=True)
def _answers(url: str) -> None:
    httpx.get(url, verify=False).raise_for_status()  # see tests/browser/serving.py


def test_a_collection_that_the_server_cannot_read_yet_is_read_a_moment_later(
    tmp_path: Path, chroma_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = settings(tmp_path, chroma_url=chroma_url)
    open_library(used).add_private("early", "p.txt", b"My lamp is blue")
    get, said = Collection.get, ["Error executing plan: Error creating hnsw segment reader: Nothing found on disk"] * 2

    def early(self: Collection, **asked: Any) -> Any:
        if said:
            raise InternalError(said.pop())
        return get(self, **asked)

    monkeypatch.setattr(Collection, "get", early)
    other = open_library(used)
    assert other.search("lamp", session_id="early")[0].text == "My lamp is blue"
    assert said == []
    other.forget(Owner("early"))


def test_two_libraries_on_one_chroma_server(tmp_path: Path, chroma_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.knowledge.library.READING_SHARE", 1.0)
    monkeypatch.setattr(ServerStore, "articles_seconds", 0.0)
    root = write(tmp_path, a="# A\nApples are red.")
    used = settings(tmp_path, chroma_url=chroma_url)
    one, two = open_library(used), open_library(used)
    for library in (one, two):
        assert isinstance(library, Library)
        assert isinstance(library._store, ServerStore)
    assert one.add([root]).added == ("a",)
    assert two.search("apples")[0].text == "Apples are red."
    info = one.add_private("s", "p.txt", b"My lamp is blue")
    assert two.search("lamp", session_id="s")[0].document_id == info.id
    assert two.search("lamp", session_id="t") == two.search("lamp")
    assert two.owners() == [Owner("s")]
    write(tmp_path, a="# A\nApples are green.", b="# B\nBananas.")
    two.add([root])
    assert one.search("apples")[0].text == "Apples are green."
    two.forget(Owner("s"))
    assert one.documents("s") == one.documents()
    assert not (tmp_path / "state").exists()
    one.close()
    two.close()


def test_what_one_process_was_told_is_stored_every_other_finds(
    tmp_path: Path, chroma_url: str, peer: Callable[..., Peer]
) -> None:
    one, two = peer(chroma_url=chroma_url), peer(chroma_url=chroma_url)
    for number in range(5):
        for writer, reader in ((one, two), (two, one)):
            reader.ask("search", text="lamp", session_id="told")
            text = f"My lamp is number {number} of {writer.process.pid}"
            writer.ask("add_private", session_id="told", name="p.txt", text=text)
            assert text in reader.ask("search", text="lamp", session_id="told")
            assert text in writer.ask("search", text="lamp", session_id="told")
    one.ask("forget", session_id="told")
    assert "lamp" not in str(two.ask("search", text="lamp", session_id="told"))


def test_two_who_write_at_the_same_time_both_find_both(tmp_path: Path, chroma_url: str) -> None:
    used = settings(tmp_path, chroma_url=chroma_url)
    one, two = open_library(used), open_library(used)
    one.add_private("both", "a.txt", b"Lamp one")
    two.documents("both")
    changed = one._store.changed

    def overtaken(collection: Collection) -> str:
        monkeypatch.undo()
        two.add_private("both", "c.txt", b"Lamp three")
        return changed(collection)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(one._store, "changed", overtaken)
        one.add_private("both", "b.txt", b"Lamp two")
    for library in (one, two):
        assert [info.name for info in library.documents("both") if info.private] == ["a.txt", "b.txt", "c.txt"]
        library.close()


def test_no_chroma_server_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LibraryUnavailable, match="correct CHROMA_URL") as caught:
        open_library(settings(tmp_path, chroma_url="http://127.0.0.1:9"))
    assert "\n" not in str(caught.value)


class _Embeddings(BaseHTTPRequestHandler):
    """Speaks OpenAI's protocol with WordLlama's vectors."""

    asked: ClassVar[list[str]]
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.extend(body["input"])
        vectors = wordllama().embed(body["input"]).tolist()
        data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        answer = json.dumps({"object": "list", "data": data, "model": body["model"], "usage": usage}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_embeddings_of_an_openai_compatible_server(tmp_path: Path) -> None:
    class Handler(_Embeddings):
        asked: ClassVar[list[str]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        used = settings(tmp_path, embeddings="openai", openai_base_url=url, model_max_retries=0)
        assert make_embedder(used).name == "openai-text-embedding-3-small"
        library = open_library(used)
        assert library.add([write(tmp_path, a="# A\nApples are red.")]).added == ("a",)
        assert library.search("apples")[0].text == "Apples are red."
        assert Handler.asked == ["A\nApples are red.", "A", "apples"]
        Handler.status = 500
        with pytest.raises(LibraryUnavailable, match="Check EMBEDDINGS"):
            library.search("apples")
        assert [info.id for info in library.documents()] == ["a"]
        library.close()
        server.shutdown()


def test_embeddings_that_cannot_be_had_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="EMBEDDINGS is 'openai'"):
        open_library(settings(tmp_path, embeddings="openai"))
    monkeypatch.setattr(
        "chromadb.utils.embedding_functions.ONNXMiniLM_L6_V2.DOWNLOAD_PATH", tmp_path / "no-model", raising=True
    )
    with pytest.raises(BadSetting, match=r"EMBEDDINGS is 'minilm'.*missing: config\.json"):
        open_library(settings(tmp_path, embeddings="minilm"))
    library = open_library(settings(tmp_path))
    library.close()


def test_the_offline_embeddings_need_no_network_and_leave_logging_alone() -> None:
    script = """
import logging, socket
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = refuse
from rag.knowledge.embedding.embedders import WordLlamaEmbedder
assert WordLlamaEmbedder().embed(["a", "b"]).shape == (2, 256)
assert logging.root.handlers == [] and logging.root.level == logging.WARNING
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_vectors_are_finite_and_of_length_one() -> None:
    vectors = wordllama().embed(["", " ", "\U0001f600", "refund", "x" * 5000])
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert logging.getLogger("wordllama").level == logging.NOTSET
