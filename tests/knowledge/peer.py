"""Another process with the library open: told what to do on standard input, a line of JSON a command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.knowledge.support import settings

ROOT = Path(__file__).resolve().parent.parent.parent


class Peer:
    """The process, from the side of the test. `ask` waits for the answer; `tell` does not."""

    def __init__(self, folder: Path, **overrides: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.knowledge.peer", str(folder), json.dumps(overrides)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def tell(self, method: str, **arguments: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([method, arguments]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the peer ended"
        return json.loads(line)

    def ask(self, method: str, **arguments: object) -> Any:
        self.tell(method, **arguments)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        self.process.communicate(timeout=30)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _main(folder: Path, overrides: dict[str, str]) -> None:
    from rag.knowledge import Owner, open_library

    library = open_library(settings(folder, **overrides))
    _say("open")
    for line in sys.stdin:
        method, arguments = json.loads(line)
        if method == "add":
            report = library.add([folder / "knowledge"], prune=arguments.get("prune", False))
            result: object = [report.added, report.changed, report.unchanged, report.removed, len(report.failed)]
        elif method == "search":
            result = [passage.text for passage in library.search(**arguments)]
        elif method == "add_private":
            result = library.add_private(arguments["session_id"], arguments["name"], arguments["text"].encode()).id
        elif method == "forget":
            library.forget(Owner(arguments["session_id"]))
            result = None
        else:
            library.close()
            result = "closed"
        _say(result)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), json.loads(sys.argv[2]))
