"""Real processes over one outbox: each delivery once, and `kill -9` loses none."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from augury.kit.db import Database
from augury.notices.leases import EACH
from notices.outbox import courier, customer, hurry, never, states
from notices.receiver import Receiver

_PROGRAM = """
import sys, threading
from pathlib import Path
from augury.kit import db as kit, sqlite
from augury.kit.db import Database
from notices.outbox import courier
# One that is stopped while it writes must not make the others give up.
sqlite.BUSY_SECONDS = kit.BUSY_SECONDS = 60
kit._POSTGRES_OPTIONS = ("-c lock_timeout=60s", *kit._POSTGRES_OPTIONS[1:])
carrier = courier(Database(sys.argv[1]), Path(sys.argv[2]), seconds=60)
print("ready", flush=True)
sys.stdin.readline()
carrier.deliver_due(threading.Event(), 60)
"""


def carrier_process(database_url: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a process with a courier that waits for a word to begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, database_url, str(folder)],
        env={"PYTHONPATH": f"{Path(__file__).parents[1]}", "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: "subprocess.Popen[str]") -> None:
    """Let a process begin."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_three_processes_send_each_delivery_once(
    db: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Whoever comes first leases a delivery, and the others leave it alone."""
    for _ in range(12):
        customer(db, receiver.url, events=10)
    processes = [carrier_process(database_url, tmp_path) for _ in range(3)]
    for process in processes:
        begin(process)
    for process in processes:
        with process:
            assert process.wait(120) == 0
    assert set(Counter(receiver.ids()).values()) == {1}
    assert states(db) == [("succeeded", 1)] * 120


def test_a_killed_process_loses_nothing(
    db: Database, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Killed while receivers think about their answers, its deliveries go out after the lease."""
    receiver.open.clear()
    customer(db, receiver.url, events=10)
    with carrier_process(database_url, tmp_path) as process:
        begin(process)
        receiver.wait_for(EACH)
        process.kill()
        process.wait()
    receiver.open.set()
    assert Counter(states(db)) == {("pending", 1): EACH, ("pending", 0): 10 - EACH}
    hurry(db)
    assert courier(db, tmp_path).deliver_due(never(), 60) == 10
    assert Counter(states(db)) == {("succeeded", 2): EACH, ("succeeded", 1): 10 - EACH}
    assert Counter(Counter(receiver.ids()).values()) == {2: EACH, 1: 10 - EACH}
