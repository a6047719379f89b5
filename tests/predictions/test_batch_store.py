"""Files of batches: kept as long as anybody needs them, and gone afterwards, whoever crashed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import utime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from augury.files.local import LocalStore
from augury.kit.clock import SECOND, now
from augury.kit.db import Database
from augury.predictions import batch_store
from augury.predictions.batch_outcomes import Made, cancel, finish
from augury.predictions.batch_purge import purge, sweep_drafts
from augury.predictions.batch_store import FileDoomedError, Keeper, Kept, LocalCopies
from augury.predictions.tables import stored_files
from support.batches import change, claimed, placed, states
from support.jobs import customer

NEVER = threading.Event()
LONG_AGO = now() - 25 * 3600 * SECOND


@pytest.fixture
def keeper(db: Database, tmp_path: Path) -> Keeper:
    """A keeper of an empty store."""
    return Keeper(db, LocalStore(tmp_path / "files"))


def keep(keeper: Keeper, content: bytes) -> Kept:
    return keeper.keep(sha256(content).hexdigest(), [content], 100)


def known(db: Database) -> dict[str, int]:
    with db.read() as tx:
        return {row.digest: row.puts for row in tx.execute(select(stored_files))}


def age(db: Database, **values: int) -> None:
    with db.write() as tx:
        tx.execute(update(stored_files).values(**{"put_at": LONG_AGO} | values))


def test_a_file_that_was_put_in_vain_is_gone_at_once(db: Database, keeper: Keeper) -> None:
    """But not when its content was somebody else's before, or has become so since."""
    mine = keep(keeper, b"mine")
    keeper.discard(mine)
    assert not keeper.store.exists(mine.digest)
    assert known(db) == {}
    first = keep(keeper, b"ours")
    second = keep(keeper, b"ours")
    keeper.discard(first)
    keeper.discard(second)
    assert keeper.store.exists(first.digest)
    assert known(db) == {first.digest: 2}


def test_what_a_batch_names_is_never_discarded(db: Database, keeper: Keeper) -> None:
    """Not even when who put it thinks that its order came to nothing."""
    kept = keep(keeper, b"named")
    placed(db, customer(db), file_digest=kept.digest)
    keeper.discard(kept)
    age(db)
    assert keeper.delete_unnamed(NEVER) == 0
    assert keeper.store.exists(kept.digest)


def test_what_a_crash_left_is_deleted_after_a_day(db: Database, keeper: Keeper) -> None:
    """Files that nobody named, parts of leases that were lost, and rows without a file."""
    new, old = keep(keeper, b"new"), keep(keeper, b"old")
    with db.write() as tx:
        tx.execute(
            update(stored_files).where(stored_files.c.digest == old.digest).values(put_at=LONG_AGO)
        )
        tx.execute(stored_files.insert().values(digest="f" * 64, puts=1, put_at=LONG_AGO))
    assert keeper.delete_unnamed(NEVER) == 2
    assert (keeper.store.exists(new.digest), keeper.store.exists(old.digest)) == (True, False)
    assert known(db) == {new.digest: 1}


def test_a_deletion_that_broke_off_is_finished_an_hour_later(db: Database, keeper: Keeper) -> None:
    """Until then it is somebody else's, and whoever wants to put the same content waits."""
    kept = keep(keeper, b"doomed")
    age(db, doomed_at=now())
    assert keeper.delete_unnamed(NEVER) == 0
    age(db, doomed_at=now() - 2 * 3600 * SECOND)
    assert keeper.delete_unnamed(NEVER) == 1
    assert (keeper.store.exists(kept.digest), known(db)) == (False, {})


