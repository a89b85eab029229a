"""What users told is kept as documents in one Chroma collection, and searched without a filter.

Slow, as Chroma is where documents come one by one: an `add` to a collection on disk takes 7 to 10 ms, a query 2 ms.
"""

from __future__ import annotations

import uuid
from typing import Any

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Document, Lab, Message, PerSession, Steps, pair, question
from rag.crosstalk.strategies.retrieval.embedding import Embedding

FOUND = 3
ARTICLES = (
    "You can return an unworn item within 45 days of delivery.",
    "Parcels to Ireland take three to five working days.",
    "Wash a down jacket at 30 degrees and dry it with tennis balls.",
)


class UnfilteredRetrieval(PerSession):
    name = "unfiltered-retrieval"
    title = "One collection, no filter"
    place = 170
    on_disk = True
    lesson = "One collection for everyone's documents needs a filter in every query. One forgotten filter is a leak."
    wrong = (
        "Each user's notes go into the shared collection with the session in their metadata, but the query does not "
        "filter by it: the notes nearest to “what is my address?” are everyone's. The history is right all the while."
    )
    seen = ("google/adk-python#1019", "chroma-core/chroma#1218")
    fix = "Use a collection per owner, or a filter that one place adds to every query and that fails closed."
    expects = kinds(kind.FOREIGN_READ, kind.RETRIEVAL_LEAK)
    may = kinds(kind.FOREIGN_WRITE, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def __init__(self, lab: Lab) -> None:
        import chromadb

        super().__init__(lab)
        self.embedding = Embedding()
        # One folder a process: several processes need a Chroma server between them.
        self.client: Any = chromadb.PersistentClient(str(lab.folder / f"chroma-{uuid.uuid4().hex[:8]}"))
        self.notes = self.client.create_collection("notes", embedding_function=None)
        self.add("shared", {f"article-{n}": text for n, text in enumerate(ARTICLES)})

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "retrieve"
        found = self.search(asked)
        asked.retrieved(found)
        yield "ask"
        context = Message("system", "\n".join(note.text for note in found))
        answer = asked.ask([context, *history, question(asked)])
        yield "save note"
        self.add(asked.session, {f"note-{asked.op}": asked.text})
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))
        return answer

    def search(self, asked: Asked) -> list[Document]:
        found: Any = self.notes.query(query_embeddings=self.embedding([asked.text]), n_results=FOUND)  # the bug
        rows = zip(found["ids"][0], found["metadatas"][0], found["documents"][0], strict=True)
        return [Document(name, metadata["owner"], text) for name, metadata, text in rows]

    def add(self, owner: str, notes: dict[str, str]) -> None:
        names, texts = list(notes), list(notes.values())
        vectors: Any = self.embedding(texts)
        self.notes.add(ids=names, embeddings=vectors, documents=texts, metadatas=[{"owner": owner} for _ in names])

    def close(self) -> None:
        self.client.close()
