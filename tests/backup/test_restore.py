"""Where a backup may be restored, what becomes of what was there, and what the audit says."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from augury import bootstrap
from augury.backup import sqlite
from augury.backup.archive import open_backup
from augury.backup.make import make_backup
from augury.backup.restore import restore_backup
from augury.backup.trouble import BackupTrouble
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.ledger.core import Instruction, TransferType
from augury.migrations import run
from augury.settings import Settings
from backup.houses import PG_BIN, augury, empty_place
from support.houses import findings, settings_for


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Hear about progress and say nothing."""


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Settings:
    """The settings of a prepared house, without models: they take a second to put on sale."""
    (tmp_path / "no-models").mkdir()
    settings = settings_for(database_url, tmp_path, models_dir=tmp_path / "no-models")
    bootstrap.prepare(settings)
    return settings


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a house on SQLite with a generated key, made by the command itself."""
    folder = tmp_path / "lonely"
    monkeypatch.setenv("AUGURY_MODELS_DIR", str(tmp_path))
    settings = Settings(data_dir=folder, models_dir=tmp_path, rate_limits="off")
    bootstrap.prepare(settings)
    return folder


def test_the_generated_key_comes_along(lonely: Path, tmp_path: Path) -> None:
    """Its copy is nowhere else, and without it sessions and sealed secrets would be lost."""
    file, new_dir = tmp_path / "house.tar", tmp_path / "new"
    assert augury("backup", file, "--data-dir", lonely, secret="").returncode == 0
    back = augury("restore", file, "--data-dir", new_dir, secret="")
    assert (back.returncode, back.stderr) == (0, "")
    assert (new_dir / "secret_key").read_text() == (lonely / "secret_key").read_text()
    assert sorted(path.name for path in new_dir.iterdir()) == [
        "artifacts",
        "augury.db",
        "secret_key",
    ]
    made = [new_dir, *new_dir.rglob("*")]
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_key_of_the_operator_stays_with_the_operator(house: Settings, tmp_path: Path) -> None:
    """A key from the environment is not in the backup; another one at the restore is told."""
    file, new_dir = tmp_path / "house.tar", tmp_path / "new"
    options = ("--data-dir", tmp_path, "--pg-bin", PG_BIN)
    assert augury("backup", file, *options, database_url=house.database_url).returncode == 0
    assert house.secret_key.get_secret_value().encode() not in file.read_bytes()
    with empty_place(house.database_url, new_dir) as place:
        back = augury(
            "restore", file, "--data-dir", new_dir, "--pg-bin", PG_BIN,
            database_url=place, secret="quite-another-secret-of-the-operator",
        )  # fmt: skip
    assert back.returncode == 0
    assert "AUGURY_PREVIOUS_SECRET_KEY" in back.stderr


def test_a_house_that_is_there_is_kept_under_another_name(lonely: Path, tmp_path: Path) -> None:
    file = tmp_path / "house.tar"
    assert augury("backup", file, "--data-dir", lonely, secret="").returncode == 0
    before = (lonely / "secret_key").read_text()
    (lonely / "secret_key").write_text("another-key-of-a-house-that-was-here-before")
    refused = augury("restore", file, "--data-dir", lonely, secret="")
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    back = augury("restore", file, "--data-dir", lonely, "--replace", secret="")
    assert back.returncode == 0, back.stderr
    (database,) = lonely.glob("augury.db.before-*")
    (key,) = lonely.glob("secret_key.before-*")
    assert back.stdout.splitlines()[:2] == [f"kept: {database}", f"kept: {key}"]
    assert (lonely / "secret_key").read_text() == before
    assert findings(f"sqlite:///{database}") == []


def test_a_log_that_was_left_behind_gets_into_no_restored_database(
    lonely: Path, tmp_path: Path
) -> None:
    """The file is lost and its log is not: SQLite would read it into the next file of that name."""
    file = tmp_path / "house.tar"
    with closing(sqlite3.connect(lonely / "augury.db")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE users SET username = 'ghost'")
        writer.commit()
        log = (lonely / "augury.db-wal").read_bytes()
        assert log
        writer.execute("UPDATE users SET username = 'admin'")
        writer.commit()
    assert augury("backup", file, "--data-dir", lonely, secret="").returncode == 0
    (lonely / "augury.db").unlink()
    (lonely / "augury.db-wal").write_bytes(log)
    back = augury("restore", file, "--data-dir", lonely, secret="")
    assert back.returncode == 0, back.stderr
    with closing(sqlite3.connect(lonely / "augury.db")) as reader:
        assert reader.execute("SELECT username FROM users").fetchall() == [("admin",)]
    (kept,) = lonely.glob("augury.db.before-*-wal")
    assert kept.read_bytes() == log


def test_the_copy_ends_though_somebody_commits_after_every_step(
    lonely: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that began anew at each commit would never end; it shows the moment of its start."""
    monkeypatch.setattr(sqlite, "_PAGES_AT_ONCE", 5)
    steps = 0
    with closing(sqlite3.connect(lonely / "augury.db", isolation_level=None)) as writer:

        def sell(_stage: str, _done: int, _total: int) -> None:
            nonlocal steps
            steps += 1
            assert steps < 1000, "the copy begins again and again"
            writer.execute(f"UPDATE users SET username = 'admin-{steps}'")

        with sqlite.copying(f"sqlite:///{lonely / 'augury.db'}", tmp_path / "copy", sell) as tx:
            assert tx.exec_driver_sql("SELECT username FROM users").scalar_one() == "admin"
    assert steps > 10
    assert not list(tmp_path.glob("copy-*"))


