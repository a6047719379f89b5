"""Who is signed in: one refresh at a time, across tabs, restarts and sign-outs."""

import threading

import pytest

from augury.client import Client, Me, Unreachable
from augury.ui.web.cookies import session_cookie, session_of
from augury.ui.web.hub import Hub, open_hub
from augury.ui.web.sealing import Sealer
from augury.ui.web.sessions import Caller, Session, SignedOut
from augury.ui.web.tickets import Tickets
from ui.stub_api import StubApi

MAX_AGE_SECONDS = 3600
ENGLISH = Caller("en", "203.0.113.7")


def sign_in(hub: Hub) -> Session:
    """Return a new session."""
    return hub.sessions.start(hub.api.acting_as(None).sign_in("ann", "correct horse"))


def me(api: Client) -> Me:
    """Ask who this is."""
    return api.me()


def test_a_fresh_token_is_used_as_it_is(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    assert session.call(me, ENGLISH).username == "ann"
    assert api.token_number == 1


def test_an_expired_token_is_refreshed_before_it_is_used(api: StubApi, hub: Hub) -> None:
    api.expires_in = 10
    session = sign_in(hub)
    api.expires_in = 900
    session.call(me, ENGLISH)
    session.call(me, ENGLISH)
    assert api.token_number == 2


def test_a_token_that_the_api_no_longer_takes_is_refreshed_once(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.access_tokens.clear()
    assert session.call(me, ENGLISH).username == "ann"
    assert api.token_number == 2


def test_many_tabs_refresh_once(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.access_tokens.clear()
    names: list[str] = []
    tabs = [
        threading.Thread(target=lambda: names.append(session.call(me, ENGLISH).username))
        for _ in range(12)
    ]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert names == ["ann"] * 12
    assert (api.token_number, api.revoked) == (2, False)


def test_a_revoked_session_is_over(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.access_tokens.clear()
    api.refresh_tokens.clear()
    for _ in range(2):
        with pytest.raises(SignedOut):
            session.call(me, ENGLISH)


def test_an_api_that_is_down_signs_nobody_out(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.access_tokens.clear()
    api.is_down = True
    with pytest.raises(Unreachable):
        session.call(me, ENGLISH)
    api.is_down = False
    assert session.call(me, ENGLISH).username == "ann"


def test_the_cookie_keeps_people_signed_in_across_a_restart(api: StubApi, hub: Hub) -> None:
    cookie = session_cookie(hub, sign_in(hub))
    restarted = open_hub(hub.api, "a secret for tests")
    found = session_of(restarted, cookie, ENGLISH)
    assert found is not None
    assert found.call(me, ENGLISH).username == "ann"
    # The old refresh token is spent now: the browser must be given the new one.
    assert found.cookie_is_stale()
    session_cookie(restarted, found)
    assert not found.cookie_is_stale()
    assert api.token_number == 2


def test_all_tabs_that_come_back_after_a_restart_restore_once(api: StubApi, hub: Hub) -> None:
    cookie = session_cookie(hub, sign_in(hub))
    restarted = open_hub(hub.api, "a secret for tests")
    found: list[Session | None] = []
    tabs = [
        threading.Thread(target=lambda: found.append(session_of(restarted, cookie, ENGLISH)))
        for _ in range(8)
    ]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len({id(session) for session in found}) == 1
    assert (api.token_number, api.revoked) == (2, False)


def test_a_restart_while_the_api_is_down_signs_nobody_out(api: StubApi, hub: Hub) -> None:
    cookie = session_cookie(hub, sign_in(hub))
    restarted = open_hub(hub.api, "a secret for tests")
    api.is_down = True
    with pytest.raises(Unreachable):
        session_of(restarted, cookie, ENGLISH)
    api.is_down = False
    assert session_of(restarted, cookie, ENGLISH) is not None


def test_signing_out_ends_every_tab_without_asking_the_api_again(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    cookie = session_cookie(hub, session)
    hub.sessions.forget(session.id)
    session.end()
    asked = len(api.calls)
    assert session_of(hub, cookie, ENGLISH) is None
    with pytest.raises(SignedOut):
        session.call(me, ENGLISH)
    assert len(api.calls) == asked
    assert api.refresh_tokens == set()


def test_signing_out_works_while_the_api_is_down(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.is_down = True
    session.end()
    with pytest.raises(SignedOut):
        session.call(me, ENGLISH)


def test_a_forged_or_foreign_cookie_is_nobodys(hub: Hub) -> None:
    cookie = session_cookie(hub, sign_in(hub))
    # Not the last letter: of its bits some mean nothing, so that two letters are one signature.
    signed, _, signature = cookie.rpartition(".")
    forged = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    assert session_of(hub, forged, ENGLISH) is None
    assert session_of(hub, "", ENGLISH) is None
    assert session_of(open_hub(hub.api, "another secret"), cookie, ENGLISH) is None


def test_the_cookie_shows_nothing_of_what_it_holds(hub: Hub) -> None:
    session = sign_in(hub)
    first, second = session_cookie(hub, session), session_cookie(hub, session)
    assert first != second
    assert "refresh" not in first


def test_a_seal_opens_only_for_its_purpose_and_in_time() -> None:
    sealed = Sealer("secret", "one").seal("привет")
    assert Sealer("secret", "one").open(sealed, MAX_AGE_SECONDS) == "привет"
    assert Sealer("secret", "two").open(sealed, MAX_AGE_SECONDS) is None
    assert Sealer("secret", "one").open(sealed, -1) is None
    assert Sealer("secret", "one").open("", MAX_AGE_SECONDS) is None


def test_a_ticket_is_good_once_and_not_for_long() -> None:
    now = [0.0]
    tickets = Tickets(now=lambda: now[0])
    ticket = tickets.issue("s1")
    assert tickets.redeem(ticket) == "s1"
    assert tickets.redeem(ticket) is None
    late = tickets.issue("s1")
    now[0] = 61.0
    assert tickets.redeem(late) is None
    assert tickets.redeem("made up") is None


def test_the_api_learns_whose_address_it_is(api: StubApi, hub: Hub) -> None:
    session = sign_in(hub)
    api.access_tokens.clear()
    session.call(me, ENGLISH)
    assert api.addresses[-2:] == ["203.0.113.7", "203.0.113.7"]
