"""`augury market`: an operator brings series from files, packages and live sources."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import augury.cli
from augury.cli import market
from augury.kit.db import Database
from augury.market import packages
from augury.market.service import HouseMarkets
from augury.market.sources.http import Http
from augury.market.sources.moex import Moex
from market.sources.replay import Replay, replaying
from support.houses import SECRET
from support.market import table

FILE = ("--source", "a test", "--licence", "free")


@pytest.fixture
def url(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A house whose settings stand in the environment."""
    monkeypatch.setenv("AUGURY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUGURY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AUGURY_SECRET_KEY", SECRET)
    return database_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(augury.cli.app, ["market", *arguments])


def kept(url: str) -> list[str]:
    db = Database(url)
    try:
        return list(HouseMarkets(db).symbols())
    finally:
        db.close()


def test_a_file_is_tried_and_taken(url: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(table(["A", "B"]))
    tried = run("import", str(path), *FILE, "--dry-run")
    assert (tried.exit_code, kept(url)) == (0, [])
    taken = run("import", str(path), *FILE)
    assert taken.exit_code == 0, taken.output
    assert "A (price): new, 2024-01-01 to 2024-04-19, 80 points" in taken.stdout
    assert kept(url) == ["A", "B"]
    assert "A (price): unchanged" in run("import", str(path), *FILE).stdout
    listed = run("list").stdout.splitlines()
    assert [line.split()[:5] for line in listed[1:]] == [
        [name, "price", "2024-01-01", "2024-04-19", "80"] for name in "AB"
    ]


def test_what_is_wrong_with_a_file_is_said_line_by_line(url: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,close\n2024-01-02,1\n2024-01-03,dear\n")
    told = run("import", str(path), *FILE, "--symbol", "x")
    assert told.exit_code == 1
    assert "/file/3: Line 3: dear is not a number." in told.stderr
    assert run("import", str(path), *FILE, "--symbol", "no name").exit_code == 2
    path.write_bytes(b"PK\x03\x04")
    assert run("import", str(path), *FILE).exit_code == 1
    assert kept(url) == []


def test_packages_are_taken_again_and_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SP500 (price): new" in run("import-packages").stdout
    again = run("import-packages")
    assert (again.exit_code, again.stdout.count(": unchanged,")) == (0, 31)
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    missing = run("import-packages")
    assert (missing.exit_code, "augury[market]" in missing.stderr) == (1, True)


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """A local server in the place of the exchange."""
    with replaying() as server:
        patience = Http(pause=lambda _seconds: None)
        sources = {"moex": partial(Moex, server.address, patience), "fred": lambda: None}
        monkeypatch.setattr(market, "KNOWN", sources)
        yield server


def test_a_live_source_is_asked_only_when_the_settings_name_it(
    url: str, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run("fetch", "moex", "SBER")
    assert (told.exit_code, replay.asked) == (2, [])
    assert "AUGURY_MARKET_SOURCES" in told.stderr
    monkeypatch.setenv("AUGURY_MARKET_SOURCES", "moex, fred")
    assert run("fetch", "cbr", "USD").exit_code == 2
    taken = run("fetch", "moex", "sber")
    assert taken.exit_code == 0, taken.output
    assert "SBER (price): new" in taken.stdout
    assert kept(url) == ["SBER"]


def test_one_name_that_fails_does_not_keep_the_others_out(
    url: str, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGURY_MARKET_SOURCES", "moex")
    told = run("fetch", "moex", "NONE", "SBER", "--lag-days", "2")
    assert told.exit_code == 1
    assert "moex gave nothing for NONE" in told.stderr
    assert kept(url) == ["SBER"]
    replay.instead = b"busy"
    assert run("fetch", "moex", "SBER").exit_code == 1
    assert kept(url) == ["SBER"]