def test_a_database_that_is_not_empty_is_refused(house: Settings, tmp_path: Path) -> None:
    file, _ = make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)
    backup = open_backup(file, quiet)
    with pytest.raises(BackupTrouble, match="is not empty"):
        restore_backup(house, backup, replace=False, pg_bin=PG_BIN, tell=quiet)
    assert findings(house.database_url) == []


def test_a_backup_is_restored_to_its_own_kind_of_database(
    house: Settings, tmp_path: Path, postgres: str
) -> None:
    file, _ = make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)
    other = postgres if house.database_url.startswith("sqlite") else f"sqlite:///{tmp_path / 'x'}"
    with pytest.raises(BackupTrouble, match="This backup is of"):
        restore_backup(
            settings_for(other, tmp_path / "new"), open_backup(file, quiet),
            replace=False, pg_bin=PG_BIN, tell=quiet,
        )  # fmt: skip


def test_a_backup_of_an_older_schema_is_migrated(database_url: str, tmp_path: Path) -> None:
    """Also one that the new program made before the database was migrated: then it has no audit."""
    with empty_place(database_url, tmp_path / "old") as old:
        _migrate_to(old, "0003")
        settings = settings_for(old, tmp_path / "old")
        file, inventory = make_backup(settings, tmp_path / "house.tar", PG_BIN, quiet)
    assert (inventory.revision, inventory.books) == ("0003", None)
    with empty_place(database_url, tmp_path / "new") as place:
        settings = settings_for(place, tmp_path / "new")
        restored = restore_backup(
            settings, open_backup(file, quiet), replace=False, pg_bin=PG_BIN, tell=quiet
        )
        assert restored.report.findings == []
        db = Database(place)
        with db.read() as tx:
            assert run.revision_of(tx) == run.known_revisions()[0]
        db.close()


def _migrate_to(address: str, revision: str) -> None:
    config, db = Config(), Database(address)
    config.set_main_option("script_location", str(Path(run.__file__).parent))
    with db.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)
    db.close()


def _altered(house: Settings, tmp_path: Path, change: Callable[[Database], None]) -> Path:
    """Return a backup of a house whose database was changed behind the ledger's back."""
    db = Database(house.database_url)
    change(db)
    db.close()
    return make_backup(house, tmp_path / "altered.tar", PG_BIN, quiet)[0]


def test_a_backup_of_a_newer_schema_is_refused(
    house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)
    monkeypatch.setattr("augury.backup.restore.known_revisions", lambda: ["0001"])
    with empty_place(house.database_url, tmp_path / "new") as place:
        with pytest.raises(BackupTrouble, match="newer Augury"):
            restore_backup(
                settings_for(place, tmp_path / "new"), open_backup(file, quiet),
                replace=False, pg_bin=PG_BIN, tell=quiet,
            )  # fmt: skip
    assert list((tmp_path / "new").iterdir()) == []


def test_wrong_books_are_saved_and_told(house: Settings, tmp_path: Path) -> None:
    """A copy of wrong books is better than none; both commands exit with 1 and name what is wrong."""

    def spoil(db: Database) -> None:
        with db.write() as tx:
            tx.exec_driver_sql("UPDATE accounts SET posted = posted + 1")

    file = _altered(house, tmp_path, spoil)
    options = ("--data-dir", tmp_path, "--pg-bin", PG_BIN)
    again = augury("backup", tmp_path / "b.tar", *options, database_url=house.database_url)
    assert again.returncode == 1
    assert "account_drift" in again.stderr
    assert (tmp_path / "b.tar").exists()
    with empty_place(house.database_url, tmp_path / "new") as place:
        back = augury(
            "restore", file, "--data-dir", tmp_path / "new", "--pg-bin", PG_BIN, database_url=place
        )
        assert back.returncode == 1
        assert "The books are WRONG." in back.stdout
        assert [finding.kind for finding in findings(place)] == ["account_drift"] * 1 + [
            "books_do_not_balance"
        ]


def test_a_hold_that_runs_out_between_backup_and_restore_is_not_overdue(
    house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books are judged by the moment of the backup; the sweeper comes when the house opens."""

    def hold(db: Database) -> None:
        with db.write() as tx:
            account = str(tx.exec_driver_sql("SELECT id FROM accounts").scalar_one())
            gift = Instruction(new_id(), TransferType.PROMOTION, account, 100, "test")
            held = Instruction(
                new_id(),
                TransferType.HOLD,
                account,
                10,
                "test",
                expires_at=now() - 600 * SECOND,
                actor_id=new_id(),
            )
            ledger.post(tx, [gift])
            ledger.post(tx, [held])

    # Made an hour ago, when the hold had its time still.
    earlier = now() - 3600 * SECOND
    monkeypatch.setattr("augury.backup.make.now", lambda: earlier)
    file = _altered(house, tmp_path, hold)
    assert [one.kind for one in findings(house.database_url)] == ["hold_overdue"]
    with empty_place(house.database_url, tmp_path / "new") as place:
        restored = restore_backup(
            settings_for(place, tmp_path / "new"), open_backup(file, quiet),
            replace=False, pg_bin=PG_BIN, tell=quiet,
        )  # fmt: skip
        assert restored.report.findings == []


def test_check_restores_nothing(house: Settings, tmp_path: Path) -> None:
    file, _ = make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)
    before = sorted(tmp_path.rglob("*"))
    checked = augury("restore", file, "--check")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout
    assert sorted(tmp_path.rglob("*")) == before
