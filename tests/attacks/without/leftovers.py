"""What is to be gone, and is found all the same: defences that can be taken out."""

from tests.attacks.without.mend import mend

LEFTOVERS = (
    mend(
        "What a session has cleared or outlived, asked for before its documents could be deleted",
        "rag/knowledge/storage/chroma.py",
        'named = f"{owner.collection}-" if owner.collection else ""',
        'named = ""',
        "tests/attacks/test_ended_documents.py::test_what_was_cleared_is_not_found_though_it_could_not_be_deleted",
        "tests/attacks/test_ended_documents.py::test_a_session_that_goes_on_after_its_end_does_not_have_what_it_had_before",
    ),
    mend(
        "Keys of another type under a session's names, which outlive it",
        "rag/sessions/listing/sweep.py",
        "        if ended:\n",
        "        if False:\n",
        "tests/sessions/test_foreign_keys.py::test_it_ends_with_its_session",
    ),
    mend(
        "The log of slow commands, which quotes them",
        "rag/sessions/embedded/supervisor.py",
        "*OPTIONS, *UNLOGGED, *PLACES",
        "*OPTIONS, *PLACES",
        "tests/attacks/test_erasure.py::test_what_redis_notes_of_slow_commands_is_looked_at_and_the_embedded_one_notes_none",
    ),
    mend(
        "Uploads in the memory of a page that stays open",
        "rag/ui/uploads.py",
        "        _let_go(file)\n",
        "",
        "tests/pages/test_knowledge.py::test_what_was_read_is_not_kept_until_the_page_is_left",
    ),
)
