"""The parts of the knowledge page: search, articles, and one session's own documents."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.errors import CrosswireError, public_line
from rag.knowledge import COVERED, DocumentInfo, Library, Owner
from rag.services import Services
from rag.ui import markup, uploads
from rag.ui.escaping import count, escaped
from rag.ui.feedback import errors_shown

MOST_RESULTS = 20


def own(services: Services, session_id: str) -> Owner | None:
    """Whose documents a page shows beside the articles. None, and a line that says so: that cannot be known now."""
    try:
        return Owner(session_id, services.store.collection(session_id))
    except CrosswireError as exc:
        st.warning(f"Only articles are shown. {public_line(exc)}", icon=":material/cloud_off:")
        return None


@errors_shown()
def search(library: Library, me: Owner | None) -> None:
    """me: None where only articles are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        example = "late parcel or ORD-48213"
        question = st.text_input("Search", placeholder=example, key="search", icon=":material/search:")
        most = st.number_input("Passages", 1, MOST_RESULTS, 6, key="most", width=140)
    if not question.strip():
        st.info(
            "Ask a question to see which passages an answer would use, with their scores.",
            icon=":material/manage_search:",
        )
        return
    found = library.search(question, int(most), *(me or ()))
    if not found:
        st.warning("Nothing found: the library is empty.", icon=":material/search_off:")
    elif found[0].score < COVERED:
        st.warning("The library may not cover this. These are the closest passages.", icon=":material/search_off:")
    for passage in found:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{escaped(passage.title)}**  \n:gray[{escaped(passage.heading)}]", width="stretch")
                if passage.private:
                    st.badge("only in this session", icon=":material/lock:", color="violet")
                st.progress(min(1.0, max(0.0, passage.score)), text=f"score {passage.score:.2f}", width=150)
            markup.passage(passage.text, private=passage.private)


@errors_shown()
def articles(documents: Sequence[DocumentInfo], library: Library) -> None:
    if not documents:
        st.info("The library is empty. Add articles with `python -m rag ingest PATH…`.", icon=":material/library_add:")
        return
    with st.container(horizontal=True):
        st.metric("Articles", len(documents))
        st.metric("Passages", sum(info.passages for info in documents))
        st.metric("Words (approx.)", f"{sum(info.characters for info in documents) // 6:,}")
    rows = [
        {
            "Title": info.title,
            "Section": info.id.rpartition("/")[0],
            "Passages": info.passages,
            "Characters": info.characters,
        }
        for info in documents
    ]
    table = st.dataframe(
        rows, hide_index=True, on_select="rerun", selection_mode="single-row", key="articles", height=320
    )
    chosen = table["selection"]["rows"]
    if not chosen:
        st.caption("Select a row to read the article.")
        return
    document = library.document(documents[chosen[0]].id)
    if document is None:
        st.info("This article has just been removed.")
        return
    with st.container(border=True):
        markup.passage(document.text, private=False)


@errors_shown()
def article(library: Library, document_id: str, me: Owner | None) -> None:
    """One that was linked to, whole."""
    document = library.document(document_id, *(me or ()))
    if document is None:
        st.info(
            "This article is not in the library, or only another session may read it.", icon=":material/search_off:"
        )
        return
    private = document.info.private
    if private:
        st.badge("only in this session", icon=":material/lock:", color="violet")
    with st.container(border=True):
        markup.passage(document.text, private=private)


@errors_shown()
def private(documents: Sequence[DocumentInfo], services: Services, me: Owner) -> None:
    st.write(
        "Only your session can search the documents you add here. They are deleted when the session expires or "
        "is cleared."
    )
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader(
            "Markdown, text, HTML or PDF, up to 10 MB", type=uploads.FILE_TYPES, accept_multiple_files=True, key="files"
        )
        sent = st.form_submit_button("Add to my session", icon=":material/upload:", type="primary")
    if sent:
        _add(files or [], services, me.session_id)
    for line in st.session_state.pop("upload-errors", []):
        st.error(line, icon=":material/error:")
    if not documents:
        st.info("No documents yet.", icon=":material/lock_open:")
    for info in documents:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            about = f"{escaped(info.name)} · {count(info.passages, 'passage')}"
            st.markdown(f"**{escaped(info.title)}**  \n:gray[{about}]", width="stretch")
            if st.button("Remove", key=f"remove-{info.id}", icon=":material/delete:"):
                services.library.remove_private(me.session_id, info.id, me.collection)
                st.rerun()


def _add(files: Sequence[uploads.File], services: Services, session_id: str) -> None:
    if not files:
        st.warning("Choose a file first.", icon=":material/upload_file:")
        return
    st.session_state["upload-errors"] = uploads.add(files, services, session_id)
    st.rerun()
