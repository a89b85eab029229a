"""A room full of phones in front of one chat memory, which is switched from right to wrong and back while they chat."""

from __future__ import annotations

import streamlit as st

from rag.ui import resources, visitor
from rag.ui.room import opened, opening

rooms = resources.rooms()
me = visitor.visitor(resources.services().settings)

# The wall is as high as the window leaves it.
st.html("""<style>
.st-key-wall iframe, .st-key-wall :has(> iframe) {height: max(24rem, calc(100dvh - 15rem))}
</style>""")
st.header("Room", anchor=False)
mine = rooms.of(me.session_id)
if mine and (left := rooms.left(mine[-1])) is not None:
    opening.another(rooms, me)
    opened.draw_ended(rooms, me, mine[-1], left)
elif mine:
    opened.draw(rooms, me, mine[-1])
else:
    opening.draw(rooms, me)
