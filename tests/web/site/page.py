"""Says which session the page has."""

import os

import streamlit as st

from rag.web.cookie import read_session

st.text(f"session={read_session(st.context.cookies, os.environ['SESSION_SECRET'])}")
