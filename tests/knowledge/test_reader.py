"""A stranger's document is read in another process: within limits or refused in one line, and the next one works."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest

from rag.errors import BadDocument
from rag.knowledge import workers
from rag.knowledge.parsing import limits, reader
from rag.knowledge.parsing.limits import MAX_DEPTH, MAX_LABEL, MAX_PAGES, Limits
from rag.knowledge.parsing.reader import DocumentReader
from rag.knowledge.parsing.worker import parse
from tests import PROJECT
from tests.knowledge.support import pdf_of

SLOW = pdf_of(1, b"BT /F1 12 Tf " + b"(x) Tj " * 600_000 + b"ET")
"""Thirty kilobytes that take half a minute."""


@pytest.fixture(scope="module")
def shared() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


@pytest.fixture
def single() -> Iterator[DocumentReader]:
    reader = DocumentReader(processes=1, patience=0)
    yield reader
    reader.close()


def worker_of(single: DocumentReader) -> psutil.Process:
    (worker,) = single._workers.free.queue
    assert worker is not None
    return psutil.Process(worker.process.pid)


READ: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "blanks in a heading": ("a.md", lambda: b"# x" + b" " * 9_000_000 + b"y", 1),
    "hashes in a heading": ("a.md", lambda: b"# x" + b"# " * 1_000_000 + b"y", 2866),
    "a heading of megabytes over many passages": (
        "a.md",
        lambda: b"# T\n## " + b"h" * 3_000_000 + b"\n\nword" * 2000,
        18,
    ),
    "a title of megabytes": ("a.html", lambda: b"<title>" + b"t" * 3_000_000 + b"</title>" + b"<p>word" * 2000, 18),
    "a table's head of megabytes": ("a.md", lambda: b"|" + b"h" * 600_000 + b"|\n|---|\n" + b"|c|\n" * 5000, 870),
    "front matter that is not closed": ("a.md", lambda: b"---\n" + b"a: b\n" * 500_000 + b"x", 3598),
    "one row much wider than the rest": (
        "a.html",
        lambda: b"<table>" + b"<tr><td>a" * 4000 + b"<tr>" + b"<td>b" * 4000,
        38,
    ),
    "divisions": ("a.html", lambda: b"<div>" * (MAX_DEPTH - 2) + b"x", 1),
    "a thousand pages": ("a.pdf", lambda: pdf_of(1000, b"BT /F1 12 Tf (x) Tj ET"), 1000),
}
REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "divisions": ("a.html", lambda: b"<div>" * 1000 + b"x", "more than 200 of its elements are inside one another"),
    "tables": ("a.html", lambda: b"<table><tr><td>" * 2000 + b"x", "more than 200 of its elements"),
    "passages": ("a.md", lambda: b"# T\n" + b"word " * 800_000, "more than 5,000 passages"),
    "pages": ("a.pdf", lambda: pdf_of(MAX_PAGES + 1, b"BT /F1 12 Tf (x) Tj ET"), "more than 2000 pages"),
    "wide": ("a.pdf", lambda: pdf_of(1, b" " * 200_000_000), "damaged|no readable text|memory"),
}


@pytest.mark.parametrize("case", READ)
def test_what_was_slow_is_read(case: str, shared: DocumentReader) -> None:
    name, data, passages = READ[case]
    document = shared.read(name, data())
    assert len(document.chunks) == passages
    assert len(document.title) <= MAX_LABEL
    assert all(len(chunk.heading) <= MAX_LABEL for chunk in document.chunks)


@pytest.mark.parametrize("case", REFUSED)
def test_what_asks_for_too_much_is_refused_in_one_line(case: str, shared: DocumentReader) -> None:
    name, data, reason = REFUSED[case]
    with pytest.raises(BadDocument, match=reason) as caught:
        shared.read(name, data())
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)
    assert shared.read("next.md", b"# Next\nword").title == "Next"


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_OPERATORS", "drawn in more than 1,000 steps"), ("MAX_CHARACTERS", "more than 1,000 characters of text")],
)
def test_pages_that_show_too_much_are_refused(limit: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, limit, 1000)
    with pytest.raises(BadDocument, match=reason):
        parse("a.pdf", pdf_of(20, b"BT /F1 12 Tf " + b"(text) Tj " * 60 + b"ET"))


@pytest.mark.parametrize(
    ("name", "data", "allowed", "reason"),
    [
        ("slow.pdf", SLOW, Limits(0.3, 1), "takes longer than 0.3 seconds"),
        ("large.md", b"a\n\n" * 3_000_000, Limits(60, 1, 8 * 1024 * 1024), "takes more than 8 MB of memory"),
    ],
)
def test_a_process_that_goes_over_a_limit_is_ended(
    name: str, data: bytes, allowed: Limits, reason: str, single: DocumentReader
) -> None:
    single.read("first.txt", b"word")
    before = worker_of(single)
    with pytest.raises(BadDocument, match=reason):
        single.read(name, data, allowed)
    before.wait(timeout=60)
    assert single.read("next.txt", b"word").text == "word"


def test_a_process_that_is_killed_costs_one_document(single: DocumentReader) -> None:
    caught: list[str] = []

    def read() -> None:
        try:
            single.read("slow.pdf", SLOW, Limits(60, 1))
        except BadDocument as exc:
            caught.append(exc.reason)

    single.read("first.txt", b"word")
    worker = worker_of(single)
    thread = threading.Thread(target=read)
    thread.start()
    while worker.cpu_times().user < 0.5:
        worker.cpu_percent(interval=0.01)
    with pytest.raises(BadDocument, match="other documents are still being read"):
        single.read("meanwhile.txt", b"word")
    worker.kill()
    thread.join()
    assert caught == ["the process that read it broke off"]
    assert single.read("next.txt", b"word").text == "word"
    worker = worker_of(single)
    worker.kill()
    psutil.wait_procs([worker], timeout=60)
    assert single.read("next.txt", b"word").text == "word"


def test_one_process_reads_many_documents_and_ends_when_closed(single: DocumentReader) -> None:
    used = set()
    for n in range(5):
        assert single.read(f"{n}.md", b"# T\nword").chunks[0].text == "word"
        used.add(worker_of(single))
    (worker,) = used
    single.close()
    assert not worker.is_running()


def test_an_idle_process_is_not_used_in_the_moment_in_which_it_ends(
    single: DocumentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    single.read("first.txt", b"word")
    before = worker_of(single)
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0)
    single.read("next.txt", b"word")
    assert before != worker_of(single)


def test_a_document_that_nobody_waits_for_any_more_ends_its_process(
    single: DocumentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(stream: object) -> bytes:
        raise KeyboardInterrupt

    single.read("first.txt", b"word")
    monkeypatch.setattr(reader, "received", interrupted)
    with pytest.raises(KeyboardInterrupt):
        single.read("second.txt", b"other")
    monkeypatch.undo()
    assert single.read("next.txt", b"word").text == "word"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not show environments")
def test_a_process_that_reads_knows_no_password(single: DocumentReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    single.read("first.txt", b"word")
    worker = worker_of(single)
    assert "OPENAI_API_KEY" not in worker.environ()


PARENT = """
import os, signal, threading, psutil
from rag.knowledge.parsing.reader import DocumentReader
reader = DocumentReader()
reader.read("a.txt", b"word")
print(psutil.Process().children()[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_process_is_gone_with_the_one_that_started_it() -> None:
    ended = subprocess.run([sys.executable, "-c", PARENT], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(ended.stdout)).wait(timeout=60)


SERVER = """
import sys
from pathlib import Path
from tests.knowledge.support import library, pdf, write
folder = Path(sys.argv[1])
with library(folder) as books:
    books.add([write(folder, a="# A\\nApples.")])
    for name, data in {"a.md": b"# A\\nx", "a.html": b"<p>x", "a.pdf": pdf("x"), "b.html": b"<div>" * 999}.items():
        try:
            books.add_private("s", name, data)
        except Exception as exc:
            print(exc)
for name in ("formats", "markup", "splitting", "worker"):
    assert "rag.knowledge.parsing." + name not in sys.modules, name
assert not {"pypdf", "lxml", "bs4"} & sys.modules.keys()
"""


def test_nothing_of_a_strangers_document_is_read_in_the_process_that_serves(tmp_path: Path) -> None:
    """So that no other thread waits for it: the code that reads is not even loaded there."""
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("b.html: more than 200")


def test_the_process_that_reads_loads_nothing_heavy() -> None:
    code = "import sys, rag.knowledge.parsing.worker as w; w.parse('a.html', b'<p>x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lxml" in loaded
    assert not {"streamlit", "chromadb", "langchain_core", "numpy", "pandas", "pydantic", "redis"} & loaded


GROWING: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "headings": lambda n: ("a.md", b"# h\n" * n + b"x"),
    "deeper headings": lambda n: ("a.md", b"# a\n## b\n### c\nx\n\n" * n),
    "paragraphs": lambda n: ("a.txt", b"word. " * 40 * n),
    "blank lines": lambda n: ("a.md", b"x\n\n" * n),
    "fences": lambda n: ("a.md", b"```\nx\n" * n),
    "rows": lambda n: ("a.md", b"|a|b|\n|---|---|\n" + b"|c|d|\n" * n),
    "keywords": lambda n: ("a.md", b"---\nkeywords:\n" + b"- k\n" * n + b"---\nx"),
    "tables": lambda n: ("a.html", b"<table><tr><td>a</table>" * n),
    "tables never closed": lambda n: ("a.html", (b"<table><tr><td>" * 9 + b"</table>" * 9) * n),
    "lists": lambda n: ("a.html", b"<ul><li>a<ul><li>b</ul></ul>" * n),
    "inline": lambda n: ("a.html", b"<p>" + b"<b>x</b>" * n),
    "dropped": lambda n: ("a.html", b"<nav><b>x</b></nav>x" * n),
}


@pytest.mark.parametrize("case", GROWING)
def test_a_document_of_twice_the_size_takes_twice_the_steps(case: str) -> None:
    def steps(n: int) -> int:
        count = 0

        def step(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal count
            count += 1
            return step

        name, data = GROWING[case](n)
        before = sys.gettrace()
        sys.settrace(step)
        try:
            parse(name, data)
        except BadDocument:
            pass
        finally:
            sys.settrace(before)
        return count

    assert steps(1000) <= 2.2 * steps(500)
