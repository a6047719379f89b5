"""What is in a backup, and which files are no backups."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from augury import bootstrap
from augury.backup.archive import open_backup, pack
from augury.backup.inventory import Inventory
from augury.backup.make import make_backup
from augury.backup.restore import restore_backup
from augury.backup.trouble import BackupTrouble
from augury.settings import Settings
from backup.houses import PG_BIN, augury, empty_place
from support.houses import settings_for


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Hear about progress and say nothing."""


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Settings:
    """The settings of a prepared house, with its models on sale."""
    settings = settings_for(database_url, tmp_path)
    bootstrap.prepare(settings)
    return settings


@pytest.fixture
def file(house: Settings, tmp_path: Path) -> Path:
    """A backup of the house."""
    return make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)[0]


def test_the_inventory_tells_what_is_in_the_file(house: Settings, file: Path) -> None:
    inventory = open_backup(file, quiet).inventory
    assert inventory.books is not None
    assert (inventory.books.accounts, inventory.books.findings) == (1, [])
    artifacts = sorted(path.name for path in house.artifacts_dir.iterdir())
    assert len(artifacts) == 4  # both models of investment risk have the same
    assert sorted(inventory.members) == [*(f"artifacts/{name}" for name in artifacts), "database"]
    assert all(inventory.members[f"artifacts/{name}"].sha256 in name for name in artifacts)
    assert (house.database_url.startswith("sqlite")) == (inventory.dialect == "sqlite")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_people_can_look_into_a_backup_without_us(file: Path, tmp_path: Path) -> None:
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path / "seen", filter="data")
    checked = subprocess.run(
        ["sha256sum", "--check", "inventory.json.sha256"],  # noqa: S607 - the machine's own
        cwd=tmp_path / "seen",
        check=False,
        capture_output=True,
    )
    assert checked.returncode == 0
    inventory = json.loads((tmp_path / "seen/inventory.json").read_text())
    assert inventory["members"]["database"]["bytes"] > 0


