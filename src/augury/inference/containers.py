"""What a file really is, by its first bytes, whatever it is called. Nothing is unpacked or run."""

import contextlib
import pickletools
import re
import struct
from pathlib import Path

from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import BadModel

_HEAD_BYTES = 64 * 1024
_ZIP_NAME_LENGTH, _ZIP_NAME = slice(26, 28), 30
# The first version of ONNX whose files are still about, and one that is far away.
_ONNX_VERSIONS = range(3, 64)
_ONNX_START, _CATBOOST_START = b"\x08", b"CBM1"
_PROTOCOL = b"\x80"
_FIRST_PROTOCOL_WITH_HEADER = 2
_LAST_PROTOCOL = 5
_FEWEST_OPCODES = 3
# Runtimes whose files are JSON and nothing else.
_JSON = ("linear", "remote", *DOCUMENTS)
# Opcodes that name something to import: no text is full of them by chance.
_IMPORTING = {"GLOBAL", "INST", "STACK_GLOBAL", "REDUCE", "BUILD"}

# What starts with which bytes, and which sentence says so. The first that fits counts.
_STARTS: tuple[tuple[str, str, tuple[bytes, ...]], ...] = (
    ("file_hdf5", "HDF5", (b"\x89HDF\r\n\x1a\n",)),
    ("file_numpy", "NumPy", (b"\x93NUMPY",)),
    ("file_compressed", "gzip", (b"\x1f\x8b",)),
    ("file_compressed", "bzip2", (b"BZh",)),
    ("file_compressed", "xz", (b"\xfd7zXZ\0",)),
    ("file_compressed", "LZMA", (b"\x5d\0\0",)),
    ("file_compressed", "Zstandard", (b"\x28\xb5\x2f\xfd",)),
    ("file_compressed", "LZ4", (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")),
    ("file_compressed", "zlib", (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")),
    ("file_compressed", "7-Zip", (b"7z\xbc\xaf\x27\x1c",)),
    ("file_compressed", "RAR", (b"Rar!\x1a\x07",)),
    ("file_program", "ELF", (b"\x7fELF",)),
    (
        "file_program",
        "Mach-O",
        (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa", b"\xca\xfe\xba\xbe"),
    ),
    ("file_program", "WebAssembly", (b"\0asm",)),
    ("file_program", "PE", (b"MZ",)),
    ("file_program", "Java", (b"\xac\xed\0\x05",)),
    ("file_script", "#!", (b"#!",)),
    ("file_r", "R", (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n")),
    ("file_r", "R", (b"X\n\0\0\0", b"A\n2\n", b"A\n3\n")),
    ("file_foreign", "SQLite", (b"SQLite format 3\0",)),
    ("file_foreign", "Parquet", (b"PAR1",)),
    ("file_foreign", "PDF", (b"%PDF",)),
    ("file_foreign", "GGUF", (b"GGUF",)),
    ("file_booster", "XGBoost", (b"{L\0\0\0\0\0\0\0", b"{U", b"binf", b"bs64", b"booster[")),
    ("file_booster", "LightGBM", (b"tree\nversion", b"tree\r\nversion")),
)  # fmt: skip
# The same for marks that stand further in: (key, kind, place, marks).
_INSIDE: tuple[tuple[str, str, int, tuple[bytes, ...]], ...] = (
    ("file_compressed", "tar", 257, (b"ustar",)),
    ("file_python", "pyc", 1, (b"\x0c\r\n", b"\x0d\r\n", b"\x0e\r\n", b"\x0f\r\n")),
    ("file_foreign", "TensorFlow Lite", 4, (b"TFL3",)),
)
# The same for what may stand behind spaces and a byte order mark, in any case of letters.
_TEXTS: tuple[tuple[str, str, str], ...] = (
    ("file_booster", "XGBoost", r'\{\s*"(?:learner|version)"\s*:\s*[\[{]'),
    ("file_booster", "LightGBM", r'\{\s*"name"\s*:\s*"tree"'),
    ("file_notebook", "Jupyter", r'\{\s*"(?:cells|nbformat|metadata)"\s*:'),
    ("file_html", "HTML", r"<!doctype html|<html|<head|<script"),
    ("file_pmml", "PMML", r"<\?xml|<pmml"),
    ("file_python", "Python", r"(?:from\s+[\w.]+\s+)?import\s+\w"),
    ("file_python", "Python", r"def\s+\w+\s*\(|class\s+\w+\s*[(:]"),
    ("file_python", "Python", r'"""|#\s*-\*-|#[^\n]*\n\s*(?:from\s+[\w.]+\s+)?import\s'),
)  # fmt: skip


def check(path: Path, runtime: str) -> None:
    """Raise `BadModel` when the file is something that this runtime never opens.

    The sentence says what it is and what to do instead. What is not known here may pass: opening
    it is for the runtime, inside the quarantine.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise BadModel("file_empty", file=path.name)
    found = _kind(head)
    if found is not None:
        key, kind = found
        raise BadModel(key, file=path.name, kind=kind)
    own = _own_runtimes(head)
    if own and runtime not in own:
        raise BadModel("file_other_runtime", file=path.name, found=" / ".join(own), runtime=runtime)
    if runtime in _JSON and not own:
        raise BadModel("file_not_json", file=path.name, runtime=runtime)


def _own_runtimes(head: bytes) -> tuple[str, ...]:
    """Return which of our runtimes have files like this; none when that cannot be told."""
    if head.startswith(_CATBOOST_START):
        return ("catboost",)
    if head.startswith(_ONNX_START) and len(head) > 1 and head[1] in _ONNX_VERSIONS:
        return ("onnx",)
    if head.lstrip().startswith(b"{"):
        return ("catboost", *_JSON)
    return ()


def _kind(head: bytes) -> tuple[str, str] | None:
    """Return key and kind of a file that no runtime opens."""
    for key, kind, starts in _STARTS:
        if head.startswith(starts):
            return key, kind
    for key, kind, place, marks in _INSIDE:
        if head.startswith(marks, place):
            return key, kind
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _kind_of_zip(head)
    if _is_safetensors(head):
        return "file_foreign", "safetensors"
    return _kind_of_text(head) or _kind_of_pickle(head)


def _kind_of_zip(head: bytes) -> tuple[str, str]:
    """Tell by the name of its first member whose archive it is."""
    length = int.from_bytes(head[_ZIP_NAME_LENGTH], "little")
    name = head[_ZIP_NAME : _ZIP_NAME + length].decode("latin-1")
    if name.endswith((".pkl", ".storages")) or "/data/" in name:
        return "file_torch", "PyTorch"
    if name in {"metadata.json", "config.json", "model.weights.h5"}:
        return "file_keras", "Keras"
    if name.endswith(".npy"):
        return "file_numpy", "NumPy"
    return "file_zip", "zip"


def _kind_of_text(head: bytes) -> tuple[str, str] | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().decode("latin-1")
    for key, kind, start in _TEXTS:
        if re.match(start, text, re.IGNORECASE):
            return key, kind
    return None


def _is_safetensors(head: bytes) -> bool:
    if head[8:9] != b"{":
        return False
    (length,) = struct.unpack("<Q", head[:8])
    return bool(length < 2**27 and b'"dtype"' in head)


def _kind_of_pickle(head: bytes) -> tuple[str, str] | None:
    """Read opcodes without doing anything that they say.

    From protocol 2 on there is a header; before, a few opcodes in a row that make sense and import
    something are proof enough.
    """
    if (
        head[:1] == _PROTOCOL
        and len(head) > 1
        and (_FIRST_PROTOCOL_WITH_HEADER <= head[1] <= _LAST_PROTOCOL)
    ):
        return "file_pickle", f"pickle {head[1]}"
    seen: list[str] = []
    # It ends where the head does, or where something stands that is no opcode.
    with contextlib.suppress(Exception):
        seen.extend(opcode.name for opcode, _, _ in pickletools.genops(head))
    whole = bool(seen) and seen[-1] == "STOP"
    if len(seen) >= _FEWEST_OPCODES and (whole or not _IMPORTING.isdisjoint(seen)):
        return "file_pickle", "pickle"
    return None