def test_who_puts_what_is_being_deleted_waits(
    db: Database, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file comes after the old one has gone; when that takes long, it is a failure."""
    kept = keep(keeper, b"again")
    age(db, doomed_at=now())
    monkeypatch.setattr(batch_store, "_PATIENCE_SECONDS", 0.2)
    with pytest.raises(FileDoomedError):
        keep(keeper, b"again")
    monkeypatch.setattr(batch_store, "_PATIENCE_SECONDS", 60)
    waiting = threading.Thread(target=keep, args=[keeper, b"again"])
    waiting.start()
    keeper.store.delete(kept.digest)
    with db.write() as tx:
        tx.execute(stored_files.delete())
    waiting.join(60)
    assert keeper.store.exists(kept.digest)
    assert known(db) == {kept.digest: 1}


def test_a_file_that_changed_on_its_way_is_not_kept_under_another_name(keeper: Keeper) -> None:
    """What was counted and priced is what is stored, or nothing is ordered."""
    with pytest.raises(OSError, match="changed"):
        keeper.keep("a" * 64, [b"other"], 100)


def test_old_batches_give_up_their_files_and_only_those_nobody_else_names(
    db: Database, keeper: Keeper
) -> None:
    """The rows of the batches stay; a file that a younger one shares stays too."""
    anna = customer(db)
    shared, own, part = keep(keeper, b"shared"), keep(keeper, b"own"), keep(keeper, b"part")
    old = placed(db, anna, file_digest=own.digest)
    assert finish(db, claimed(db), Made(part.digest, 5, 0))
    older = placed(db, anna, file_digest=shared.digest)
    cancel(db, anna, older)
    young = placed(db, anna, file_digest=shared.digest)
    for id_ in (old, older):
        change(db, id_, completed_at=now() - 31 * 24 * 3600 * SECOND)
    age(db)
    assert keeper.delete_unnamed(NEVER) == 0
    assert purge(db, 30, NEVER) == 2
    assert purge(db, 30, NEVER) == 0
    assert keeper.delete_unnamed(NEVER) == 2
    assert [keeper.store.exists(one.digest) for one in (shared, own, part)] == [True, False, False]
    assert states(db)[old] == ("succeeded", 5, 0, 50)
    assert states(db)[young][0] == "queued"


def test_drafts_of_the_dead_are_swept(tmp_path: Path) -> None:
    """Files and folders that were being written a day ago; nothing else is touched."""
    (tmp_path / ".augury-restore-x").mkdir()
    (tmp_path / ".augury-restore-x/copy").touch()
    for name in (".draft-old", ".draft-new", "augury.db"):
        (tmp_path / name).touch()
    for name in (".draft-old", ".augury-restore-x", "augury.db"):
        utime(tmp_path / name, (time.time() - 90_000,) * 2)
    assert sweep_drafts([tmp_path, tmp_path / "absent"]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {".draft-new", "augury.db"}


class _Remote(LocalStore):
    """A store that counts what is fetched from it, and what is still here."""

    fetched = 0
    here = 0

    @contextmanager
    def local(self, digest: str) -> Iterator[Path]:
        """Fetch it."""
        self.fetched += 1
        self.here += 1
        try:
            with super().local(digest) as path:
                yield path
        finally:
            self.here -= 1


def test_a_file_is_fetched_once_while_it_is_worked_on(tmp_path: Path) -> None:
    """Chunk after chunk uses one copy; not more than a few are here, and none when idle."""
    store = _Remote(tmp_path)
    digests = [store.put([str(number).encode()], 10).digest for number in range(6)]
    copies = LocalCopies(store)
    for _ in range(5):
        with copies.of(digests[0]) as path, copies.of(digests[0]) as same:
            assert path == same
            assert path.read_bytes() == b"0"
            copies.let_go()
            assert path.exists()
    assert (store.fetched, store.here) == (1, 1)
    for digest in digests:
        with copies.of(digest):
            assert store.here <= 5
    assert store.here == 4
    copies.let_go()
    assert store.here == 0
    with pytest.raises(FileNotFoundError), copies.of("0" * 64):
        pass
    copies.let_go()
