"""Chaos: everything that can die does, again and again, while customers buy; nothing is in doubt.

`make chaos` runs it for long; what is promised stands in docs/chaos.md.
"""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from chaos.judge import Judge, audited, rest, said, unthought_of
from chaos.load import Customer, Load
from chaos.mishaps import Mishap, drawn
from chaos.parts import Parts, kinds, parts_in
from support.brokers import Rabbit, Redis
from support.houses import fund
from support.scale import times

# So few rounds are too few for two brokers.
_SHORT = 10
ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or times(2, 50))
SEED = int(os.environ.get("CHAOS_SEED") or times(64, int(time.time())))
_CUSTOMERS = times(2, 4)
_DEPOSIT = 100_000_000


class Report:
    """What is told of a run, while it goes on and at its end."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder
        self.place = f"seed {SEED}, before the first round"
        self.mishaps: Counter[str] = Counter()
        self.slowest_seconds = 0.0

    def say(self, text: str) -> None:
        with self._capsys.disabled():
            typer.echo(text)

    def begin(self, number: int, hand: Sequence[Mishap]) -> None:
        self.place = f"seed {SEED}, round {number} of {ROUNDS}"
        self.mishaps.update(mishap.name for mishap in hand)
        done = "#" * round(30 * number / ROUNDS)
        told = ", ".join(mishap.name for mishap in hand)
        self.say(f"[{done:30}] {number:>3}/{ROUNDS} {told}")

    def end(self, seconds: float) -> None:
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        self.say(f"{'':40}sells again after {seconds:.1f} s")

    def is_clean(self, complaints: Sequence[str]) -> None:
        """Fail with everything that somebody needs to look into it."""
        if complaints:
            told = "\n".join(complaints[:40])
            pytest.fail(
                f"{self.place}; logs are in {self._folder}\n"
                f"{len(complaints)} complaints:\n{told}\nagain: make chaos SEED={SEED}"
            )

    def figures(self, title: str, counted: Counter[str]) -> None:
        width = max((len(name) for name in counted), default=0)
        lines = [f"  {name:{width}}  {count}" for name, count in sorted(counted.items())]
        self.say("\n".join([title, *lines]))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: in order, with nothing left behind."""

    def stop(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _round(parts: Parts, dice: random.Random, hand: Sequence[Mishap]) -> float:
    """Let mishaps strike one upon the other, mend them; return the seconds until all sells."""
    mends = []
    for mishap in hand:
        time.sleep(dice.uniform(0.0, 0.5))
        mends.append(mishap.strike(parts, dice))
    time.sleep(dice.uniform(0.2, 1.5))
    dice.shuffle(mends)
    for mend in mends:
        mend()
    parts.mend_later()
    seconds = parts.until_ready()
    time.sleep(dice.uniform(0.2, 1.0))
    return seconds


def _brokers() -> list[type[Redis | Rabbit]]:
    return kinds() if ROUNDS >= _SHORT else kinds()[:1]


def _rage(parts: Parts, report: Report, customers: Sequence[Customer]) -> None:
    """Run all rounds, on each broker that is here its share of them."""
    dice = random.Random(SEED)
    plan = drawn(dice, ROUNDS)
    load = Load(customers, SEED)
    brokers = _brokers()
    share = -(-ROUNDS // len(brokers))
    try:
        for number, hand in enumerate(plan, 1):
            if number > 1 and (number - 1) % share == 0:
                parts.mend_later(all_of_them=True)
                report.is_clean(parts.close())
                report.say("the same house, now with RabbitMQ")
                parts.open(brokers[(number - 1) // share])
            report.begin(number, hand)
            report.end(_round(parts, dice, hand))
            report.is_clean(audited(parts.house.db))
        report.place += ", at the end"
        parts.mend_later(all_of_them=True)
        load.stop()
    finally:
        load.abandon()


def _tell(
    report: Report,
    parts: Parts,
    judge: Judge,
    customers: Sequence[Customer],
    events: Counter[str],
) -> None:
    report.figures("What happened:", report.mishaps)
    codes: Counter[str] = Counter()
    for customer in customers:
        codes.update(customer.seen.codes)
    report.figures("What customers were answered, before it was for good:", codes)
    report.figures("What became of it:", judge.figures)
    report.figures("What the parts had to say:", events)
    slowest = max(customer.seen.longest_seconds for customer in customers)
    report.say(
        f"The house was up again after {report.slowest_seconds:.0f} s at the most;"
        f" {parts.revived} parts had to be started once more;"
        f" nobody waited longer than {slowest:.0f} s for an answer."
    )


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that stays when the test fails: others' runs do not sweep its logs away."""
    named = os.environ.get("CHAOS_DIR")
    if named:
        Path(named).mkdir(parents=True, exist_ok=True)
    # A name of its own tells the processes of this house from all others.
    place = Path(tempfile.mkdtemp(prefix="augury-chaos-", dir=named))
    failed = request.session.testsfailed
    yield place
    if not named and request.session.testsfailed == failed:
        shutil.rmtree(place)


@pytest.mark.timeout(times(900, 0))
def test_nothing_is_in_doubt_whatever_dies(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Round after round processes are killed, paused and restarted, messages lost and doubled.
    Afterwards every order has ended, every success is stored and paid once, the rest is free."""
    report = Report(capsys, folder)
    names = ", ".join(kind.__name__ for kind in _brokers())
    report.say(f"\nseed {SEED}, {ROUNDS} rounds, brokers: {names}; logs in {folder}")
    if len(kinds()) == 1:
        report.say("RabbitMQ is not installed (apt-get install rabbitmq-server): all with Redis")
    with _ended_by_signals(), parts_in(folder) as parts:
        parts.open(_brokers()[0])
        customers = [Customer(parts.addresses, f"customer{n}") for n in range(_CUSTOMERS)]
        for customer in customers:
            fund(parts.postgres.url, customer.id, _DEPOSIT)
        _rage(parts, report, customers)
        parts.until_ready()
        waited, unended = rest(parts.house.db)
        judge = Judge(parts, customers, _DEPOSIT)
        judge.judge()
        events = said(parts)
        _tell(report, parts, judge, customers, events)
        report.say(f"Everything had ended {waited:.0f} s after the last order.")
        report.is_clean([*unended, *judge.complaints, *unthought_of(events), *parts.close()])
        report.is_clean(audited(parts.house.db))
