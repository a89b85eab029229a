"""What a cookie may be, and that everything else is none."""

from __future__ import annotations

import hashlib
import multiprocessing
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import BadSetting
from rag.settings import Settings
from rag.web.cookie import MAX_AGE, CookieJar, new_token, read_session, session_id_of
from rag.web.secret import session_secret

SECRET = "a secret of at least thirty-two characters"
NOW = 1_800_000_000.0


def jar(secret: str = SECRET, now: float = NOW) -> CookieJar:
    return CookieJar(secret, now=lambda: now)


TOKEN = new_token()
COOKIE = jar().sign(TOKEN)


def test_a_cookie_reads_back_as_the_token_and_its_time() -> None:
    assert jar().verify(COOKIE) == (TOKEN, NOW)


def test_the_session_id_is_the_hash_of_the_token() -> None:
    assert session_id_of(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert TOKEN not in session_id_of(TOKEN)


def test_a_session_id_is_no_cookie() -> None:
    stolen = session_id_of(TOKEN)
    assert jar().verify(stolen) is None
    assert jar().verify(COOKIE.replace(TOKEN, stolen)) is None
    assert jar().verify(COOKIE.replace(TOKEN, stolen[:43])) is None


def test_tokens_hold_256_bits_and_differ() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {43}
    values = [len({token[place] for token in tokens}) for place in range(43)]
    assert min(values[:42]) > 50, "of 64"
    assert values[42] == 16


@given(place=st.integers(0, len(COOKIE) - 1), char=st.sampled_from(string.printable + "äé\u0661\x00"))
def test_one_changed_character_makes_it_no_cookie(place: int, char: str) -> None:
    changed = COOKIE[:place] + char + COOKIE[place + 1 :]
    assert (jar().verify(changed) is None) == (changed != COOKIE)


def test_no_other_last_character_of_a_part_means_the_same() -> None:
    """As base64 does where bits of it are left over."""
    for place in (len(TOKEN) - 1, COOKIE.rindex(".") - 1, len(COOKIE) - 1):
        others = [COOKIE[:place] + char + COOKIE[place + 1 :] for char in string.printable if char != COOKIE[place]]
        assert [other for other in others if jar().verify(other) is not None] == []


@given(length=st.integers(0, len(COOKIE) - 1))
def test_a_part_of_it_is_no_cookie(length: int) -> None:
    assert jar().verify(COOKIE[:length]) is None
    assert jar().verify(COOKIE[len(COOKIE) - length :]) is None


@given(value=st.text())
def test_any_text_is_no_cookie_and_no_error(value: str) -> None:
    assert jar().verify(value) is None
    assert jar().verify(COOKIE + value) is None or value == ""


def test_a_foreign_signature_and_an_oversized_value_are_no_cookie() -> None:
    assert jar("another secret of thirty-two characters").verify(COOKIE) is None
    assert jar().verify(COOKIE + "A" * 5000) is None


def test_it_ends_after_thirty_days_and_not_before() -> None:
    assert jar(now=NOW + MAX_AGE).verify(COOKIE) == (TOKEN, NOW)
    assert jar(now=NOW + MAX_AGE + 1).verify(COOKIE) is None


def test_a_server_whose_clock_is_behind_takes_it_too() -> None:
    assert jar(now=NOW - 90).verify(COOKIE) == (TOKEN, NOW)


def test_of_two_cookies_of_one_name_none_counts() -> None:
    name, other = jar().plain_name, jar().sign(new_token())
    assert jar().read([(name, COOKIE)], https=False) is not None
    for twice in ((COOKIE, other), (other, COOKIE), (COOKIE, "junk"), (COOKIE, COOKIE)):
        assert jar().read([(name, value) for value in twice], https=False) is None


def test_https_takes_no_cookie_that_http_could_have_set() -> None:
    mine, planted = jar().sign(new_token()), COOKIE
    both = [(jar().plain_name, planted), (jar().secure_name, mine)]
    for https in (True, False):
        ticket = jar().read(both, https=https)
        assert ticket is not None
        assert jar().sign(ticket.token) == mine
    assert jar().read(both[:1], https=True) is None


def test_attributes() -> None:
    assert jar().header(TOKEN, https=False) == (
        f"{jar().plain_name}={COOKIE}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"
    )
    assert jar().header(TOKEN, https=True) == (
        f"__Host-{jar().plain_name}={COOKIE}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax; Secure"
    )


def test_instances_with_different_secrets_use_different_names() -> None:
    assert jar().plain_name == jar().plain_name
    assert jar().plain_name != jar("another secret of thirty-two characters").plain_name


def test_pages_read_the_session_from_a_mapping() -> None:
    now = CookieJar(SECRET)
    cookie = now.sign(TOKEN)
    assert read_session({now.plain_name: cookie, "other": "x"}, SECRET) == session_id_of(TOKEN)
    assert read_session({now.secure_name: cookie}, SECRET) == session_id_of(TOKEN)
    assert read_session({now.plain_name: cookie + "x"}, SECRET) is None
    assert read_session({}, SECRET) is None


def _settings(state_dir: Path, **values: str) -> Settings:
    return Settings.model_validate({"state_dir": state_dir, **values})


def _secret_in(state_dir: str) -> str:
    return session_secret(_settings(Path(state_dir)))


def test_a_given_secret_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    assert session_secret(_settings(tmp_path / "state", session_secret="x" * 32)) == "x" * 32
    assert not (tmp_path / "state").exists()


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    state = tmp_path / "not" / "there"
    first = _secret_in(str(state))
    assert len(first) >= 32
    assert _secret_in(str(state)) == first
    assert (state / "session_secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == ["session_secret"]


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_secret_in, [str(tmp_path)] * 64, chunksize=1))) == 1


def test_a_broken_secret_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "session_secret").write_text("short")
    with pytest.raises(BadSetting, match="delete it to get a new one"):
        _secret_in(str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="STATE_DIR"):
        _secret_in(str(tmp_path / "file"))
