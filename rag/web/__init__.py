"""The HTTP side: who a browser is (identity), and the chat as an API (api). Knows no Streamlit and no page."""
