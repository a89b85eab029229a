"""The front door: what the recorded run shows, and that every page leads on to others that are there."""

from __future__ import annotations

import re

from rag.crosstalk import Workload
from rag.ui import next_pages
from rag.ui.home import field
from rag.ui.home.doors import DOORS
from rag.ui.home.recording import FILE, WORKLOAD, record, recorded
from rag.ui.presenter.story import STORY
from tests import PROJECT
from tests.pages.opening import calm, opened, tab


def test_the_recorded_run_is_what_the_simulator_shows() -> None:
    kept = recorded()
    now = record(Workload(users=4, turns=WORKLOAD.turns, latency="0"))
    for run, users in ((kept, WORKLOAD.users), (now, 4)):
        assert (run.wrong.verdict, run.wrong.reached) == ("anomalies", users)
        assert (run.right.verdict, run.right.reached) == ("isolated", 0)
        assert all(person.leaked is None for person in run.right.people)
        assert {len(person.answered) for half in (run.wrong, run.right) for person in half.people} == {WORKLOAD.turns}
        owners = [person.owner for person in run.wrong.people]
        assert all(owner is not None and owner != user for user, owner in enumerate(owners))
    assert kept.seconds < 10
    assert FILE.stat().st_size < 10_000


def test_it_plays_each_person_in_their_own_colour_and_counts_up_to_what_the_checker_said() -> None:
    drawn, counted = field.markup(recorded()), field.counting(recorded())
    owns = re.findall(r"--own:(#\w{6})", drawn)
    assert len(owns) == 2 * WORKLOAD.users
    assert owns[: WORKLOAD.users] == owns[WORKLOAD.users :]
    assert f"of {WORKLOAD.users} people got someone else’s data" in drawn
    assert counted.endswith(f"to {{--reached:{recorded().wrong.reached}}}}}")
    shares = [float(share) for share in re.findall(r"([\d.]+)% \{", counted)]
    assert shares == sorted(shares)


def test_every_page_leads_on_and_all_that_is_linked_is_there() -> None:
    pages = {path.stem for path in (PROJECT / "pages").glob("*.py")} - {"navigation"}
    assert pages - {"home", "chat"} == set(next_pages.NEXT)
    links = [*next_pages.NEXT.values(), *(links for _, links in DOORS.values())]
    assert {page for some in links for page, _ in some} <= pages
    assert all(page != other for page, some in next_pages.NEXT.items() for other, _ in some)


def test_the_front_door_opens_with_three_doors_and_the_notes_in_the_page_s_place() -> None:
    with opened():
        page = calm(tab().run())
        assert [header.value for header in page.header] == ["Does your chat show one user another user’s data?"]
        assert len(page.get("bidi_component")) == 1
        linked = [link.proto.label for link in page.get("page_link")]
        notes = tab()
        notes.query_params["notes"] = "1"
        assert [header.value for header in calm(notes.run()).header] == ["Speaker notes"]
        assert [one.say for one in STORY] == [one.value for one in notes.markdown if not one.value.startswith("#####")]
    expected = [label for _, links in DOORS.values() for _, label in links]
    assert linked == [*expected, "Present it in five minutes"]
