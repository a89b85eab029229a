"""What defends whose session a request is: cookies, origins, doors."""

from __future__ import annotations

from tests.attacks.without.mend import Edit, Mend, mend

IDENTITY, COOKIE = "rag/web/identity.py", "rag/web/cookie.py"

COOKIES = (
    mend(
        "A forged cookie: another secret's, one character changed",
        COOKIE,
        "        try:\n            token, issued = self._signer.unsign(value, return_timestamp=True)",
        "        import datetime\n\n        token, issued = value.partition('.')[0].encode(), "
        "datetime.datetime.fromtimestamp(self._now())\n        try:\n            pass",
        "tests/web/test_cookie.py::test_one_changed_character_makes_it_no_cookie",
        "tests/web/test_cookie.py::test_a_foreign_signature_and_an_oversized_value_are_no_cookie",
        "tests/web/test_identity.py::test_a_broken_cookie_is_a_new_session",
    ),
    Mend(
        "A second spelling of a signature",
        (
            Edit(COOKIE, 'hmac.digest(key, value, "sha384")', 'hmac.digest(key, value, "sha256")'),
            Edit(COOKIE, '[A-Za-z0-9_-]{64}"', '[A-Za-z0-9_-]{43}"'),
        ),
        ("tests/web/test_cookie.py::test_no_other_last_character_of_a_part_means_the_same",),
    ),
    mend(
        "A cookie that was stolen a month ago",
        COOKIE,
        "if self._now() - issued.timestamp() > self._purpose.max_age:",
        "if False:",
        "tests/web/test_cookie.py::test_it_ends_after_thirty_days_and_not_before",
        "tests/web/test_identity.py::test_cut_expired_and_doubled_cookies_are_new_sessions",
    ),
    mend(
        "A fixed cookie: planted beside the browser's own, of the same name",
        COOKIE,
        "            if len(values) > 1:\n                return None\n",
        "",
        "tests/web/test_cookie.py::test_of_two_cookies_of_one_name_none_counts",
        "tests/web/test_identity.py::test_of_a_doubtful_handshake_the_page_sees_no_session_cookie",
        "tests/web/test_identity.py::test_cut_expired_and_doubled_cookies_are_new_sessions",
    ),
    mend(
        "A fixed cookie: planted without TLS for a site that has it",
        COOKIE,
        "for name in (self.secure_name,) if https else (self.secure_name, self.plain_name):",
        "for name in (self.secure_name, self.plain_name):",
        "tests/web/test_cookie.py::test_https_takes_no_cookie_that_http_could_have_set",
        "tests/web/test_streamlit.py::test_behind_tls_the_page_takes_the_secure_cookie_only",
    ),
    mend(
        "A replayed cookie: after “New session”, “End all sessions”, at another replica",
        "rag/web/sessions/revocation.py",
        "return generation_of(token) < revocations.first(browser_of(token))",
        "return False",
        "tests/attacks/test_old_cookies.py::test_a_stolen_cookie_is_worth_nothing_once_its_session_was_changed",
        "tests/attacks/test_served.py::"
        "test_a_page_that_was_open_with_a_stolen_cookie_shows_nothing_once_the_session_was_changed",
    ),
    mend(
        "A replayed cookie: in a page that is open",
        "rag/ui/visitor.py",
        "    if ended:\n",
        "    if False:\n",
        "tests/attacks/test_served.py::"
        "test_a_page_that_was_open_with_a_stolen_cookie_shows_nothing_once_the_session_was_changed",
    ),
    mend(
        "A replayed cookie: to ask a question with it",
        IDENTITY,
        "            credential = credential_of(ticket.token) if self._revocations is not None else None\n",
        "            credential = None\n",
        "tests/attacks/test_old_cookies.py::test_a_question_asks_in_its_first_round_trip_whether_its_cookie_counts",
    ),
    mend(
        "A replayed cookie: to change sessions with it, and so to come back",
        "rag/web/sessions/switching.py",
        "    if visit.ended:\n",
        "    if False:\n",
        "tests/attacks/test_old_cookies.py::test_a_stolen_cookie_is_worth_nothing_once_its_session_was_changed",
    ),
    mend(
        "A replayed cookie: by an older change of session that comes late and lowers the mark",
        "rag/sessions/revocations.py",
        "math.max(known, tonumber(ARGV[1]))",
        "ARGV[1]",
        "tests/attacks/test_old_cookies.py::test_what_is_kept_of_ended_cookies_is_one_key_a_browser_and_no_longer_than_they_live",
    ),
    mend(
        "A replayed cookie: what is kept against it for ever",
        "rag/web/sessions/revocation.py",
        "first, MAX_AGE + _MARGIN)",
        "first, 100 * MAX_AGE)",
        "tests/attacks/test_old_cookies.py::test_what_is_kept_of_ended_cookies_is_one_key_a_browser_and_no_longer_than_they_live",
    ),
    mend(
        "Ids from Redis, answers and pages as cookies",
        "rag/web/sessions/token.py",
        'return SessionId(hashlib.sha256(named.encode("ascii")).hexdigest())',
        "return SessionId(named)",
        "tests/web/test_cookie.py::test_the_session_id_is_the_hash_of_the_token",
        "tests/web/test_identity.py::test_the_token_is_not_in_any_answer_and_the_url_stays_clean",
        "tests/attacks/test_served.py::test_what_redis_and_answers_tell_opens_no_session",
    ),
    mend(
        "Enumeration: tokens that can be guessed",
        "rag/web/sessions/token.py",
        "    return secrets.token_urlsafe(32)",
        "    new_token.n = getattr(new_token, 'n', 0) + 1\n    return f'{new_token.n:043d}'",
        "tests/web/test_cookie.py::test_tokens_hold_256_bits_and_differ",
    ),
    mend(
        "Enumeration: another number of one's own browser leads to its sessions only",
        "rag/web/sessions/token.py",
        'named = f"{secret}~{number}" if number else secret',
        'named = f"{number}" if number else secret',
        "tests/web/stopping/test_ending.py::test_a_browser_goes_back_so_far_and_a_secret_proves_only_its_own",
    ),
    mend(
        "A cookie that scripts can read",
        COOKIE,
        "Path=/; HttpOnly; SameSite",
        "Path=/; SameSite",
        "tests/web/test_cookie.py::test_attributes",
        "tests/web/test_identity.py::test_the_cookie_is_out_of_reach_of_scripts_and_other_sites",
    ),
    mend(
        "One visitor's cookie out of a proxy's cache",
        IDENTITY,
        "                    answer.update(PRIVATE)\n",
        "",
        "tests/web/test_identity.py::test_an_answer_that_sets_a_cookie_is_never_cached",
    ),
    mend(
        "One visitor's history out of a proxy's cache",
        "rag/web/problem.py",
        'PRIVATE = {"Cache-Control": "no-store, private"}',
        'PRIVATE = {"Cache-Control": "public, max-age=60"}',
        "tests/attacks/test_served.py::test_two_people_whose_requests_come_by_one_connection_are_two",
    ),
    mend(
        "Two people over one connection of a proxy",
        IDENTITY,
        '        if ticket is not None and (scope["method"], path) == TURN',
        "        known = self.__dict__.setdefault('known', {})\n"
        "        ticket = known.setdefault(scope['client'], ticket)\n"
        '        if ticket is not None and (scope["method"], path) == TURN',
        "tests/attacks/test_served.py::test_two_people_whose_requests_come_by_one_connection_are_two",
    ),
    mend(
        "A request hidden in another's body (what defends is the parser, which is made lenient here)",
        "rag/web/connections/heads.py",
        "    _made(self, transport)\n",
        "    _made(self, transport)\n"
        "    self.parser.set_dangerous_leniencies(lenient_chunked_length=True, lenient_transfer_encoding=True, "
        "lenient_keep_alive=True)\n",
        "tests/attacks/test_served.py::test_no_request_hides_in_anothers_body",
    ),
    mend(
        "A page of another site, scheme or port: the websocket",
        IDENTITY,
        "            if is_own(scope, self._allowed):\n",
        "            if True:\n",
        "tests/web/test_streamlit.py::test_a_foreign_page_cannot_open_the_websocket",
        "tests/web/test_proxies.py::test_a_page_of_another_port_scheme_or_site_is_refused_on_each_way",
    ),
    mend(
        "A page of another port of this host",
        "rag/web/origin.py",
        'return not origins or (origin_of(origins[0]) or "none") == served_at(scope)',
        "return not origins or ((origin_of(origins[0]) or 'none').rpartition(':')[0] "
        "== (served_at(scope) or '').rpartition(':')[0])",
        "tests/web/test_proxies.py::test_a_page_of_another_port_scheme_or_site_is_refused_on_each_way",
    ),
    mend(
        "A page of another site: the API",
        "rag/web/api.py",
        "if session_id is None or not visit.own:",
        "if session_id is None:",
        "tests/web/api/test_api_requests.py::test_a_foreign_page_changes_nothing",
    ),
    mend(
        "A page of another site: a new session",
        "rag/web/sessions/switching.py",
        "    if not visit.own:\n",
        "    if False:\n",
        "tests/web/stopping/test_ending.py::test_a_foreign_site_changes_nobodys_session",
        "tests/web/test_identity.py::test_a_foreign_site_cannot_rotate_a_session",
    ),
    mend(
        "A page of another site: a form that asks for somebody",
        "rag/web/api.py",
        '    if kind != "application/json":\n',
        "    if False:\n",
        "tests/web/api/test_api_requests.py::test_other_content_types_are_refused",
    ),
    mend(
        "A page of another site: our cookie replaced by a new one",
        IDENTITY,
        "        if personal and own and not newer:\n",
        "        if personal and not newer:\n",
        "tests/web/test_identity.py::test_a_foreign_request_gets_no_session",
        "tests/web/test_identity.py::test_a_frame_or_script_of_a_foreign_page_gets_no_session",
    ),
    mend(
        "A redirect that leads away",
        "rag/web/sessions/switching.py",
        'return parts.path if own and parts.path.startswith("/") and not parts.path.startswith("//") else "/"',
        'return request.headers.get("referer") or "/"',
        "tests/web/test_identity.py::test_it_sends_nobody_to_a_foreign_page",
    ),
    mend(
        "The inspector through a proxy on the same machine, with forged names",
        "rag/inspector/access.py",
        "    if (linked and opens_by_link(settings)) or passed",
        "    if linked or opens_by_link(settings) or passed",
        "tests/web/test_proxies.py::test_nothing_that_a_client_says_opens_the_inspector",
        "tests/inspector/test_access.py::test_a_link_opens_only_where_nothing_else_is_asked",
    ),
    mend(
        "The inspector: passwords one after another",
        "rag/inspector/access.py",
        "            self._missed(network(address))\n",
        "",
        "tests/inspector/test_access.py::test_attempts_are_limited_per_address",
        "tests/inspector/test_access.py::test_attempts_are_limited_of_all_together",
        "tests/pages/test_sign_in.py::test_the_password_opens_and_wrong_ones_are_limited",
    ),
    mend(
        "The inspector's link: used twice",
        "rag/inspector/one_time_link.py",
        "        kept.unlink()\n",
        "",
        "tests/browser/test_policy.py::test_a_link_opens_the_inspector_once",
    ),
    mend(
        "The inspector's link: out of history, Referer or a proxy's log",
        "rag/inspector/one_time_link.py",
        "{PATH}#{token}",
        "{PATH}?{token}",
        "tests/browser/test_policy.py::test_the_link_of_the_start_is_in_the_output",
    ),
    mend(
        "The inspector's link: left in the address bar",
        "rag/web/inspector_link.py",
        'history.replaceState(null, "", location.pathname);\n',
        "",
        "tests/browser/test_policy.py::test_a_link_opens_the_inspector_once",
    ),
    mend(
        "Code by its name on the audit page: other users of the machine, and all who come through a forwarder",
        "rag/ui/audit/choice.py",
        "    return opens_by_link(settings) and linked(settings)\n",
        "    return True\n",
        "tests/web/test_proxies.py::test_nobody_but_who_came_by_a_link_names_code_that_is_run_here",
        "tests/pages/test_audit.py::test_a_stranger_is_offered_no_import_path_and_no_server",
    ),
    mend(
        "Code by its name on the audit page: a browser that sends what is not offered",
        "rag/ui/audit/choice.py",
        "    targets = [name for name in named if name in here]",
        "    targets = list(named)",
        "tests/pages/test_audit.py::test_a_stranger_is_offered_no_import_path_and_no_server",
    ),
    mend(
        "A frame around a page",
        "rag/web/headers.py",
        """"default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
_OWN""",
        """"default-src 'none'; base-uri 'none'; form-action 'self'"
_OWN""",
        "tests/browser/test_policy.py::test_every_answer_has_the_headers",
    ),
    mend(
        "A room: presented by somebody else",
        "rag/crosstalk/room/rooms.py",
        "if not presenter or not secrets.compare_digest(room.presenter, presenter):",
        "if False:",
        "tests/web/room/test_rooms.py::test_only_the_browser_that_opened_it_presents_it",
    ),
    mend(
        "Traces: sent by whoever does not know the token",
        "rag/web/traces.py",
        '        if not bears(request.headers.get("authorization", ""), token.get_secret_value()):\n',
        "        if False:\n",
        "tests/tracing/test_trace.py::test_the_door_is_shut_without_the_token_and_bounded_with_it",
    ),
    Mend(
        "A session's documents, searched by another",
        (
            Edit(
                "rag/knowledge/library.py",
                "        found = self._collection(owner)\n        with self._store.errors():\n",
                "        found = self._collection(min(self._store.owners(), default=owner))\n"
                "        with self._store.errors():\n",
            ),
        ),
        ("tests/knowledge/test_private.py::test_sessions_see_exactly_their_own",),
    ),
)
