"""What watches the logs of all tests sees a text and a key, and accuses nothing else."""

from __future__ import annotations

import logging

from rag.web.cookie import CookieJar, new_token
from rag.web.sessions.token import following, session_id_of
from tests.logs import Watch, harm


def test_a_text_a_cookie_and_a_key_are_seen_in_any_log_and_ids_are_not() -> None:
    token = new_token()
    watch, logger = Watch(), logging.Logger("somebody")
    logger.addHandler(watch)
    for text in ("My order is ORD-51206.", CookieJar("k" * 40).sign(token), following(token), "sk-proj-abcdefgh123"):
        logger.info("said %s", text)
        try:
            raise ValueError(text)  # noqa: TRY301
        except ValueError:
            logger.exception("It broke")
        assert len(watch.taken()) == 2, text
    for harmless in (session_id_of(token), session_id_of(token)[:12], "GET /api/history 200", "wght task-abcdefghi"):
        logger.warning("%s", harmless)
        assert (watch.taken(), harm(harmless)) == ([], "")
