"""The library: what is in it, what a search finds, and documents for this session only."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError, public_line
from rag.ui import library, resources, visitor
from rag.ui.chat.citations import ARTICLE

services = resources.services()
me = visitor.visitor(services.settings)

st.header("Knowledge", anchor=False)
st.caption("Where answers come from: articles for everybody, and documents that only your session can search.")

try:
    own = library.own(services, me.session_id)
    documents = services.library.documents(*(own or ()))
except CrosswireError as exc:
    st.error(public_line(exc), icon=":material/error:")
    st.stop()

if linked := st.query_params.get(ARTICLE):
    library.article(services.library, linked, own)
    if st.button("All articles", icon=":material/arrow_back:"):
        del st.query_params[ARTICLE]
        st.rerun()
    st.stop()

search, articles, mine = st.tabs(
    [":material/search: Search", ":material/menu_book: Articles", ":material/lock: Only in this session"]
)
with search:
    library.search(services.library, own)
with articles:
    library.articles([info for info in documents if not info.private], services.library)
with mine:
    if own is not None:
        library.private([info for info in documents if info.private], services, own)
