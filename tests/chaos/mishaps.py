"""What befalls a house: each mishap strikes at once and says how it is mended."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any, NamedTuple

import psycopg

from augury.broker.application import DUTIES, ROOMS, open_application, queue_of
from augury.broker.bell import CeleryBell
from chaos.parts import Parts, family, is_up, send

Mend = Callable[[], None]
_SERVERS = ("api-1", "api-2", "inference-1", "inference-2")
# The promise is ten; on a busy machine everything takes longer.
_STOPPED_SECONDS = 90
# A worker that stands still so long has lost its lease when it goes on.
_LONGER_THAN_A_LEASE_SECONDS = 18


def _nothing() -> None:
    """Mend what mends itself."""


def _start(parts: Parts, name: str) -> None:
    if not is_up(parts[name]):
        parts[name].start()


def _kill(name: str, parts: Parts, _dice: random.Random) -> Mend:
    """End the first process of a part alone; its others have to end by themselves."""
    if is_up(parts[name]):
        parts[name].process.kill()
        parts[name].process.wait()
    return partial(_start, parts, name)


def _kill_whole(name: str, parts: Parts, _dice: random.Random) -> Mend:
    parts[name].kill()
    return partial(_start, parts, name)


def _pause(name: str, parts: Parts, _dice: random.Random) -> Mend:
    stood = family(parts[name])
    send(stood, signal.SIGSTOP)
    return partial(send, stood, signal.SIGCONT)


def _restart(name: str, parts: Parts, _dice: random.Random) -> Mend:
    # Another mishap of the same round may have mended the part by then: that one was told nothing.
    told = parts[name].process
    if told.poll() is None:
        told.terminate()

    def mend() -> None:
        send(family(parts[name]), signal.SIGCONT)  # it may have been paused in the same round
        told.wait(_STOPPED_SECONDS)
        _start(parts, name)

    return mend


def _kill_a_child(name: str, parts: Parts, dice: random.Random) -> Mend:
    below = family(parts[name])[1:]
    if below:
        send([dice.choice(below)], signal.SIGKILL)
    return _nothing


def _hang_a_child(name: str, parts: Parts, dice: random.Random) -> Mend:
    """Let one process of the worker come back when somebody else has its work."""
    below = family(parts[name])[1:]
    if below:
        stood = [dice.choice(below)]
        send(stood, signal.SIGSTOP)
        due = time.monotonic() + _LONGER_THAN_A_LEASE_SECONDS
        parts.later.append((due, partial(send, stood, signal.SIGCONT)))
    return _nothing


def _kill_a_backend(parts: Parts, dice: random.Random) -> Mend:
    """End one process of PostgreSQL, which then ends all and recovers."""
    below = family(parts.postgres)[1:]
    if below:
        send([dice.choice(below)], signal.SIGKILL)
    return _nothing


def _cut_connections(parts: Parts, _dice: random.Random) -> Mend:
    everyone = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    )
    with suppress(psycopg.Error), psycopg.connect(parts.postgres.url, connect_timeout=2) as line:
        line.execute(everyone)
    return _nothing


def _kill_both_inferences(parts: Parts, _dice: random.Random) -> Mend:
    mends = [_kill(name, parts, _dice) for name in ("inference-1", "inference-2")]

    def mend() -> None:
        for each in mends:
            each()

    return mend


def _lose_messages(parts: Parts, _dice: random.Random) -> Mend:
    """Empty every queue."""
    assert parts.broker is not None
    app: Any = open_application(parts.broker.url, hasty=True)
    # Whatever a broker's client throws when it is away: then its messages are lost anyway.
    with suppress(Exception), closing(app.connection_for_write()) as line:
        line.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        for name in (*ROOMS, DUTIES):
            queue_of(name)(line.default_channel).purge()
    return _nothing


def _double_messages(parts: Parts, _dice: random.Random) -> Mend:
    """Ring for hundreds of rows that nobody has ordered."""
    assert parts.broker is not None
    with closing(CeleryBell(parts.broker.url)) as bell:
        for room in ROOMS:
            bell.ring(room, 300)
    return _nothing


class Mishap(NamedTuple):
    """Something that happens, so often in comparison."""

    name: str
    weight: int
    strike: Callable[[Parts, random.Random], Mend]


MISHAPS = (
    *(Mishap(f"kill {name}", 4, partial(_kill, name)) for name in _SERVERS),
    *(Mishap(f"pause {name}", 2, partial(_pause, name)) for name in _SERVERS),
    Mishap("restart api-1", 1, partial(_restart, "api-1")),
    Mishap("restart inference-1", 1, partial(_restart, "inference-1")),
    Mishap("kill both inferences", 2, _kill_both_inferences),
    Mishap("kill worker", 4, partial(_kill, "worker")),
    Mishap("kill the whole worker", 3, partial(_kill_whole, "worker")),
    Mishap("kill a child of worker", 5, partial(_kill_a_child, "worker")),
    Mishap("pause worker", 3, partial(_pause, "worker")),
    Mishap("hang a child of worker", 2, partial(_hang_a_child, "worker")),
    Mishap("restart worker", 3, partial(_restart, "worker")),
    Mishap("kill beat", 2, partial(_kill, "beat")),
    Mishap("pause beat", 1, partial(_pause, "beat")),
    Mishap("kill broker", 4, partial(_kill_whole, "broker")),
    Mishap("pause broker", 3, partial(_pause, "broker")),
    Mishap("lose all messages", 4, _lose_messages),
    Mishap("double messages", 4, _double_messages),
    Mishap("kill postgres", 4, partial(_kill_whole, "postgres")),
    Mishap("kill a backend of postgres", 3, _kill_a_backend),
    Mishap("pause postgres", 3, partial(_pause, "postgres")),
    Mishap("cut connections to postgres", 3, _cut_connections),
)


def drawn(dice: random.Random, rounds: int) -> list[list[Mishap]]:
    """Return what happens in each round: one to three mishaps, and each of them before long.

    The mishaps are a shuffled deck that holds each as often as its weight says, so that no long
    run leaves one out.
    """
    deck: list[Mishap] = []
    plan = []
    for _ in range(rounds):
        hand: list[Mishap] = []
        for _ in range(dice.choice((1, 2, 2, 3))):
            if not deck:
                deck = [one for one in MISHAPS for _ in range(one.weight)]
                dice.shuffle(deck)
            hand.append(deck.pop())
        plan.append(hand)
    return plan
