"""A person's own account in a real browser: forgotten, found again, changed, and left."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from notices.letters import read
from support.postbox import Postbox, smtp_server
from support.waiting import eventually
from ui.walks import SEES_WITHIN_MS, Addresses, fits, patient, register, serving

NEW = "an otter under the bridge"
NEWER = "two otters under the bridge"


@pytest.fixture(scope="module")
def postbox() -> Postbox:
    """Everybody's mailbox."""
    return Postbox()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def served(folder: Path, postbox: Postbox) -> Iterator[Addresses]:
    """A whole Augury that sends its mail into the postbox."""
    with (
        smtp_server(postbox) as port,
        serving(
            folder,
            AUGURY_SMTP_URL=f"smtp://127.0.0.1:{port}",
            AUGURY_MAIL_FROM="augury@example.org",
        ) as addresses,
    ):
        yield addresses


def mail_in(postbox: Postbox, words: str) -> str:
    """Return the text of the first mail with these words when it has come.

    Not by its number: a mail whose server is slow to say that it has it is sent again.
    """
    texts: list[str] = []

    def has_come() -> bool:
        texts[:] = [read(one.content).get_content() for one in tuple(postbox.envelopes)]
        return any(words in text for text in texts)

    eventually(has_come, 90)
    return next(text for text in texts if words in text)


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Username", exact=True).fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def test_an_account_is_found_again_changed_and_left(
    browser: Browser, served: Addresses, folder: Path, postbox: Postbox
) -> None:
    """Two browsers of one person; each step is seen by the other."""
    expect.set_options(timeout=SEES_WITHIN_MS)
    first, second = (
        patient(browser.new_context(base_url=served.ui, locale="en-US")) for _ in range(2)
    )
    home, away = first.new_page(), second.new_page()
    asked: list[tuple[str, str]] = []
    away.on("request", lambda one: asked.append((one.url, one.headers.get("referer", ""))))
    try:
        register(home, "hanna")
        token = _forgets(away, postbox)
        _changes_password(home, away)
        _leaves(home)
    finally:
        first.close()
        second.close()
    assert token not in (folder / "serve.log").read_text("utf-8")
    told = [one for one in asked if token in one[0] or token in one[1]]
    assert [one for one, _ in told] == [f"{served.ui}/reset?token={token}"]
    assert all(token not in referer for _, referer in asked)


def _forgets(page: Page, postbox: Postbox) -> str:
    """Set a new password by the link of a mail, and return its token."""
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgotten password?").click()
    expect(page.get_by_role("heading", name="Forgotten password")).to_be_visible()
    page.get_by_label("E-mail", exact=True).fill("hanna@example.org")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("a link is on its way")).to_be_visible()
    link = re.search(r"http://\S+/reset\?token=([\w-]+)", mail_in(postbox, "/reset?token="))
    assert link is not None
    page.goto(link[0])
    expect(page.get_by_role("heading", name="New password")).to_be_visible()
    expect(page).to_have_url(re.compile("/reset$"))
    page.get_by_label("New password", exact=True).fill(NEW)
    with page.expect_response("**/session/forget-link"):
        page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Sign in with it.")).to_be_visible()
    assert mail_in(postbox, "password of your account was changed")
    page.reload()
    expect(page.get_by_text("opened by the link of an e-mail")).to_be_visible()
    sign_in(page, "hanna", NEW)
    expect(page.get_by_role("heading", name="Hello, hanna")).to_be_visible()
    return link[1]


def _changes_password(home: Page, away: Page) -> None:
    """The reset has signed the first browser out; now it ends the other one's session."""
    home.goto("/profile")
    expect(home.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(home, "hanna", NEW)
    expect(home.get_by_role("heading", name="Hello, hanna")).to_be_visible()
    home.get_by_role("link", name="Profile").click()
    expect(home.get_by_text(re.compile(r"Chrome \d+, Linux"))).to_have_count(2)
    form = home.get_by_test_id("stForm").filter(has_text="Change the password")
    form.get_by_label("Current password").fill(NEW)
    form.get_by_label("New password", exact=True).fill(NEWER)
    form.get_by_role("button", name="Change the password").click()
    expect(home.get_by_text("Your password is changed")).to_be_visible()
    home.reload()
    expect(home.get_by_text("You are signed in nowhere else.")).to_be_visible()
    away.goto("/profile")
    expect(away.get_by_role("heading", name="Sign in")).to_be_visible()


def _leaves(page: Page) -> None:
    """Close the account; the same name opens nothing any more."""
    page.set_viewport_size({"width": 360, "height": 800})
    fits(page)
    page.get_by_text("Close the account for good").first.click()
    give_up = page.get_by_role("checkbox", name="I give up 5,000 credits")
    while not give_up.is_checked():  # what is pressed while the section unfolds is not heard
        page.get_by_text("I give up 5,000 credits").click()
        page.wait_for_timeout(200)
    page.get_by_label("To confirm, type your username").fill("hanna")
    page.get_by_test_id("stExpander").get_by_label("Current password").fill(NEWER)
    page.get_by_role("button", name="Close the account for good").click()
    expect(page.get_by_role("heading", name="Account closed")).to_be_visible()
    sign_in(page, "hanna", NEWER)
    expect(page.get_by_text("User name and password do not fit")).to_be_visible()
