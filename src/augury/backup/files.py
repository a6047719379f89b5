"""Files that must be there after a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: a rename is only a rename once its folder is on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def aside(path: Path, stamp: str) -> Path:
    """Return the name under which what a restore replaces is kept."""
    return path.with_name(f"{path.name}.before-{stamp}")
