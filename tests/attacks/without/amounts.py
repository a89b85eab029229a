"""What defends against too much: bytes, seconds, memory, places."""

from __future__ import annotations

from tests.attacks.without.mend import Edit, Mend, mend

HEADS = "rag/web/connections/heads.py"

AMOUNTS = (
    mend(
        "A head without end",
        HEADS,
        "    left = LONGEST - head.bytes\n",
        "    left = 1 << 40\n",
        "tests/attacks/test_heads.py::test_a_longer_head_is_refused_and_one_that_never_ends_is_closed",
        "tests/attacks/test_served.py::test_heads_and_bodies_without_end_and_clients_without_haste_keep_nobody_else_waiting",
    ),
    mend(
        "A head that never comes",
        HEADS,
        "protocol.loop.call_later(SECONDS, protocol.transport.close)",
        "protocol.loop.call_later(10**6, protocol.transport.close)",
        "tests/attacks/test_heads.py::test_a_longer_head_is_refused_and_one_that_never_ends_is_closed",
    ),
    mend(
        "A client that takes a byte a second of an answer",
        "rag/web/connections/pace.py",
        '        _before(protocol, "pause_writing", lambda self: self.writing.begin())\n',
        "",
        "tests/attacks/test_connections.py::test_a_client_that_takes_nothing_or_brings_nothing_is_let_go",
    ),
    mend(
        "A client that brings a byte a second of a body, to whatever address",
        "rag/web/connections/pace.py",
        "        self.reading.begin()\n",
        "        pass\n",
        "tests/attacks/test_connections.py::test_a_client_that_takes_nothing_or_brings_nothing_is_let_go",
    ),
    mend(
        "A connection that is closed while its client takes nothing",
        "rag/web/connections/pace.py",
        "    transport.abort()\n",
        "    transport.close()\n",
        "tests/attacks/test_connections.py::test_a_client_that_takes_nothing_or_brings_nothing_is_let_go",
    ),
    mend(
        "A websocket's message of 200 MB, or of a kilobyte that is as much unpacked",
        "rag/web/connections/pace.py",
        "        config.ws_max_size = min(config.ws_max_size, LARGEST)\n",
        "",
        "tests/attacks/test_connections.py::test_who_gets_on_is_served_whatever_the_size",
    ),
    mend(
        "Websockets of one browser, one address or all without end",
        "rag/web/connections/sockets.py",
        '            self._count(["", *who], 1)\n',
        "",
        "tests/attacks/test_connections.py::test_a_browser_an_address_and_all_have_so_many_pages",
    ),
    mend(
        "Files sent past the page's widget until memory is full",
        "app.py",
        "\nbound_uploads()\n",
        "\n",
        "tests/attacks/test_served.py::test_a_page_takes_so_much_by_its_websocket_and_so_many_files",
    ),
    mend(
        "Files of many pages at once until memory is full",
        "rag/ui/uploads.py",
        "    if self._total_bytes + size > BYTES:\n",
        "    if False:\n",
        "tests/attacks/test_connections.py::test_uploads_of_one_page_and_of_all_are_bounded",
    ),
    mend(
        "A body without end",
        "rag/web/body.py",
        "                if len(body) > longest:\n",
        "                if False:\n",
        "tests/web/test_api_requests.py::test_a_body_without_a_length_is_limited_too",
        "tests/attacks/test_served.py::test_heads_and_bodies_without_end_and_clients_without_haste_keep_nobody_else_waiting",
    ),
    mend(
        "A body that never comes",
        "rag/web/body.py",
        "asyncio.timeout(SECONDS)",
        "asyncio.timeout(10**6)",
        "tests/web/test_api.py::test_a_body_that_does_not_come_is_not_waited_for",
    ),
    mend(
        "Questions of everybody without end",
        "rag/limits/under_way.py",
        "            raise Overloaded\n",
        "            pass\n",
        "tests/limits/test_limits.py::test_who_comes_is_refused_while_whoever_is_next_has_waited_too_long_however_many_wait",
        "tests/web/test_api.py::test_too_many_turns_are_refused_at_once",
    ),
    mend(
        "Questions of one session or one address, from everywhere at once",
        "rag/limits/under_way.py",
        "                if most and self._by[kind, name] >= most:\n",
        "                if False:\n",
        "tests/limits/test_limits.py::test_nobody_has_more_than_his_share_and_others_are_not_held_up_by_it",
        "tests/web/test_api.py::test_one_session_holds_no_more_than_its_share",
    ),
    mend(
        "A client that goes away and lets the model work",
        "rag/web/turn.py",
        '        while (await receive())["type"] != "http.disconnect":\n            pass\n        self._turn.stop()\n',
        '        while (await receive())["type"] != "http.disconnect":\n            pass\n',
        "tests/web/test_api_leaving.py::test_a_client_that_goes_away_while_the_model_is_silent_stops_the_turn_too",
    ),
    mend(
        "Visitors without a cookie who fill Redis",
        "rag/web/identity.py",
        "            visit.token = self._due(visit.ticket, https)\n",
        "            visit.token = self._due(visit.ticket, https)\n"
        "            if self._revocations and visit.token:\n"
        "                self._revocations().end(visit.token, 0, 60)\n",
        "tests/attacks/test_old_cookies.py::test_what_is_kept_of_ended_cookies_is_one_key_a_browser_and_no_longer_than_they_live",
    ),
    mend(
        "A pattern that takes the square of its text",
        "rag/web/api.py",
        '_CONTROL = re.compile(r"[\\x00',
        '_CONTROL = re.compile(r"\\s+$|[\\x00',
        "tests/test_patterns.py::test_every_pattern_is_linear",
    ),
    Mend(
        "A document of few bytes that takes minutes: ended by who started its process, and by the system's alarm",
        (
            Edit(
                "rag/knowledge/workers.py",
                "threading.Timer(seconds, worker.process.kill)",
                "threading.Timer(seconds, print)",
            ),
            Edit("rag/knowledge/parsing/worker.py", "        alarm(limits.seconds + _GRACE)\n", "        alarm(0)\n"),
        ),
        ("tests/knowledge/test_reader.py::test_a_process_that_goes_over_a_limit_is_ended",),
    ),
    mend(
        "A document of few bytes that takes gigabytes",
        "rag/knowledge/parsing/worker.py",
        '        _limit("RLIMIT_AS", _size() + limits.memory if _size() else -1)\n',
        "",
        "tests/knowledge/test_reader.py::test_a_process_that_goes_over_a_limit_is_ended",
    ),
    mend(
        "A PDF of many pages",
        "rag/knowledge/parsing/formats.py",
        "    if len(reader.pages) > limits.MAX_PAGES:\n",
        "    if False:\n",
        "tests/knowledge/test_reader.py::test_what_asks_for_too_much_is_refused_in_one_line",
    ),
    mend(
        "A PDF of many steps",
        "rag/knowledge/parsing/formats.py",
        "        if next(operators) > limits.MAX_OPERATORS:\n",
        "        if False:\n",
        "tests/knowledge/test_reader.py::test_pages_that_show_too_much_are_refused",
    ),
    mend(
        "HTML inside HTML inside HTML",
        "rag/knowledge/parsing/limits.py",
        "MAX_DEPTH = 200\n",
        "MAX_DEPTH = 1 << 30\n",
        "tests/knowledge/test_reader.py::test_what_asks_for_too_much_is_refused_in_one_line",
    ),
    mend(
        "A file that is two things",
        "rag/knowledge/parsing/formats.py",
        '    if b"\\x00" in data:\n',
        "    if False:\n",
        "tests/attacks/test_texts.py::test_a_file_that_is_two_things_is_read_as_what_its_name_says_or_refused",
    ),
    mend(
        "A document read where everybody is served",
        "rag/knowledge/workers.py",
        "env={name: value for name, value in child_environment().items() if name in _ENVIRONMENT}",
        "env=child_environment()",
        "tests/knowledge/test_reader.py::test_a_process_that_reads_knows_no_password",
    ),
    mend(
        "An answer of the model without end",
        "rag/chat/openai_compatible/wire.py",
        "            if size > longest:\n",
        "            if False:\n",
        "tests/chat/test_models.py::test_an_endless_answer_is_hung_up_on_and_the_server_is_told_how_much",
    ),
    mend(
        "Traces without end",
        "rag/tracing/receiving.py",
        "        if seen > MOST_RECEIVED:\n",
        "        if False:\n",
        "tests/tracing/test_trace.py::test_the_door_is_shut_without_the_token_and_bounded_with_it",
    ),
    mend(
        "Rooms without end",
        "rag/crosstalk/room/rooms.py",
        "if self._closed or len(self._rooms) - len(older) >= MOST_ROOMS:",
        "if self._closed:",
        "tests/web/room/test_rooms.py::test_rooms_are_few_and_each_has_its_time",
    ),
)