def test_a_folder_gets_a_file_by_the_time_and_no_backup_replaces_another(
    house: Settings, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    first, _ = make_backup(house, shelf, PG_BIN, quiet)
    second, _ = make_backup(house, shelf, PG_BIN, quiet)
    assert sorted(shelf.iterdir()) == sorted({first, second})
    with pytest.raises(BackupTrouble, match="never replaces another"):
        make_backup(house, first, PG_BIN, quiet)


def test_an_artefact_that_is_gone_or_altered_is_named_and_the_books_are_saved(
    house: Settings, tmp_path: Path
) -> None:
    gone, altered, *_ = sorted(house.artifacts_dir.iterdir())
    gone.unlink()
    altered.write_bytes(b"something else")
    _, inventory = make_backup(house, tmp_path / "house.tar", PG_BIN, quiet)
    assert inventory.missing_artifacts == [gone.stem, altered.stem]
    assert sum(name.startswith("artifacts/") for name in inventory.members) == 2


@pytest.mark.parametrize("stage", ["first", "packing"])
def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(
    house: Settings, tmp_path: Path, stage: str
) -> None:
    """`kill -9` while the database is copied, and while the file is written."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, stage, str(shelf / "house.tar"), str(PG_BIN)],
        env=os.environ
        | {
            "AUGURY_DATABASE_URL": house.database_url,
            "AUGURY_DATA_DIR": str(house.data_dir),
            "AUGURY_SECRET_KEY": house.secret_key.get_secret_value(),
        },
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [path for path in shelf.iterdir() if not path.name.startswith(".")] == []
    left = [path for path in shelf.rglob("*") if path.is_file()]
    assert left
    for path in left:
        with pytest.raises(BackupTrouble):
            open_backup(path, quiet)
    target, _ = make_backup(house, shelf / "house.tar", PG_BIN, quiet)
    assert open_backup(target, quiet)


_KILLED = """
import os, signal, sys
from pathlib import Path
from augury.backup.make import make_backup
from augury.settings import Settings
def tell(stage, done, total):
    if sys.argv[1] in ("first", stage):
        os.kill(os.getpid(), signal.SIGKILL)
make_backup(Settings(), Path(sys.argv[2]), Path(sys.argv[3]), tell)
"""


def test_a_backup_that_fails_leaves_nothing(house: Settings, tmp_path: Path) -> None:
    def full(stage: str, _done: int, _total: int) -> None:
        if stage == "packing":
            raise OSError(28, "No space left on device")

    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="No space left"):
        make_backup(house, tmp_path / "house.tar", PG_BIN, full)
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small backup whose database is no database: its digests are right."""
    files = {"database": tmp_path / "database", f"artifacts/{'0' * 64}.onnx": tmp_path / "artifact"}
    files["database"].write_bytes(b"transfers" * 100)
    files[f"artifacts/{'0' * 64}.onnx"].write_bytes(b"weights" * 100)
    inventory = Inventory(1, "0.1.0", 1, "sqlite", None, "0001", None, "00", [], {})
    pack(tmp_path / "small.tar", files, inventory, quiet)
    return tmp_path / "small.tar"


def test_a_backup_that_ends_too_early_is_refused_wherever_it_ends(
    small: Path, tmp_path: Path
) -> None:
    content = small.read_bytes()
    with tarfile.open(small) as archive:
        seal = archive.getmember("inventory.json.sha256")
    needed = seal.offset_data + seal.size
    cut = tmp_path / "cut.tar"
    lengths = {*range(0, needed, 97), *range(0, needed, 512), needed - 1}
    for length in sorted(lengths):
        cut.write_bytes(content[:length])
        with pytest.raises(BackupTrouble):
            open_backup(cut, quiet)
    cut.write_bytes(content)
    assert open_backup(cut, quiet).inventory == open_backup(small, quiet).inventory


def test_an_altered_byte_is_refused_or_changes_nothing(small: Path, tmp_path: Path) -> None:
    """A byte that tar does not use may change; none that would be restored may."""
    content, dice = small.read_bytes(), random.Random(7)
    whole = open_backup(small, quiet)
    changed, refused = tmp_path / "changed.tar", 0
    for turn in range(600):
        altered = bytearray(content)
        altered[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        changed.write_bytes(altered)
        try:
            found = open_backup(changed, quiet)
        except BackupTrouble:
            refused += 1
            continue
        assert found.inventory == whole.inventory, turn
        assert found.text("database") == whole.text("database")
    assert refused > 100


def test_a_backup_of_a_foreign_hand_is_refused(small: Path, tmp_path: Path) -> None:
    """A tar that names another place, a link, or a file that is not listed, writes nothing."""
    for name, kind in (("../out", tarfile.REGTYPE), ("database2", tarfile.SYMTYPE)):
        changed = shutil.copy(small, tmp_path / "changed.tar")
        with tarfile.open(changed, "a:") as archive:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        with pytest.raises(BackupTrouble, match="does not have the files"):
            open_backup(Path(changed), quiet)


def test_an_altered_backup_touches_nothing(house: Settings, file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    with tarfile.open(file) as archive:
        content[archive.getmember("database").offset_data + 1000] ^= 1
    (tmp_path / "altered.tar").write_bytes(content)
    new_dir = tmp_path / "new"
    with empty_place(house.database_url, new_dir) as place:
        refused = augury(
            "restore", tmp_path / "altered.tar", "--data-dir", new_dir, database_url=place
        )
    assert refused.returncode == 1
    assert "database in the backup has been altered" in refused.stderr
    assert list(new_dir.iterdir()) == []


def test_a_file_that_changes_after_it_was_checked_is_refused(
    house: Settings, file: Path, tmp_path: Path
) -> None:
    backup = open_backup(file, quiet)
    content = bytearray(file.read_bytes())
    with tarfile.open(file) as archive:
        content[archive.getmember("database").offset_data + 1000] ^= 1
    file.write_bytes(content)
    with empty_place(house.database_url, tmp_path / "new") as place:
        settings = settings_for(place, tmp_path / "new")
        with pytest.raises(BackupTrouble, match="altered"):
            restore_backup(settings, backup, replace=False, pg_bin=PG_BIN, tell=quiet)
        assert list((tmp_path / "new").iterdir()) == []
