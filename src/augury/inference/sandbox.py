"""What a process can give up before it opens a file that it does not trust. Linux; best effort.

`enter` before libraries are imported, because some start threads, and each thread gives up rights
for itself. `settle` after, because what follows it can load nothing large any more. Both return
notes: keys of `models.po` about what this machine did not allow.
"""

import ctypes
import os
import platform
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_ON_LINUX = platform.system() == "Linux"
_NOBODY = 65534
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_PARENT_DEATH, _DUMPABLE, _NO_NEW_PRIVILEGES = 1, 4, 38

_OPEN_FILES = 64
_LARGEST_FILE_BYTES = 256 * 1024
_KILLED_FIRST = b"1000"

# Landlock: its system calls have the same numbers on every processor.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# What each later version of Landlock can forbid on top: (version, rights).
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_SCOPES_SINCE, _SCOPES = 6, 3  # abstract sockets and signals of others
_READ = _READ_FILE | _READ_FOLDER
# Folders that a program needs; none of them holds anybody's data.
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/nix/store", "/opt")

# System calls that no model needs, by processor: (number of `seccomp`, the mark of the processor,
# forbidden ones, those about sockets, `clone`).
_CALLS: dict[str, tuple[int, int, tuple[int, ...], tuple[int, ...], int, int]] = {
    "x86_64": (
        317,
        0xC000003E,
        # execve execveat fork vfork ptrace process_vm_readv process_vm_writev mount umount2
        # unshare setns bpf perf_event_open io_uring_setup keyctl add_key request_key kexec_load
        # init_module finit_module userfaultfd chroot pivot_root kill tkill rt_sigqueueinfo
        # pidfd_send_signal rt_tgsigqueueinfo
        (59, 322, 57, 58, 101, 310, 311, 165, 166, 272, 308, 321, 298, 425, 250, 248, 249, 246,
         175, 313, 323, 161, 155, 62, 200, 129, 424, 297),
        (41, 42, 43, 288, 49, 50, 53),  # socket connect accept accept4 bind listen socketpair
        56,
        234,
    ),
    "aarch64": (
        277,
        0xC00000B7,
        (221, 281, 117, 270, 271, 40, 39, 97, 268, 280, 241, 425, 219, 217, 218, 104, 105, 273,
         282, 51, 41, 129, 130, 138, 424, 240),
        (198, 203, 202, 242, 200, 201, 199),
        220,
        131,
    ),
}  # fmt: skip
_CLONE3, _THREAD = 435, 0x00010000
_FILTER_MODE, _ALL_THREADS = 1, 1
_LOAD, _EQUAL, _AT_LEAST, _ALL_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE, _ABSENT = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_LEAST_X32 = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def enter(folder: Path, *, network: bool) -> list[str]:
    """Give up other files, other programs and, unless it is needed, the network."""
    if not _ON_LINUX:
        return ["note_files", "note_calls", *([] if network else ["note_network"])]
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # The kernel ends this process first when memory gets scarce.
    _best_effort_write("/proc/self/oom_score_adj", _KILLED_FIRST)
    notes = []
    alone = network or _leave_network()
    if not _confine_files(folder):
        notes.append("note_files")
    filtered = _filter_calls(network=network)
    if not filtered:
        notes.append("note_calls")
    if not alone and not filtered:
        notes.append("note_network")
    return notes


def settle(folder: Path, *, memory_bytes: int, seconds: int) -> list[str]:
    """Become nobody where that is possible, and limit what is left."""
    notes = []
    if os.geteuid() == 0 and not _become_nobody(folder):
        notes.append("note_root")
    if _ON_LINUX:
        # Without any powers, those over a namespace of its own included: version 3, this process,
        # and three empty sets.
        _libc.capset(struct.pack("Ii", 0x20080522, 0), bytes(24))
        # Forgotten at a change of user, so it comes after.
        _libc.prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: _LARGEST_FILE_BYTES,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    taken = _status(b"VmSize:")
    if taken:
        limits[resource.RLIMIT_AS] = taken + memory_bytes
    for limit, most in limits.items():
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))
    return notes


