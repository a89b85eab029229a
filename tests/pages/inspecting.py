"""The inspector's page in this process, from this machine or from elsewhere, and all that was sent to its browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from rag.sessions.names import friendly_name
from rag.ui.inspector import session_table
from tests.pages.opening import calm, visit

SECRET = "my order is CW-4711-ADA"


def inspect(*chosen: str, **switches: bool) -> AppTest:
    page = visit()
    page.switch_page("inspector.py")
    calm(page.run())
    for name, on in switches.items():
        (toggle,) = [toggle for toggle in page.toggle if toggle.key == f"inspector_{name}"]
        calm(toggle.set_value(on).run())
    if chosen:
        page.session_state[session_table.CHOSEN] = list(chosen)
        page.session_state[session_table.EDITION] = 1
        calm(page.run())
    return page


def all_of(page: AppTest) -> str:
    """Everything that was sent to the browser."""
    frames = [frame.value.to_csv() for frame in page.dataframe]
    return "\n".join([str(page.main), str(page.sidebar), *frames])


def put(page: AppTest, key: str, value: object) -> AppTest:
    """Fill in one of the controls."""
    (control,) = [one for one in [*page.text_input, *page.selectbox] if one.key == key]
    return calm(control.set_value(value).run())


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def assert_nothing_of(page: AppTest, sid: str) -> None:
    sent = all_of(page)
    assert not [part for part in (sid, friendly_name(sid), "CW-4711", "Live sessions", "Noted.") if part in sent]
    assert not page.dataframe
    assert not page.metric
