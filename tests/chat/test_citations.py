"""Citations as a reader counts them."""

from __future__ import annotations

from rag.chat import Source, numbered

SOURCES = [Source(number, f"p{number}", f"d{number}", f"Title {number}", "", "text") for number in (1, 2, 3, 4)]


def test_they_count_from_1_in_the_order_in_which_they_appear() -> None:
    text, sources = numbered("A [3], B [1][3], C [4]. Not [9], [0] or [x].", SOURCES)
    assert text == "A [1], B [2][1], C [3]. Not [9], [0] or [x]."
    assert [(one.number, one.document_id) for one in sources] == [(1, "d3"), (2, "d1"), (3, "d4"), (4, "d2")]


def test_what_stands_does_not_change_while_the_rest_is_written() -> None:
    whole = "A [4] and B [2][4], C [1]."
    done, _ = numbered(whole, SOURCES)
    for end in range(len(whole)):
        part, _ = numbered(whole[:end], SOURCES)
        settled = part.rpartition("[")[0] if "[" in whole[max(0, end - 3) : end] else part
        assert done.startswith(settled)


def test_an_answer_without_citations_has_its_sources_still() -> None:
    assert numbered("No mark.", SOURCES) == ("No mark.", tuple(SOURCES))
    assert numbered("[1]", []) == ("[1]", ())
