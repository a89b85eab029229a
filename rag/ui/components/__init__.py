"""Front-end parts of the pages: plain modules in the folder of whatever Python speaks to them, without a build.

They are served as files from this server: the policy for content lets no script be made from a text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer


def component(name: str, folder: Path) -> ComponentRenderer:
    """The component whose `main.js` and `main.css` are in this folder; what they import lies beside them.

    To be called in each run of a page: the runtime that it runs in need not be the one that drew it first.
    """
    key, manager = f"crosswire.{name}", get_bidi_component_manager()
    if manager.get_component_asset_root(key) is None:
        own = ComponentManifest("crosswire", "0", [ComponentConfig(name, folder.name)])
        manager.register_from_manifest(own, folder.parent)
    return st.components.v2.component(key, js="main.js", css="main.css")
