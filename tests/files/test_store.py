"""Every store keeps the same promises: a file by its SHA-256, whole or not at all."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr, ValidationError

from augury.files import disk
from augury.files.faults import FileTooLarge
from augury.files.local import LocalStore
from augury.files.s3 import S3Store
from augury.files.store import Store, store_of
from augury.settings import Settings
from files.s3_server import KEY, SECRET, Shelf, served

MOST = 2**30
ABSENT = hashlib.sha256(b"never stored").hexdigest()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with served() as found:
        yield found


def address(shelf: Shelf, secret: str = SECRET) -> str:
    return f"s3://{KEY}:{quote(secret, safe='')}@bucket/some/prefix?endpoint={shelf.address}"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, shelf: Shelf) -> Store:
    return LocalStore(tmp_path / "files") if request.param == "local" else S3Store(address(shelf))


@pytest.mark.parametrize("size", [0, 1, 2**20 + 1, 20 * 2**20], ids=str)
def test_what_was_put_is_read_under_its_digest(store: Store, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    stored = store.put([content[:7], b"", content[7:]], MOST)
    assert stored == (hashlib.sha256(content).hexdigest(), size)
    assert b"".join(store.read(stored.digest)) == content
    assert store.exists(stored.digest)
    assert store.size(stored.digest) == size
    with store.local(stored.digest) as path:
        assert path.read_bytes() == content


def test_the_same_content_is_one_file(store: Store) -> None:
    once, again = store.put([b"ab"], MOST), store.put([b"a", b"b"], MOST)
    assert once == again
    store.delete(once.digest)
    assert not store.exists(again.digest)


def test_a_large_file_is_read_in_blocks(store: Store) -> None:
    stored = store.put([bytes(5 * 2**20)], MOST)
    assert len(list(store.read(stored.digest))) > 2


def test_a_byte_too_many_is_refused_and_nothing_is_kept(
    store: Store, tmp_path: Path, shelf: Shelf
) -> None:
    store.put([b"12345"], 5)
    with pytest.raises(FileTooLarge):
        store.put([b"12345", b"6"], 5)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) + len(shelf.objects) == 1


def test_a_sender_that_breaks_off_leaves_nothing(
    store: Store, tmp_path: Path, shelf: Shelf
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put(broken(), MOST)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert shelf.objects == {}


def test_a_removed_file_is_gone_and_may_be_removed_again(store: Store) -> None:
    digest = store.put([b"x"], MOST).digest
    store.delete(digest)
    store.delete(digest)
    assert not store.exists(digest)


@pytest.mark.parametrize("digest", [ABSENT, "../../etc/passwd", "", "A" * 64, "ab"], ids=repr)
@pytest.mark.parametrize("ask", ["read", "local", "size"])
def test_what_is_not_there_is_not_found(store: Store, digest: str, ask: str) -> None:
    def local() -> None:
        with store.local(digest):
            pass

    asked: Callable[[], object] = local if ask == "local" else lambda: getattr(store, ask)(digest)
    with pytest.raises(FileNotFoundError):
        asked()
    assert not store.exists(digest)


def test_a_file_is_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(draft: Path, path: Path) -> None:
        raise InterruptedError

    monkeypatch.setattr("augury.files.local.put_in_place", crash)
    with pytest.raises(InterruptedError):
        LocalStore(tmp_path).put([b"x"], MOST)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_folders_fan_out_by_two_levels(tmp_path: Path) -> None:
    digest = LocalStore(tmp_path).put([b"x"], MOST).digest
    assert (tmp_path / digest[:2] / digest[2:4] / digest).is_file()


def test_a_wrong_secret_is_a_failure_and_not_an_absence(shelf: Shelf) -> None:
    with pytest.raises(OSError, match="the store failed") as failure:
        S3Store(address(shelf, "wrong")).exists(ABSENT)
    assert not isinstance(failure.value, FileNotFoundError)


def test_a_bucket_that_fails_is_a_failure_without_its_secrets(shelf: Shelf) -> None:
    shelf.broken = True
    with pytest.raises(OSError, match="the store failed") as failure:
        S3Store(address(shelf)).put([b"x"], MOST)
    assert SECRET not in str(failure.value)


def test_a_copy_with_another_content_is_not_handed_out(shelf: Shelf) -> None:
    store = S3Store(address(shelf))
    digest = store.put([b"right"], MOST).digest
    (path,) = shelf.objects
    assert path == f"/bucket/some/prefix/{digest[:2]}/{digest[2:4]}/{digest}"
    shelf.objects[path] = b"wrong"
    with pytest.raises(OSError, match="another content"), store.local(digest):
        pass


def settings(tmp_path: Path, url: str) -> Settings:
    return Settings(data_dir=tmp_path, files_url=SecretStr(url))


def test_the_settings_choose_the_store(tmp_path: Path, shelf: Shelf) -> None:
    digest = store_of(settings(tmp_path, "")).put([b"x"], MOST).digest
    assert list((tmp_path / "files").rglob(digest))
    assert not store_of(settings(tmp_path, address(shelf))).exists(digest)


@pytest.mark.parametrize("url", ["/folder", "http://bucket", "s3:bucket", "s3:///prefix"])
def test_an_odd_address_of_a_store_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError, match="AUGURY_FILES_URL"):
        settings(tmp_path, url)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("augury.files.store.import_module", missing)
    with pytest.raises(ValueError, match="extra `s3`"):
        store_of(settings(tmp_path, "s3://bucket"))


def test_new_folders_reach_the_disk_before_the_file_in_them_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[Path] = []
    monkeypatch.setattr(disk, "_settle", settled.append)
    path = tmp_path / "a" / "b" / "c"
    disk.write_whole(path, [b"1"])
    assert settled == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


def test_a_whole_file_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    disk.write_whole(path, [b"1"])
    disk.write_whole(path, [b"2", b"3"])
    assert path.read_bytes() == b"23"
    assert list(path.parent.iterdir()) == [path]
