"""What a session calls the program that it belongs to."""

import pytest

from augury.users.agents import shortened

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
            "Firefox 141, Linux",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36",
            "Chrome 138, Windows",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36 Edg/138.0",
            "Edge 138, Windows",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {_WEBKIT} Chrome/136.0 YaBrowser/25.6.0 Safari/537.36",
            "Yandex Browser 25, Windows",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; K) {_WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36",
            "Chrome 138, Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari 17, iOS",
        ),
        ("curl/8.5.0", "curl/8"),
        ("python-httpx2/0.1", "python-httpx2/0"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("ы" * 500, ""),
        ("x" * 500, "x" * 64),
        ("Firefox/" + "9" * 400, "Firefox 999999"),
    ],
)
def test_a_program_is_named_as_people_call_it(said: str, shown: str) -> None:
    """Never longer than the column, never anything that could be markup."""
    assert shortened(said) == shown
    assert len(shown) <= 64
