"""A program as a process of its own: started, killed, paused, and started again on its port."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types


class Program:
    """A command that can be started again; what it says gathers in one file."""

    process: "subprocess.Popen[bytes]"

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        user: str | None = None,
    ) -> None:
        self.name = name
        self._user = user
        self._command = command
        self._environment = environment
        self._log = folder / f"{name}.log"
        self.start()

    def start(self) -> None:
        """Start it, again if need be."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
            )

    def until(self, is_ready: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until it is ready; it must not end before."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        """Return all that it has said."""
        return self._log.read_text()

    def children(self) -> list[psutil.Process]:
        """Return the processes that it has started."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def pause(self) -> None:
        """Let it stand still, with whatever it holds."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it the hard way, and what it has started."""
        if self.process.poll() is None:
            below = self.children()
            self.process.kill()
            end(below)
        self.process.wait()

    def stop(self, seconds: float = 90) -> int:
        """Ask it to stop and return its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


def end(processes: Iterable[psutil.Process]) -> None:
    """End processes the hard way; some may have gone by themselves, when their first one did."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            one.kill()
