"""What people believe of chat memories: say yes or no, and see it measured here."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.beliefs import BELIEFS
from rag.ui import resources
from rag.ui.beliefs import card

HEADS = {"belief": "Four beliefs", "mistake": "Three classic mistakes"}

# Two listings are read side by side. (A text here would be drawn.)
SMALLER = "<style>div[class*='st-key-card_'] pre code {font-size: 0.74rem}</style>"

verdicts = [card.right(belief) for belief in BELIEFS.values()]
known = [verdict for verdict in verdicts if verdict is not None]

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    st.header("Beliefs", anchor=False, width="content")
    if known:
        st.markdown(f"You were right in **{sum(known)} of {len(known)}**.", width="content")
st.html(SMALLER)
st.caption("Commit to yes or no, then see it measured on this server in seconds. Nothing is canned.")

for kind, head in HEADS.items():
    st.subheader(head, anchor=False)
    for belief in BELIEFS.values():
        if belief.kind == kind:
            card.draw(belief, resources.measurements())
