"""The inspector beside two people who chat: it sees what they do, they see what it does, and it can be shut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from playwright.sync_api import Locator, Page, expect

from rag.sessions import SessionStore, connect
from rag.sessions.names import friendly_name
from rag.web.cookie import session_id_of
from tests.browser.conftest import NewPage, NewVisit
from tests.browser.serving import AppServer
from tests.browser.talking import Visit
from tests.inspector.stored_sessions import HOSTILE
from tests.servers import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def store(app: AppServer) -> Iterator[SessionStore]:
    with closing(connect("embedded", state_dir=app.state_dir)) as client:
        store = SessionStore(client)
        yield store
        for row in store.directory.page(0, 1000).rows:
            store.clear(row.info.id)


@pytest.fixture
def inspector(store: SessionStore, open_page: NewPage) -> Page:
    """Open, refreshing every two seconds."""
    page = open_page("inspector?every=2+s", "Inspector")
    expect(page.get_by_text("Live sessions")).to_be_visible(timeout=30_000)
    return page


def sid_of(visit: Visit) -> str:
    cookie = visit.cookie()
    assert cookie is not None
    return session_id_of(cookie.split(".")[0])


def cells(page: Page) -> Locator:
    """The table of sessions as a screen reader sees it."""
    return page.get_by_test_id("stDataFrame").first.locator("[role=gridcell]")


def append(store: SessionStore, sid: str, question: str) -> None:
    store.append(sid, [HumanMessage(question), AIMessage("Yes.")])


def switch(page: Page, label: str) -> None:
    page.get_by_test_id("stSidebar").get_by_text(label).click()


def pick(page: Page, row: int) -> None:
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 36 + 35 * row + 17)


def test_two_people_chat_and_the_inspector_sees_it_and_deletes_a_session(
    visit: NewVisit, inspector: Page, store: SessionStore
) -> None:
    ada, ben = visit(), visit()
    ada.ask("How long do I have to return an item?")
    ben.ask("My order is ORD-51206.")
    names = [friendly_name(sid_of(person)) for person in (ada, ben)]
    for name in names:
        expect(cells(inspector).filter(has_text=name)).to_have_count(1)
    box = inspector.get_by_placeholder("name or id prefix")
    box.press_sequentially("half a na")
    append(store, sid_of(ada), "And a gift card?")
    expect(cells(inspector).filter(has_text=re.compile("^2$"))).to_have_count(1)  # so it was refreshed
    expect(box).to_have_value("half a na")
    box.fill(names[0])
    box.press("Enter")
    expect(cells(inspector).filter(has_text=names[1])).to_have_count(0)
    expect(cells(inspector).filter(has_text=names[0])).to_have_count(1)
    pick(inspector, 0)
    expect(inspector.get_by_text("2 turns · 4 messages")).to_be_visible()
    assert "gift card" not in inspector.inner_text("body")
    switch(inspector, "Reveal all texts")
    expect(inspector.get_by_test_id("stChatMessage")).to_have_count(4)
    expect(inspector.get_by_text("And a gift card?")).to_be_visible()
    append(store, sid_of(ada), "How long does delivery take?")
    expect(inspector.get_by_text("3 turns · 6 messages")).to_be_visible()
    expect(inspector.get_by_text("How long does delivery take?")).to_be_visible()
    store.extend(sid_of(ada), 1)
    expect(inspector.get_by_text(f"{names[0]} has ended")).to_be_visible()
    box.fill("")
    box.press("Enter")
    deleted(ben, inspector, store)


def deleted(person: Visit, inspector: Page, store: SessionStore) -> None:
    """Only where it is confirmed, for the person, too, and until it is undone."""
    sid = sid_of(person)
    expect(cells(inspector).filter(has_text=friendly_name(sid))).to_have_count(1)
    pick(inspector, 0)
    expect(inspector.get_by_role("heading", name=friendly_name(sid))).to_be_visible()  # not the one before any more
    button = inspector.get_by_role("button", name="Delete", exact=False).first
    expect(button).to_be_disabled()
    switch(inspector, "Allow changes")
    expect(button).to_be_enabled()
    dialog = inspector.get_by_role("dialog")
    button.click()
    expect(dialog).to_contain_text("This deletes 1 session")
    assert store.info(sid) is not None
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(inspector.get_by_text("1 session deleted.")).to_be_visible()
    assert store.info(sid) is None
    person.reload()
    expect(person.messages).to_have_count(0)
    inspector.get_by_role("button", name="Undo").click()
    # The note about it is there for a moment only, which a busy machine may miss.
    wait_for(lambda: store.messages(sid), "the session to be as before", seconds=20)
    person.reload()
    expect(person.messages).to_have_count(2)


def test_hostile_texts_do_nothing_and_the_interval_outlives_a_reload(inspector: Page, store: SessionStore) -> None:
    store.append("hostile", [HumanMessage(HOSTILE), AIMessage(HOSTILE, id=HOSTILE)])
    expect(cells(inspector).filter(has_text=friendly_name("hostile"))).to_have_count(1)
    inspector.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    pick(inspector, 0)
    switch(inspector, "Reveal all texts")
    expect(inspector.get_by_test_id("stChatMessage")).to_have_count(2)
    said = inspector.get_by_test_id("stChatMessage").first
    expect(said).to_contain_text("<script>alert(1)</script>")
    expect(said).to_contain_text("\\u202egnp.exe")
    for tag in ("script", "img[src=x]", "strong", "a", "h1", ".katex"):
        expect(said.locator(tag)).to_have_count(0)
    inspector.get_by_role("tab", name="Stored JSON").click()
    expect(inspector.get_by_test_id("stCode").last).to_contain_text("session_id")

    expect(inspector.get_by_role("radio", name="2 s")).to_be_checked()
    inspector.get_by_test_id("stSidebar").get_by_text("Paused").click()
    inspector.wait_for_url("**every=Paused**")
    inspector.reload()
    expect(inspector.get_by_role("radio", name="Paused")).to_be_checked()
