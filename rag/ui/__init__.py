"""Streamlit pieces that pages share. Pages talk to these and to the façades below, never to a client."""
