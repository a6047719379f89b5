"""The dry run: what a sale relies on is tried, and the row that breaks it is shown."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from augury.inference import dry_run
from augury.inference.dry_run import tried
from augury.inference.manifest import BadModel
from augury.inference.model import Model, Probabilities
from augury.inference.signature import Matrix
from support.tiny_models import FIELDS, ROWS, Tiny

Predict = Callable[[Matrix], Probabilities]


class Clock:
    """A clock that goes only when a test lets it: how many rows are tried depends on it."""

    now = 100.0

    def perf_counter(self) -> float:
        self.now += 1e-6  # nothing takes no time at all
        return self.now

    monotonic = perf_counter


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the dry run, which does not pass while this process stands still."""
    own = Clock()
    monkeypatch.setattr(dry_run, "time", own)
    return own


@pytest.fixture
def model(scorecard: Tiny) -> Model:
    """An honest model; each test makes it dishonest in its own way."""
    return Model(scorecard.manifest, scorecard.path, 1)


def reason(model: Model, predict: Predict) -> BadModel:
    model._predict = predict
    with pytest.raises(BadModel) as refused:
        tried(model, 20)
    return refused.value


def test_an_honest_model_passes(model: Model) -> None:
    """Every row gets its probability, and the trial says how many there were."""
    found = tried(model, 20)
    assert found.rows == 4000
    assert found.self_test_error <= 1e-6
    assert found.reasons_ms_one_row is None


def test_latencies_are_those_of_one_row_and_of_a_row_among_a_thousand(
    model: Model, clock: Clock
) -> None:
    """A call that takes 3 ms, and 1 ms for each row, is told as such; in a crowd a row is cheaper."""
    honest = model._predict

    def timed(matrix: Matrix) -> Probabilities:
        clock.now += 0.003 + 0.001 * len(matrix)
        return honest(matrix)

    model._predict = timed
    found = tried(model, 20)
    assert found.latency_ms_one_row == pytest.approx(4, abs=0.01)
    assert found.latency_ms_per_row_of_thousand == pytest.approx(1.003, abs=0.01)
    assert found.rows == int(2 / 0.001003)


def test_a_model_that_changes_its_mind_is_refused(model: Model) -> None:
    """The same rows asked twice must get the same answer."""
    honest, calls = model._predict, [0]

    def fickle(matrix: Matrix) -> Probabilities:
        calls[0] += 1
        return np.clip(honest(matrix) + 1e-5 * (calls[0] % 7), 0, 1)

    error = reason(model, fickle)
    assert error.key == "dry_run_again"
    assert set(msgspec.json.decode(str(error.values["row"]))) == {field["name"] for field in FIELDS}


@pytest.mark.parametrize("size", [1, 2, 3, 16, 37])
def test_a_model_that_answers_a_crowd_otherwise_is_refused(model: Model, size: int) -> None:
    """Alone and in crowds of several sizes a row gets what it gets among a thousand."""
    honest = model._predict

    def shy(matrix: Matrix) -> Probabilities:
        given = honest(matrix)
        return np.clip(given + 1e-4, 0, 1) if len(matrix) == size else given

    assert reason(model, shy).key == "dry_run_mixes"


def test_a_model_that_goes_by_place_is_refused(model: Model) -> None:
    """Whoever comes first gets no better answer."""
    honest = model._predict

    def ranked(matrix: Matrix) -> Probabilities:
        given = honest(matrix)
        return given * np.linspace(1, 0.99, len(given)) if len(given) > 100 else given

    assert reason(model, ranked).key == "dry_run_mixes"


def test_a_row_that_fails_is_found_and_shown(model: Model) -> None:
    """One row among thousands breaks the runtime: it is shown, with what the runtime said."""
    honest = model._predict

    def brittle(matrix: Matrix) -> Probabilities:
        if (matrix[:, 0] == 100).any():
            raise RuntimeError("too old")
        return honest(matrix)

    error = reason(model, brittle)
    assert error.key == "dry_run_fails"
    assert msgspec.json.decode(str(error.values["row"]))["age"] == 100
    assert str(error.values["error"]) == "too old"


def test_rows_that_fail_together_only_are_told_so(model: Model) -> None:
    """A runtime that cannot take a thousand rows at once cannot be sold from."""
    honest = model._predict

    def narrow(matrix: Matrix) -> Probabilities:
        if len(matrix) > 900 and not (matrix[0] == matrix[len(ROWS)]).all():
            raise RuntimeError("too many")
        return honest(matrix)

    assert reason(model, narrow).key == "dry_run_fails_together"


def test_a_slow_model_is_tried_with_fewer_rows(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of rows follows from what a thousand of them take."""
    monkeypatch.setattr(dry_run, "_seconds", lambda _call, times, _most: 100.0 if times == 1 else 1)
    assert tried(model, 20).rows == 40


def test_a_reason_of_the_runtime_s_own_stays(model: Model) -> None:
    """What a runtime refuses by name is not asked for row by row."""
    calls = [0]

    def gone(_: Matrix) -> Probabilities:
        calls[0] += 1
        raise BadModel("remote_unanswered", url="http://x", error="gone")

    assert reason(model, gone).key == "remote_unanswered"
    assert calls[0] == 1
