"""The client's calls about outcomes, each against the real API."""

from typing import Any

import httpx2
import pytest

from augury.client import ApiError, Client, OutcomeImport, Patience
from augury.kit.ids import new_id
from client.shop import Shop
from support.cases import publish, sale, sold


@pytest.fixture(scope="module")
def _published(shop: Shop) -> None:
    """Put a model into the registry whose predictions can be judged."""
    publish(shop.house.db)


@pytest.fixture
def bought(shop: Shop, anna: Client, _published: None) -> list[str]:
    """Two predictions of the customer: of one row, and of three."""
    user_id = anna.me().id
    return sold(shop.house.db, [sale([0.5], user_id=user_id), sale([0.1] * 3, user_id=user_id)])


@pytest.fixture(autouse=True)
def _away_from_the_books(shop: Shop, bought: list[str]) -> Any:
    """Take the sales away again: nobody has paid for them."""
    yield
    with shop.house.db.write() as tx:
        tx.exec_driver_sql("DELETE FROM predictions")


def test_what_happened_is_told_and_read(anna: Client, bought: list[str]) -> None:
    one, three = bought
    assert anna.outcomes.report_outcome(one, 1).outcomes == (1,)
    assert anna.outcomes.report_outcome(three, 0, row=2).outcomes == (None, None, 0)
    assert anna.outcomes.report_outcomes(three, [1, None, 1]).outcomes == (1, None, 1)
    known = anna.outcomes.outcomes(three)
    assert (known.reported, known.model, known.version) == (2, "tiny", 1)
    assert known.reported_at is not None


def test_many_are_told_at_once(anna: Client, bought: list[str]) -> None:
    one, three = bought
    told = [(one, 0, 1), (three, 0, 0), (three, 1, 1)]
    assert anna.outcomes.import_outcomes(told) == OutcomeImport(3, 0, 0)
    file = f"prediction_id;row;outcome\n{three};1;0\n{one};;1\n".encode()
    assert anna.outcomes.import_file(file) == OutcomeImport(0, 1, 1)
    assert anna.outcomes.import_outcomes([]) == OutcomeImport(0, 0, 0)


def test_wrong_lines_are_named(anna: Client, bought: list[str]) -> None:
    with pytest.raises(ApiError) as refused:
        anna.outcomes.import_outcomes([(bought[0], 0, 1), (bought[0], 7, 1), (new_id(), 0, 1)])
    assert refused.value.code == "invalid_input"
    assert [error.pointer for error in refused.value.errors] == ["/file/3", "/file/4"]


def test_a_lost_answer_is_asked_for_again() -> None:
    """To tell the same twice does no harm, so that the client does it by itself."""
    tries = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal tries
        tries += 1
        if tries == 1:
            message = "lost"
            raise httpx2.ReadError(message, request=request)
        return httpx2.Response(200, json={"stored": 0, "changed": 0, "unchanged": 1})

    patience = Patience(attempts=2, longest_pause_seconds=0)
    with Client("http://x", patience=patience, transport=httpx2.MockTransport(answer)) as client:
        assert client.outcomes.import_outcomes([(new_id(), 0, 1)]).unchanged == 1
    assert tries == 2
