"""The script that the application runs for each visitor: it names the pages and draws the chosen one."""

from __future__ import annotations

import streamlit as st

TITLES = {
    "chat": "Chat",
    "knowledge": "Knowledge",
    "simulate": "Simulate",
    "race_lab": "Race lab",
    "audit": "Audit",
    "inspector": "Inspector",
}
ICONS = {
    "chat": "forum",
    "knowledge": "menu_book",
    "simulate": "groups",
    "race_lab": "alt_route",
    "audit": "fact_check",
    "inspector": "policy",
}
READ = {"Chat", "Knowledge"}  # text is easier to read in a narrow column

# The icons are part of the titles: for an icon of its own the browser asks Google's server, to put it on the tab.
pages = {
    st.Page(f"{name}.py", title=f":material/{ICONS[name]}: {title}", default=name == "chat"): title
    for name, title in TITLES.items()
}
page = st.navigation(list(pages))
title = pages[page]
st.set_page_config(page_title=f"{title} · Crosswire", page_icon="🔀", layout="centered" if title in READ else "wide")
page.run()
