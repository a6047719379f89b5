"""The services of compose.yaml as plain processes: the same commands, settings and secrets.

What differs is where they listen, since all of them share this machine's loopback: names of
containers become ports of it. Volumes become folders.
"""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from support.deployment import DEPLOY, compose, program
from support.houses import free_port

_LISTENING = {"api-1": 8000, "api-2": 8000, "ui": 8001, "inference-1": 8002, "inference-2": 8002}
_FOLDERS = {"/data": "data", "/cache": "cache-{name}", "/run/secrets": "secrets-{name}"}
_READY = {"api": "/readyz", "ui": "/_stcore/health", "inference": "/v2/health/ready"}


class Composed:
    """A house that is put together as compose.yaml says."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Make its secrets; nothing is started yet."""
        self.folder = folder
        self.services: dict[str, Any] = compose()["services"]
        self.ports = {name: free_port() for name in (*_LISTENING, "HTTP_PORT", "HTTPS_PORT")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.api_host = f"api.localhost:{self.ports['HTTPS_PORT']}"
        self.ui_host = f"augury.localhost:{self.ports['HTTPS_PORT']}"
        (folder / "secrets.sh").write_bytes((DEPLOY / "secrets.sh").read_bytes())
        subprocess.run(["/bin/sh", str(folder / "secrets.sh")], check=True, capture_output=True)
        self.secrets = {path.name: path.read_text() for path in (folder / "secrets").iterdir()}
        # The database of this test stands elsewhere, and there is no broker: what happens in the
        # background is done by the API itself, as it is without one.
        self.secrets["augury_database_url"] = database_url
        del self.secrets["augury_broker_url"]

    def run(self, name: str) -> None:
        """Run a service that ends, to its end."""
        assert self._start(name).wait(200) == 0, self.log(name)

    def start(self, *names: str) -> None:
        """Start services that stay, and wait until each is healthy."""
        for name in names:
            self._start(name)
        for name in names:
            self._await(name)

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        service = self.services[name]
        command = [self._here(part, name) for part in service["command"]]
        if "--port" in command:
            command[command.index("--port") + 1] = str(self.ports[name])
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AUGURY_")}
        environment["AUGURY_DATA_DIR"] = self._here("/data", name)
        for variable, value in (service.get("environment") or {}).items():
            environment[variable] = self._here(str(value), name)
        # One that stands still for seconds is waited for: its rows would be counted twice.
        environment["AUGURY_INFERENCE_TIMEOUT_MS"] = "60000"
        secrets = self.folder / f"secrets-{name}"
        secrets.mkdir(exist_ok=True)
        for secret in service.get("secrets", ()):
            if secret in self.secrets:
                (secrets / secret).write_text(self.secrets[secret])
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "augury.cli", *command],
                env=environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        self.processes[name] = process
        return process

    def _here(self, text: str, name: str) -> str:
        """Return a word of compose.yaml as it is on this machine."""
        for place, folder in _FOLDERS.items():
            if text == place:
                return str(self.folder / folder.format(name=name))
        for other, port in _LISTENING.items():
            text = text.replace(f"http://{other}:{port}", self.address(other))
        text = text.replace("http://api:8000", self.address("api-1"))
        text = text.replace("https://api.localhost", f"https://{self.api_host}")
        text = text.replace("https://augury.localhost", f"https://{self.ui_host}")
        # The network of those who are believed is this machine.
        text = text.replace("172.30.71.0/24", "127.0.0.0/8")
        return "127.0.0.1" if text == "0.0.0.0" else text  # noqa: S104 -- compared, not bound

    def address(self, name: str) -> str:
        """Return where a service listens."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def _await(self, name: str) -> None:
        path = _READY[name.partition("-")[0]]
        self._poll(name, f"{self.address(name)}{path}")

    def _poll(self, name: str, url: str) -> None:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            assert self.processes[name].poll() is None, self.log(name)
            try:
                if httpx2.get(url, timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError(self.log(name))

    def start_proxy(self) -> None:
        """Start the proxy with its own file, and wait until it is healthy."""
        service = self.services["proxy"]
        health = free_port()
        environment = {
            **{k: self._here(str(v), "proxy") for k, v in service["environment"].items()},
            "HTTP_PORT": str(self.ports["HTTP_PORT"]),
            "HTTPS_PORT": str(self.ports["HTTPS_PORT"]),
            "API_UPSTREAMS": f"{self.address('api-1')} {self.address('api-2')}",
            "UI_UPSTREAM": self.address("ui"),
            "HEALTH_ADDRESS": f"http://127.0.0.1:{health}",
            "XDG_DATA_HOME": str(self.folder / "store"),
            "XDG_CONFIG_HOME": str(self.folder / "store"),
            "HOME": str(self.folder),
        }
        caddy, *arguments = service["command"]
        arguments = [
            str(DEPLOY / "proxy/Caddyfile") if one == "/etc/caddy/Caddyfile" else one
            for one in arguments
        ]
        with (self.folder / "proxy.log").open("ab") as log:
            self.processes["proxy"] = subprocess.Popen(
                [program(caddy), *arguments], env=environment, stdout=log, stderr=log
            )
        self._poll("proxy", f"http://127.0.0.1:{health}/")
        for host in (self.api_host, self.ui_host):
            self._await_certificate(host.partition(":")[0])

    def _await_certificate(self, name: str) -> None:
        """Wait until the proxy has made its certificate for a name."""
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            try:
                context = ssl.create_default_context(cafile=self.authority())
                address = ("127.0.0.1", self.ports["HTTPS_PORT"])
                with (
                    socket.create_connection(address, 5) as connection,
                    context.wrap_socket(connection, server_hostname=name),
                ):
                    return
            except OSError:  # those of TLS are among them
                time.sleep(0.1)
        raise TimeoutError(self.log("proxy"))

    def authority(self) -> str:
        """Return the file with the certificate that the proxy has made for itself."""
        return str(self.folder / "store/caddy/pki/authorities/local/root.crt")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def end(self) -> None:
        """End everything that still runs."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()


@contextmanager
def composed(folder: Path, database_url: str) -> Iterator[Composed]:
    """Give the house with everything running that a sale goes through."""
    house = Composed(folder, database_url)
    try:
        house.run("migrate")
        house.start("inference-1", "inference-2")
        house.start("api-1", "api-2", "ui")
        house.start_proxy()
        yield house
    finally:
        house.end()
