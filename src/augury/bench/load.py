"""Load over HTTP by `wrk`, which costs the machine less than any client in Python would."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)\s*$", re.MULTILINE)
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET_ERRORS = re.compile(r"Socket errors: (.*)")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class NoLoadGenerator(Exception):
    """`wrk` is not installed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: requests a second, and the latency that half and 99 % of them stay below."""

    per_second: float
    p50_ms: float
    p99_ms: float


def require_wrk() -> None:
    """Raise `NoLoadGenerator` unless the load generator is there."""
    if shutil.which("wrk") is None:
        message = "the benchmark needs wrk: apt-get install wrk"
        raise NoLoadGenerator(message)


def measure(
    address: str, body: bytes, tokens: list[str], *, connections: int, seconds: int, folder: Path
) -> Measured:
    """Return what one run of POST requests measured; any answer that is no success raises."""
    script = folder / "load.lua"
    script.write_text(_script(body, tokens))
    command = [
        "wrk",
        "--latency",
        "--timeout",
        "30s",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "-s",
        str(script),
    ]
    whole = [*command, address]
    told = subprocess.run(whole, check=True, capture_output=True, text=True).stdout  # noqa: S603 -- all of it is ours
    if _REFUSED.search(told) or _SOCKET_ERRORS.search(told):
        message = f"{address} refused requests:\n{told}"
        raise RuntimeError(message)
    latency = {
        percent: float(value) * _MILLISECONDS[unit]
        for percent, value, unit in _LATENCY.findall(told)
    }
    rate = _RATE.search(told)
    if rate is None:
        message = f"wrk told no rate:\n{told}"
        raise RuntimeError(message)
    return Measured(float(rate[1]), latency["50"], latency["99"])


def _script(body: bytes, tokens: list[str]) -> str:
    """Return a script that sends the same body for one customer after another."""
    headers = [
        {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {t}"} if t else {})
        for t in tokens or [""]
    ]
    tables = ",".join(
        "{" + ",".join(f"[{json.dumps(k)}]={json.dumps(v)}" for k, v in one.items()) + "}"
        for one in headers
    )
    return f"""
local body = {json.dumps(body.decode())}
local headers = {{{tables}}}
local requests = {{}}
local turn = 0
init = function()
  for i, one in ipairs(headers) do requests[i] = wrk.format("POST", nil, one, body) end
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
"""
