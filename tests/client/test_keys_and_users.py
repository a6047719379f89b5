"""The client's calls about API keys and users, each against the real API."""

from datetime import UTC, datetime, timedelta

import pytest

from augury.client import ApiError, AuditFilter, Client
from client.shop import Shop


def test_a_key_is_made_used_and_revoked(anna: Client) -> None:
    end = datetime.now(UTC) + timedelta(days=1)
    made = anna.api_keys.create("nightly", scopes=["read"], credit_limit=100, expires_at=end)
    assert (made.scopes, made.credit_limit, made.expires_at) == (("read",), 100, end)
    assert [key.id for key in anna.api_keys.list()] == [made.id]
    program = anna.acting_as(made.key)
    assert program.me() == anna.me()
    with pytest.raises(ApiError) as caught:
        list(program.api_keys.list())
    assert caught.value.code == "forbidden"
    anna.api_keys.revoke(made.id)
    with pytest.raises(ApiError) as caught:
        program.me()
    assert caught.value.code == "unauthenticated"
    assert list(anna.api_keys.list()) == []


def test_an_administrator_finds_adjusts_and_blocks_a_user(anna: Client, shop: Shop) -> None:
    admin, me = shop.admin(), anna.me()
    (found,) = admin.admin.users(me.username)
    assert (found.id, found.balance) == (me.id, me.balance)
    assert admin.admin.adjust(me.id, -5, "a test").amount == -5
    assert admin.admin.user(me.id).balance.available == found.balance.available - 5
    assert admin.admin.set_status(me.id, "blocked").status == "blocked"
    with pytest.raises(ApiError):
        anna.me()
    assert admin.admin.set_status(me.id, "active").status == "active"
    assert [user.id for user in admin.admin.users_page(me.id).items] == [me.id]
    log = admin.admin.audit.page(AuditFilter(subject=f"user:{me.id}"), limit=3).items
    assert [one.action for one in log] == ["user.status", "user.status", "credits.adjusted"]


def test_an_administrator_sees_what_sells_and_that_the_books_are_right(
    anna: Client, shop: Shop
) -> None:
    admin = shop.admin()
    since = datetime.now(UTC) - timedelta(days=2)
    assert admin.admin.model_sales(since).items == ()
    load = admin.admin.load(since)
    assert load.since <= since < load.until
    assert load.queues["batch"].unfinished == 0
    assert load.process.requests > 0
    report = admin.admin.audit_ledger()
    assert report.is_right, report.findings
    assert report.accounts > 0
    with pytest.raises(ApiError) as caught:
        anna.admin.audit_ledger()
    assert caught.value.code == "forbidden"
