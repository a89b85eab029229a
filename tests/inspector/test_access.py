"""Who may look: whoever came by a link, whoever has the password, whoever is logged in and listed; nobody else."""

from __future__ import annotations

from itertools import product

import pytest
from pydantic import SecretStr

from rag.inspector.access import PER_ADDRESS, SHUT, WINDOW, Guard, Login, door, network
from rag.settings import Settings

PASSWORD = "correct horse battery"


def settings(password: str = "", emails: tuple[str, ...] = ()) -> Settings:
    secret = SecretStr(password) if password else None
    return Settings.model_construct(inspector_password=secret, inspector_emails=emails)


def test_a_link_opens_only_where_nothing_else_is_asked() -> None:
    assert door(settings(), None, linked=True, passed=False, can_log_in=False) == "open"
    assert door(settings(), None, linked=False, passed=False, can_log_in=True) == "shut"
    assert door(settings(PASSWORD), None, linked=True, passed=False, can_log_in=False) == "password"
    assert door(settings("", ("ada@example.org",)), None, linked=True, passed=False, can_log_in=True) == "login"
    assert door(settings("", ("ada@example.org",)), None, linked=True, passed=False, can_log_in=False) == "shut"


ADA = Login("Ada@Example.org", verified=True)


def test_doors_from_elsewhere() -> None:
    listed = ("ada@example.org",)
    cases = {
        (("", ()), None, False): "shut",
        (("", ()), ADA, True): "shut",
        (("", listed), None, False): "shut",
        (("", listed), None, True): "login",
        (("", listed), ADA, True): "open",
        (("", listed), ADA, False): "shut",
        (("", listed), Login("ada@example.org", verified=False), True): "not listed",
        (("", listed), Login("eve@example.org", verified=True), True): "not listed",
        ((PASSWORD, ()), None, False): "password",
        ((PASSWORD, ()), ADA, True): "password",
        ((PASSWORD, listed), None, True): "either",
        ((PASSWORD, listed), Login("eve@example.org", verified=True), True): "password",
        ((PASSWORD, listed), ADA, True): "open",
    }
    for (given, login, can_log_in), expected in cases.items():
        assert door(settings(*given), login, linked=False, passed=False, can_log_in=can_log_in) == expected, (
            given,
            login,
        )
    assert door(settings(PASSWORD), None, linked=False, passed=True, can_log_in=False) == "open"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_attempts_are_limited_per_address() -> None:
    clock = Clock()
    guard, known = Guard(clock=clock), settings(PASSWORD)
    for _ in range(PER_ADDRESS):
        assert guard.enter(known, "203.0.113.7", "wrong") == "This is not the password."
    for _ in range(15):
        assert guard.enter(known, "203.0.113.7", PASSWORD).startswith("Too many")
    assert guard.enter(known, "203.0.113.8", PASSWORD) == ""
    clock.now += WINDOW + 1
    assert guard.enter(known, "203.0.113.7", PASSWORD) == ""


def test_attempts_are_limited_of_all_together() -> None:
    clock = Clock()
    guard, known = Guard(overall=20, clock=clock), settings(PASSWORD)
    for number in range(20):
        assert guard.enter(known, f"203.0.113.{number}", "wrong") == "This is not the password."
    assert guard.enter(known, "198.51.100.1", PASSWORD).startswith("Too many")
    clock.now += WINDOW + 1
    assert guard.enter(known, "198.51.100.1", PASSWORD) == ""


def test_a_network_of_addresses_is_one() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:2")
    assert network("2001:db8:0:1::1") != network("2001:db8::1")
    assert network("::ffff:203.0.113.7") == network("203.0.113.7") != network("203.0.113.8")
    assert network(None) == "unknown"


def test_without_a_password_none_is_right() -> None:
    for given, address in product(("", "None", PASSWORD), (None, "203.0.113.7")):
        assert Guard().enter(settings(), address, given) == SHUT


@pytest.mark.parametrize("given", ["", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "\ud800", "x" * 100_000])
def test_wrong_ones(given: str) -> None:
    assert Guard().enter(settings(PASSWORD), None, given) != ""


def test_the_memory_of_attempts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.inspector.access.ADDRESSES", 100)
    guard = Guard(overall=10**6)
    for number in range(300):
        guard.enter(settings(PASSWORD), f"10.0.{number // 250}.{number % 250}", "wrong")
    assert len(guard._by) == 100
