"""A challenger beside the champion: how to begin, how to end, and how the two compare."""

from collections.abc import Callable
from typing import Final, cast, get_args

import streamlit as st

from augury.client import ApiError, ModelOnShelf
from augury.client.registry import Mode
from augury.client.shelf import Agreement, Comparison, Estimate, TrialArm
from augury.ui.parts.deeds import ask_first, carry_out
from augury.ui.parts.elements import plain, show_refusal, show_table
from augury.ui.parts.pair_charts import show_pairs
from augury.ui.parts.shelf_choice import choose_version
from augury.ui.reader import Reader
from augury.ui.visit import Visit

_MODES: Final = get_args(Mode)
_USUAL_SHARE: Final = 20
_DIGITS: Final = 4


def show_trial(visit: Visit, model: ModelOnShelf) -> None:
    """Show the trial that runs, side by side, or the form that begins one."""
    reader = visit.reader
    st.header(reader.text("shelf_part.trial"), anchor=False)
    trial = model.challenger
    if trial is None:
        st.markdown(reader.text("trial.introduction"))
        _show_start(visit, model)
        return
    told = reader.text(
        f"trial_runs.{trial.mode}",
        version=trial.version,
        share=reader.number(trial.share_percent),
        moment=plain(reader.moment(trial.started_at)),
    )
    st.markdown(told)
    _show_end(visit, model, trial.version)
    try:
        found = visit.ask(lambda api: api.registry.comparison(model.name))
    except ApiError as refusal:
        show_refusal(refusal, reader)
        return
    _show_comparison(found, reader)


def _show_start(visit: Visit, model: ModelOnShelf) -> None:
    reader = visit.reader
    others = [
        one.version
        for one in model.versions
        if one.version != model.champion and one.status == "active"
    ]
    if not others:
        st.caption(reader.text("champion.no_other"))
        return
    number = choose_version(reader, model, others, "trial")
    mode = cast(
        "Mode",
        st.radio(
            reader.text("trial.mode"),
            _MODES,
            format_func=lambda name: reader.text(f"trial_mode.{name}"),
            captions=[reader.text(f"trial_about.{name}") for name in _MODES],
            key=f"trial/{model.name}/mode",
        ),
    )
    share = st.slider(
        reader.text(f"trial_share.{mode}"), 1, 100, _USUAL_SHARE, key=f"trial/{model.name}/share"
    )
    deed, label = f"trial/{model.name}", reader.text("trial.start", version=number)
    effect = reader.text(f"trial_effect.{mode}", version=number, share=reader.number(share))
    order = f"{number}/{mode}/{share}"
    if ask_first(reader, deed, label, effect, order=order, icon=":material/science:"):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.start_challenge(model.name, number, mode, share),
            lambda _now: reader.text("trial.started", version=number),
        )


def _show_end(visit: Visit, model: ModelOnShelf, number: int) -> None:
    reader = visit.reader
    deed = f"trial/{model.name}/end"
    effect = reader.text("trial.end_effect", version=number)
    if ask_first(reader, deed, reader.text("trial.end"), effect, icon=":material/stop_circle:"):
        carry_out(
            visit,
            deed,
            model.name,
            lambda api: api.registry.end_challenge(model.name),
            lambda _now: reader.text("trial.ended", version=number),
        )


def _show_comparison(found: Comparison, reader: Reader) -> None:
    if found.agreement is not None:
        _show_agreement(found.agreement, reader)
    arms = (found.champion, found.challenger)
    rows = [
        (reader.text(f"trial.{name}"), *(told(arm) for arm in arms))
        for name, told in _facts(reader).items()
        if any(told(arm) for arm in arms)
    ]
    titles = (reader.text("trial.champion"), reader.text("trial.challenger"))
    versions = [f"{title} ({arm.version})" for title, arm in zip(titles, arms, strict=True)]
    show_table(("", *versions), rows)
    if not any(arm.judgement for arm in arms):
        st.caption(reader.text("trial.no_outcomes"))
    if found.auc_difference is not None:
        _show_difference(found.auc_difference, reader)
    if all(sum(arm.histogram) for arm in arms):
        st.subheader(reader.text("trial.scores"), anchor=False)
        shares = [[one / sum(arm.histogram) for one in arm.histogram] for arm in arms]
        bins = len(arms[0].histogram)
        labels = [reader.rounded(place / bins, 2) for place in range(bins)]
        show_pairs(
            labels,
            ((versions[0], shares[0]), (versions[1], shares[1])),
            reader,
            key="trial/scores",
            alt=reader.text("trial.scores_chart"),
        )


