"""Documents are read in processes of their own: one that is too slow, too large or crashes costs only its process."""

from __future__ import annotations

from queue import Empty

import orjson

from rag.errors import BadDocument
from rag.knowledge.parsing.document import ParsedDocument, received
from rag.knowledge.parsing.limits import UPLOADED, Limits, check, too_much
from rag.knowledge.workers import Workers

PROCESSES = 2
PATIENCE = 60.0
"""Seconds that a document waits for its turn."""


class DocumentReader:
    """Safe to use from many threads. A process is started with the first document, and kept for the next ones."""

    def __init__(self, processes: int = PROCESSES, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._workers = Workers("rag.knowledge.parsing.worker", processes)
        self.close = self._workers.close

    def read(self, name: str, data: bytes, limits: Limits = UPLOADED) -> ParsedDocument:
        """Raises BadDocument, with one line, for whatever cannot be read within these limits."""
        check(name, data)
        about = [name.encode("utf-8", "replace").decode(), len(data), limits.seconds, limits.passages, limits.memory]
        try:
            with self._workers.lent(limits.seconds, self._patience) as worker:
                worker.requests.writelines([orjson.dumps(about), b"\n", data])
                worker.requests.flush()
                answer = received(worker.answers)
        except Empty:
            raise BadDocument(name, "other documents are still being read", "Try it again in a minute.") from None
        except TimeoutError as exc:
            raise too_much(name, f"reading it takes longer than {limits.seconds:g} seconds") from exc
        except (OSError, ValueError, TypeError) as exc:
            raise BadDocument(name, "the process that read it broke off") from exc
        if isinstance(answer, ParsedDocument):
            return answer
        raise BadDocument(name, *answer)
