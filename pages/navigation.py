"""The script that the application runs for each visitor: it names the pages and draws the chosen one."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from rag.ui import next_pages, presenter
from rag.ui.home import brand

SECTIONS = {  # file, title and icon of each page
    "": {"home": ("Home", "home")},
    "See it": {"simulate": ("Simulate", "groups"), "room": ("Room", "meeting_room")},
    "Debug it": {
        "inspector": ("Inspector", "policy"),
        "audit": ("Audit", "fact_check"),
        "system": ("System", "monitor_heart"),
    },
    "Learn it": {"race_lab": ("Race lab", "alt_route"), "beliefs": ("Beliefs", "quiz")},
    "Example app": {"chat": ("Chat", "forum"), "knowledge": ("Knowledge", "menu_book")},
}
READ = {"chat", "knowledge"}  # text is easier to read in a narrow column

# The icons are part of the titles: for an icon of its own the browser asks Google's server, to put it on the tab.
names = {
    st.Page(
        f"{name}.py", url_path=name.replace("_", "-"), title=f":material/{icon}: {title}", default=name == "home"
    ): name
    for section in SECTIONS.values()
    for name, (title, icon) in section.items()
}
pages = {name: page for page, name in names.items()}
page = st.navigation(
    {section: [pages[name] for name in inside] for section, inside in SECTIONS.items()}, expanded=True, position="top"
)
name = names[page]
title, _ = next(inside[name] for inside in SECTIONS.values() if name in inside)
layout: Literal["centered", "wide"] = "centered" if name in READ else "wide"
st.set_page_config(page_title=f"{title} · Crosswire", page_icon=brand.ICON, layout=layout)
st.logo(brand.LOGO)
st.html(brand.STYLE)
presenter.draw()
page.run()
next_pages.draw(name)