def _show_agreement(found: Agreement, reader: Reader) -> None:
    if not found.rows:
        st.info(reader.text("trial.no_rows"), icon=":material/hourglass_empty:")
        return
    st.markdown(
        plain(
            reader.text(
                "trial.agreement",
                rows=reader.count("rows", found.rows),
                mean=reader.rounded(found.mean_difference, _DIGITS),
                absolute=reader.rounded(found.mean_absolute_difference, _DIGITS),
                largest=reader.rounded(found.largest_difference, _DIGITS),
            )
        )
    )
    if found.same_decisions is not None:
        same = reader.percent(found.same_decisions)
        st.markdown(plain(reader.text("trial.same_decisions", share=same)))
    if found.correlation is not None:
        told = reader.rounded(found.correlation, _DIGITS)
        st.markdown(plain(reader.text("trial.correlation", value=told)))


def _show_difference(found: Estimate, reader: Reader) -> None:
    low, high = found.low, found.high
    if low is None or high is None:
        return
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    told = reader.text(
        "trial.difference",
        # A difference that rounds to nothing has no sign.
        value=reader.rounded(round(found.value, _DIGITS) + 0.0, _DIGITS),
        low=reader.rounded(round(low, _DIGITS) + 0.0, _DIGITS),
        high=reader.rounded(round(high, _DIGITS) + 0.0, _DIGITS),
    )
    st.markdown(f"{plain(told)} **{reader.text(f'trial_verdict.{verdict}')}**")


def _facts(reader: Reader) -> dict[str, Callable[[TrialArm], str]]:
    def count(value: int | None) -> str:
        return "" if value is None else reader.number(value)

    def measure(name: str) -> Callable[[TrialArm], str]:
        return lambda arm: (
            "" if arm.judgement is None else reader.rounded(getattr(arm.judgement, name), _DIGITS)
        )

    def quantile(name: str) -> Callable[[TrialArm], str]:
        return lambda arm: (
            reader.rounded(arm.quantiles[name], _DIGITS) if name in arm.quantiles else ""
        )

    return {
        "predictions": lambda arm: count(arm.predictions),
        "rows": lambda arm: count(arm.rows),
        "customers": lambda arm: count(arm.customers),
        "failures": lambda arm: count(arm.failures),
        "latency": lambda arm: _latency(arm, reader),
        "median": quantile("0.5"),
        "highest": quantile("0.95"),
        "outcomes": lambda arm: count(arm.judgement.rows if arm.judgement else None),
        "events": lambda arm: count(arm.judgement.events if arm.judgement else None),
        "auc": lambda arm: _auc(arm, reader),
        "brier": measure("brier"),
        "log_loss": measure("log_loss"),
        "calibration_error": measure("calibration_error"),
    }


def _latency(arm: TrialArm, reader: Reader) -> str:
    if arm.latency is None:
        return ""
    half, most = (reader.rounded(ms, 2) for ms in (arm.latency.p50_ms, arm.latency.p95_ms))
    return reader.text("unit.milliseconds", value=f"{half} / {most}")


def _auc(arm: TrialArm, reader: Reader) -> str:
    found = arm.judgement.auc if arm.judgement else None
    if found is None:
        return ""
    value = reader.rounded(found.value, _DIGITS)
    if found.low is None or found.high is None:
        return value
    return f"{value} ({reader.rounded(found.low, 3)} … {reader.rounded(found.high, 3)})"
