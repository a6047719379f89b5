"""What a process is told about its memory, it was told."""

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from augury.kit.memory import import_for_good, keep_memory, settle


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector of cycles as it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_glibc_can_be_told_to_keep_memory() -> None:
    assert keep_memory()


@pytest.mark.usefixtures("collector")
def test_what_there_was_is_not_looked_at_again() -> None:
    """Cycles that come later are still found."""
    settle()
    assert gc.get_freeze_count() > 0

    class Cycle:
        itself: object = None

    born = Cycle()
    born.itself = born
    found = weakref.ref(born)
    del born
    gc.collect()  # unless another thread has just done so
    assert found() is None


@pytest.mark.usefixtures("collector")
def test_a_module_is_imported_for_good_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the collector works afterwards, whether the module could be imported or not."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "augur_of_birds.py").write_text("import gc\nWORKED = gc.isenabled()\n")
    (tmp_path / "augur_of_stones.py").write_text("raise OSError('of stone')")
    module = import_for_good("augur_of_birds")
    assert (module.WORKED, gc.isenabled()) == (False, True)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    assert import_for_good("augur_of_birds") is module
    assert gc.get_freeze_count() == 0
    with pytest.raises(OSError, match="of stone"):
        import_for_good("augur_of_stones")
    assert gc.isenabled()
    monkeypatch.delitem(sys.modules, "augur_of_birds")
