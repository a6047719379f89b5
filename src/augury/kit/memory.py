"""How the memory of this process is managed."""

import ctypes
import gc
import sys
from importlib import import_module
from types import ModuleType

# Of mallopt(3): how much may lie idle at the end of a heap, and from what size on a block comes
# from the system and goes back to it at once.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**28
_LARGE_BYTES = 2**25


def import_for_good(name: str) -> ModuleType:
    """Return a module; what it brings in is never looked through for cycles.

    Modules stay for good. To look through them again and again as they become more is a quarter of
    all the time that it takes to import a server.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def settle() -> None:
    """Let the collector of cycles look less often, and never again at what there is by now.

    Called once everything is made that lives as long as the process. A request, or a chunk of a
    batch, leaves hundreds of short-lived objects and hardly a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def keep_memory() -> bool:
    """Keep what is freed for what comes next; return whether the C library knows how.

    Who works through chunk after chunk needs the same megabytes again and again. To ask the system
    for them each time, which hands them out empty, is a twentieth of all the work. Only glibc can
    be told, and only it does so.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        [mallopt(_TRIM_THRESHOLD, _KEPT_BYTES), mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)]
    )