def _become_nobody(folder: Path) -> bool:
    """Change the user, unless Python would then no longer find its own files."""
    if not all(_is_open_to_all(Path(path)) for path in (sys.prefix, sys.base_prefix, __file__)):
        return False
    try:
        os.chown(folder, _NOBODY, _NOBODY)
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    except OSError:
        return False
    return True


def _is_open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def peak_bytes() -> int:
    """Return the most memory that this process has had at a time."""
    # Not `getrusage`: that figure is handed down from whoever started us.
    return _status(b"VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: bytes) -> int:
    try:
        lines = Path("/proc/self/status").read_bytes().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith(name)]
    return int(found[0]) * 1024 if found else 0


def _leave_network() -> bool:
    """Move into a network of our own, which has no way out."""
    # Who is not root may do so only in a namespace of users as well; root would be hidden there.
    flags = _NEW_NETWORK if os.geteuid() == 0 else _NEW_USER | _NEW_NETWORK
    return bool(_libc.unshare(flags) == 0)


def _confine_files(folder: Path) -> bool:
    """Let this process read only what programs need, and write nothing (Landlock)."""
    version = _libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    rights = sum(bits for since, bits in _FILE_RIGHTS if version >= since)
    if not rights:
        return False
    scopes = _SCOPES if version >= _SCOPES_SINCE else None
    handled = struct.pack("Q", rights) if scopes is None else struct.pack("QQQ", rights, 0, scopes)
    ruleset = _libc.syscall(_LANDLOCK_CREATE, handled, len(handled), 0)
    if ruleset < 0:
        return False
    own = Path(__file__).parents[1]
    readable = {*_SYSTEM, sys.prefix, sys.base_prefix, str(own), *filter(None, sys.path)}
    try:
        for path in sorted(readable):
            _allow(ruleset, path, _READ)
        _allow(ruleset, str(folder), _READ_FILE)
        return bool(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not there on this machine
    if not Path(path).is_dir():
        rights &= _READ_FILE
    rule = struct.pack("=Qi", rights, beneath)
    _libc.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0)
    os.close(beneath)


def _filter_calls(*, network: bool) -> bool:
    """Refuse system calls that start programs and processes, or reach outside (seccomp)."""
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return False
    number, mark, forbidden, sockets, clone, signals = calls
    program = _program(mark, forbidden if network else (*forbidden, *sockets), clone, signals)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    return bool(_libc.syscall(number, _FILTER_MODE, _ALL_THREADS, described) == 0)


def _program(mark: int, forbidden: Iterable[int], clone: int, signals: int) -> bytes:
    """Return the filter in the kernel's byte code: `load; compare, skip if so, skip if not`."""
    refused = [
        line
        for call in sorted(forbidden)
        for line in ((_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE))
    ]
    lines = [
        (_LOAD, 0, 0, 4),  # the processor: a program may speak to the kernel as an older one
        (_EQUAL, 1, 0, mark),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the number of the call
        (_AT_LEAST, 0, 1, _LEAST_X32),
        (_RETURN, 0, 0, _REFUSE),
        *refused,
        (_EQUAL, 0, 1, _CLONE3),  # its flags cannot be read from here; `clone` comes instead
        (_RETURN, 0, 0, _ABSENT),
        (_EQUAL, 0, 3, signals),
        (_LOAD, 0, 0, 16),  # to whom: a program that gives up does so by a signal to itself
        (_EQUAL, 5, 0, os.getpid()),
        (_RETURN, 0, 0, _REFUSE),
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, 16),  # its flags: threads may start, processes may not
        (_ALL_BITS, 1, 0, _THREAD),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _best_effort_write(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError:
        return
