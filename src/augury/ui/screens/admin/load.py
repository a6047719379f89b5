"""What the house has to do, and whether it keeps up: live, and over time."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import streamlit as st
from msgspec import Struct

from augury.client import ApiError, Latency, LoadNow, Timeline
from augury.ui.parts.elements import plain, show_table
from augury.ui.parts.live import show_live
from augury.ui.parts.look_back import Period, choose_period
from augury.ui.parts.time_charts import Line, Look, show_columns, show_lines
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_LOOK_SECONDS: Final = 5
_HOURS_SECONDS: Final = 60
_SHORTEST_SECONDS: Final = 2.0
_ABREAST: Final = 3
# Five minutes of looks.
_MOST_SAMPLES: Final = 60
_SAMPLES_KEY: Final = "admin-load/samples"
_MEBIBYTE: Final = 1024 * 1024
_LOOKS: Final[Mapping[str, Look]] = {
    "day": Look(time_format="%H:%M"),
    "week": Look(time_format="%d %b"),
    "month": Look(time_format="%d %b", is_utc=True),
    "year": Look(time_format="%b %Y", is_utc=True),
}


class _Sample(Struct, frozen=True):
    """One look at a process; counts are since it began."""

    at: datetime
    clock: float
    process: tuple[int, datetime | None]
    requests: int
    failed: int
    cpu_seconds: float | None


class _Rates(Struct, frozen=True):
    """What happened in a second between two looks at the same process."""

    at: datetime
    requests: float
    failed: float
    cpu_share: float | None


def show(visit: Visit) -> None:
    """Show what is going on now, and what went on in the last hours or days."""
    reader = visit.reader
    st.title(reader.text("place.admin-load"), anchor=False)
    # Who may not look is told so here, once for the whole page.
    visit.ask(lambda api: api.admin.load_now())
    show_live(visit, _LOOK_SECONDS, _show_now)
    st.header(reader.text("load.over_time"), anchor=False)
    period = choose_period(reader, key="admin-load/period", usual="day")
    show_live(visit, _HOURS_SECONDS, lambda visit: _show_hours(visit, period))


def _show_now(visit: Visit) -> None:
    reader = visit.reader
    now = visit.ask(lambda api: api.admin.load_now())
    for sentence in _missing(visit):
        st.warning(sentence, icon=":material/warning:")
    rates = _rates(_remember(now))
    _show_process(reader, now, rates[-1] if rates else None)
    if len(rates) > 1:
        _show_rates(reader, rates)
    st.header(reader.text("load.queues"), anchor=False)
    _show_queues(reader, now)
    _show_workers(reader, now)


def _missing(visit: Visit) -> list[str]:
    """Return what cannot answer, in sentences."""
    reader = visit.reader
    try:
        ready = visit.ask_openly(lambda api: api.admin.readiness())
    except ApiError as refusal:
        return [plain(refusal.detail)]
    told = []
    if ready.unavailable:
        names = ", ".join(ready.unavailable)
        told.append(reader.text("load.models_missing", models=plain(names)))
    if ready.broker == "unreachable":
        told.append(reader.text("load.broker_missing"))
    return told


def _remember(now: LoadNow) -> list[_Sample]:
    """Return what was seen of this process of late, this look included."""
    process = now.process
    sample = _Sample(
        datetime.now(UTC),
        time.monotonic(),
        (process.pid, process.started_at),
        process.requests,
        process.requests_failed,
        process.cpu_seconds,
    )
    seen: list[_Sample] = st.session_state.get(_SAMPLES_KEY, [])
    last = next((one for one in reversed(seen) if one.process == sample.process), None)
    # A rate of a moment would mostly tell of this page's own questions.
    if last is None or sample.clock - last.clock >= _SHORTEST_SECONDS:
        seen = [*seen, sample][-_MOST_SAMPLES:]
    st.session_state[_SAMPLES_KEY] = seen
    # Behind a balancer another process may answer each time; one is compared with itself only.
    return [one for one in seen if one.process == sample.process]


def _rates(samples: list[_Sample]) -> list[_Rates]:
    found = []
    for before, after in pairwise(samples):
        seconds = after.clock - before.clock
        if seconds <= 0:
            continue
        share = None
        if before.cpu_seconds is not None and after.cpu_seconds is not None:
            share = (after.cpu_seconds - before.cpu_seconds) / seconds
        found.append(
            _Rates(
                after.at,
                (after.requests - before.requests) / seconds,
                (after.failed - before.failed) / seconds,
                share,
            )
        )
    return found


def _show_process(reader: Reader, now: LoadNow, rates: _Rates | None) -> None:
    process = now.process
    unknown = reader.text("load.not_yet")
    cpu = memory = reader.text("load.unknown")
    if rates is not None and rates.cpu_share is not None:
        cpu = reader.percent(rates.cpu_share)
    elif process.cpu_seconds is not None:
        cpu = unknown
    if process.memory_bytes is not None:
        mebibytes = reader.rounded(process.memory_bytes / _MEBIBYTE, 0)
        memory = reader.text("load.mebibytes", number=mebibytes)
    shown = {
        "load.requests": unknown if rates is None else reader.rounded(rates.requests, 1),
        "load.errors": unknown if rates is None else reader.rounded(rates.failed, 2),
        "load.cpu": cpu,
        "load.memory": memory,
        "load.workers": reader.number(len(now.workers)),
        "load.waiting": reader.number(sum(queue.due for queue in now.queues.values())),
    }
    rows = list(shown.items())
    for start in range(0, len(rows), _ABREAST):
        with st.container(horizontal=True):
            for key, value in rows[start : start + _ABREAST]:
                st.metric(reader.text(key), value, border=True)
    facts = [reader.text("load.process", pid=str(process.pid))]
    if process.started_at is not None:
        facts.append(reader.text("load.since", moment=reader.moment(process.started_at)))
    facts.append(reader.count("requests_answered", process.requests))
    if process.requests_failed:
        facts.append(reader.text("load.failed", number=reader.number(process.requests_failed)))
    facts.append(_latencies(reader, process.latency_ms))
    st.caption(plain(" · ".join(facts)))


def _latencies(reader: Reader, latency: Latency) -> str:
    told = {
        name: reader.text("load.unknown") if value is None else reader.rounded(value, 1)
        for name, value in (("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99))
    }
    return reader.text("load.latencies", **told)


def _show_rates(reader: Reader, rates: list[_Rates]) -> None:
    moments = [one.at for one in rates]
    look = Look(unit=reader.text("load.per_second"), time_format="%H:%M:%S")
    lines = [
        Line(reader.text("load.line_requests"), [one.requests for one in rates]),
        Line(reader.text("load.line_errors"), [one.failed for one in rates]),
    ]
    show_lines(moments, lines, reader, alt=reader.text("load.rates_alt"), look=look)


def _show_queues(reader: Reader, now: LoadNow) -> None:
    columns = ("queue", "waiting", "running", "unfinished", "oldest")
    rows = [
        (
            plain(reader.named("queue", kind)),
            reader.number(queue.due),
            reader.number(queue.running),
            reader.number(queue.unfinished),
            _age(reader, queue.oldest_seconds) if queue.unfinished else "",
        )
        for kind, queue in now.queues.items()
    ]
    rows += [
        (plain(reader.named("queue", channel)), reader.number(count), "", "", "")
        for channel, count in now.deliveries_due.items()
    ]
    show_table([reader.text(f"load.{column}") for column in columns], rows)


def _age(reader: Reader, seconds: float) -> str:
    return reader.span(timedelta(seconds=round(seconds)))


def _show_workers(reader: Reader, now: LoadNow) -> None:
    st.header(reader.text("load.workers"), anchor=False)
    if not now.workers:
        st.warning(reader.text("load.no_workers"), icon=":material/engineering:")
        return
    columns = ("kind", "host", "pid", "started")
    rows = [
        (
            plain(reader.named("worker", one.kind)),
            plain(one.host),
            str(one.pid),
            reader.moment(one.started_at),
        )
        for one in now.workers
    ]
    show_table([reader.text(f"load.{column}") for column in columns], rows)
    st.caption(reader.text("load.workers_help"))


def _show_hours(visit: Visit, period: Period) -> None:
    reader = visit.reader
    line = visit.ask(lambda api: api.admin.timeline(period.since(), step=period.step))
    if not line.items:
        st.markdown(reader.text("load.nothing_sold"))
        return
    show_sales_over_time(reader, line, period)
    _show_latencies_over_time(reader, line, period)


def show_sales_over_time(reader: Reader, line: Timeline, period: Period) -> None:
    """Show how many predictions were made in each hour or day."""
    st.subheader(reader.text(f"load.per.{period.step}"), anchor=False)
    counts = {one.begins_at: one.predictions for one in line.items}
    moments = _every_step(line)
    values = [counts.get(moment, 0) for moment in moments]
    total = reader.count("predictions_made", sum(values))
    failures = sum(one.failures for one in line.items)
    alt = reader.text(f"load.per.{period.step}")
    show_columns(moments, values, reader, alt=f"{alt}: {total}", look=_LOOKS[period.name])
    facts = [total, reader.text("load.failed", number=reader.number(failures))]
    st.caption(plain(" · ".join(facts)))


def _show_latencies_over_time(reader: Reader, line: Timeline, period: Period) -> None:
    st.subheader(reader.text("load.latency"), anchor=False)
    known = {one.begins_at: one.latency_ms for one in line.items}
    moments = _every_step(line)
    none = Latency(None, None, None)
    lines = [
        Line(name, [getattr(known.get(moment, none), name) for moment in moments])
        for name in ("p50", "p95", "p99")
    ]
    show_lines(
        moments, lines, reader, alt=reader.text("load.latency_alt"), look=_LOOKS[period.name]
    )
    st.caption(reader.text("load.latency_help"))


def _every_step(line: Timeline) -> list[datetime]:
    """Return when each hour or day of a timeline begins, also where nothing was ordered."""
    step = timedelta(hours=1) if line.step == "hour" else timedelta(days=1)
    first = line.since
    if line.step == "day":
        first = first.replace(hour=0)
    return [first + step * number for number in range(-((first - line.until) // step))]
