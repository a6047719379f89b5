"""Backups have the files of batches: what was sent and what was made is there after a restore."""

from pathlib import Path

import pytest

from augury.backup.archive import open_backup
from augury.backup.inventory import Inventory
from augury.backup.make import make_backup
from augury.backup.restore import restore_backup
from augury.kit.clock import now
from backup.houses import PG_BIN, empty_place
from support.batch_shop import open_shop
from support.batches import change
from support.files import NUMBER, applicants, await_end, read, written
from support.houses import open_house, settings_for, sign_in


def _silent(_stage: str, _done: int, _total: int) -> None:
    pass


def test_a_restored_house_has_the_results_and_goes_on_with_the_rest(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of old batches, whose files were given up, nothing is missed."""
    house = tmp_path / "house"
    house.mkdir()
    with (
        monkeypatch.context() as patched,
        open_shop(database_url, house, patched) as shop,
    ):
        purged, done, running = (
            shop.send(written("csv", applicants(count))).json()["id"] for count in (5, 10, 12)
        )
        assert shop.run(2 + 3 + 1) == 6
        change(shop.house.db, purged, purged_at=now())
        with shop.house.db.write() as tx:
            tx.exec_driver_sql(f"DELETE FROM batch_chunks WHERE batch_id = '{purged}'")
        path, inventory = make_backup(shop.house.settings, tmp_path, PG_BIN, _silent)
        # The first chunks have the same rows, so their parts are one file.
        assert _files(inventory) == 2 + 3
        assert inventory.missing_files == []
        results = shop.results(done).content
        shop.run()
    with empty_place(database_url, tmp_path / "copy") as address:
        settings = settings_for(address, tmp_path / "copy")
        backup = open_backup(path, _silent)
        restored = restore_backup(settings, backup, replace=False, pg_bin=PG_BIN, tell=_silent)
        assert restored.report.findings == []
        with open_house(settings) as (client, _):
            anna = sign_in(client, "anna")
            told = client.get(f"/v1/batches/{done}/results", headers=anna)
            assert told.content == results
            assert await_end(client, anna, running)["rows_done"] == 12
            told = client.get(f"/v1/batches/{running}/results", headers=anna)
            assert [row[NUMBER] for row in read("csv", told.content)] == list(range(12))
            told = client.get(f"/v1/batches/{purged}/results", headers=anna)
            assert (told.status_code, told.json()["code"]) == (410, "results_gone")


def _files(inventory: Inventory) -> int:
    return sum(name.startswith("files/") for name in inventory.members)


def test_a_file_that_is_not_there_is_named(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost or altered: the rest is in the backup, and the inventory says what is not."""
    with open_shop(database_url, tmp_path, monkeypatch) as shop:
        for count in (3, 5):
            shop.send(written("csv", applicants(count)))
        lost, altered = sorted(path for path in tmp_path.glob("files/*/*/*"))
        lost.unlink()
        altered.write_bytes(b"other")
        _, inventory = make_backup(shop.house.settings, tmp_path, PG_BIN, _silent)
    assert inventory.missing_files == [lost.name, altered.name]
    assert _files(inventory) == 0
