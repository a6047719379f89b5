"""A sale, top to bottom: from a customer's request to a stored, paid prediction.

The model runs first; then one durable transaction takes the credits and stores the outputs. If the
credits do not suffice, the outputs are thrown away. So nobody sees a result that was not paid, and
nobody pays for a result that was not stored.
"""

import hashlib
from collections import OrderedDict
from typing import Any, NamedTuple

import msgspec
import numpy as np

from augury.inference.asking import Asked, NoAnswer
from augury.inference.lanes import AnyLane, Lane
from augury.kit.clock import now
from augury.kit.coalescer import Coalescer
from augury.kit.db import Database
from augury.kit.errors import Refusal, invalid
from augury.kit.ids import new_id
from augury.kit.log import logger
from augury.ledger import service as ledger
from augury.ledger.core import Balance, Replayed
from augury.ledger.refusals import IdempotencyConflict, InsufficientCredits
from augury.predictions import history
from augury.predictions.bell import Bell
from augury.predictions.jobs import NewJob, place
from augury.predictions.schemas import (
    PredictionRequest,
    Quote,
    QuoteBalance,
    check_key,
    read_request,
)
from augury.predictions.shadow import Shadow, sampled
from augury.predictions.takings import count_sale
from augury.predictions.till import Order, Sold, sell
from augury.registry.catalogue import Catalogue
from augury.registry.window import Offer, Trial

# What one commit may carry, in bytes of inputs and outputs. Every order counts for some bytes more,
# so that of small ones 256 go together: more would make the last one wait and gain little.
_MOST_BYTES_PER_COMMIT = 4 * 1024 * 1024
_BYTES_PER_ORDER = _MOST_BYTES_PER_COMMIT // 256
_MOST_POOR_REMEMBERED = 10_000
_RETRY_AFTER_SECONDS = 5

_Keyed = tuple[str, str, str]


class _Item(NamedTuple):
    """What a request asks for: who answers it, its rows, and what they cost in all."""

    offer: Offer
    lane: AnyLane
    rows: Any  # as the model has read them
    price: int


class ModelUnavailable(Refusal):
    """The model is on sale but cannot answer at the moment; nothing was charged."""

    code = "model_unavailable"
    status = 503


class Shop:
    """Sells predictions. One for each process; its methods run on the event loop."""

    def __init__(self, db: Database, catalogue: Catalogue, bell: Bell) -> None:
        """Open with what is on sale, and with what to ring for predictions in the background."""
        self.catalogue = catalogue
        self._db = db
        self._bell = bell
        self._looks: Coalescer[None, bool] = Coalescer(self._look, name="look")
        self._replays: Coalescer[_Keyed, Sold | None] = Coalescer(self._find_replays, name="replay")
        self._balances: Coalescer[str, Balance] = Coalescer(self._find_balances, name="balance")
        self._till: Coalescer[Order, Sold] = Coalescer(
            lambda orders: sell(db, orders),
            name="till",
            weigh=lambda order: _BYTES_PER_ORDER + len(order.inputs) + len(order.outputs),
            most_per_call=_MOST_BYTES_PER_COMMIT,
        )
        self._jobs: Coalescer[NewJob, Sold] = Coalescer(
            self._place,
            name="jobs",
            weigh=lambda job: _BYTES_PER_ORDER + len(job.inputs),
            most_per_call=_MOST_BYTES_PER_COMMIT,
        )
        self._shadow = Shadow(db)
        # Who could not pay a moment ago. It decides nothing: it only says whose balance to look
        # at before running a model for them.
        self._poor: OrderedDict[str, None] = OrderedDict()

    async def buy(
        self,
        user_id: str,
        body: bytes,
        key: str | None,
        language: str,
        api_key_id: str | None = None,
    ) -> Sold:
        """Return the paid prediction, and whether it is the replay of an earlier one.

        Raises a `Refusal` when nothing was sold; then nothing was charged either.
        """
        created_at = now()
        request = read_request(body)
        key, fingerprint, replay = await self._recall(user_id, request, key)
        if replay is not None:
            return replay
        offer, lane, rows, price = await self._find(user_id, request)
        if user_id in self._poor:
            await self._refuse_if_poor(user_id, price)
        asked = Asked(rows, request.inputs, request.explain, language)
        outputs = await outputs_of(lane, asked)
        order = Order(
            id=new_id(),
            user_id=user_id,
            model=offer.version.model,
            version=offer.version.version,
            rows=len(rows),
            price=price,
            inputs=_compact(request),
            outputs=outputs,
            warnings=_warnings(lane, rows, language),
            transfer_id=new_id(),
            created_at=created_at,
            key=key,
            fingerprint=fingerprint,
            api_key_id=api_key_id,
        )
        try:
            sold = await self._till.ask(order)
        except InsufficientCredits:
            self._remember_poor(user_id)
            raise
        trial, (_, replayed) = offer.shadow, sold
        if not replayed:
            count_sale(order.model, order.version, order.rows, order.price)
        if trial is not None and not replayed and sampled(order.id, trial.share_percent):
            self._hand_to_shadow(offer, lane, trial, order, rows)
        return sold

    async def order(
        self,
        user_id: str,
        body: bytes,
        key: str | None,
        language: str,
        api_key_id: str | None = None,
    ) -> Sold:
        """Return the prediction that will be made in the background, its price held.

        With a key that was used before: that prediction as it is now. Refuses what `buy` refuses.
        """
        created_at = now()
        request = read_request(body)
        key, fingerprint, replay = await self._recall(user_id, request, key)
        if replay is not None:
            return replay
        offer, lane, rows, price = await self._find(user_id, request)
        job = NewJob(
            id=new_id(),
            user_id=user_id,
            model=offer.version.model,
            version=offer.version.version,
            explain=request.explain,
            language=language,
            rows=len(rows),
            price=price,
            inputs=_compact(request),
            warnings=_warnings(lane, rows, language),
            hold_id=new_id(),
            created_at=created_at,
            key=key,
            fingerprint=fingerprint,
            api_key_id=api_key_id,
        )
        return await self._jobs.ask(job)

    def _place(self, new: list[NewJob]) -> list[Sold | Exception]:
        results = place(self._db, new)
        self._bell.ring("jobs", sum(isinstance(result, tuple) for result in results))
        return results

    async def quote(self, user_id: str, body: bytes, language: str) -> Quote:
        """Return what a prediction would cost now. Charges nothing and runs no model."""
        request = read_request(body)
        offer, lane, rows, price = await self._find(user_id, request)
        balance = await self._balances.ask(user_id)
        return Quote(
            offer.version.model,
            offer.version.version,
            len(rows),
            price,
            QuoteBalance(balance.available, balance.held),
            price <= balance.available,
            lane.model.cautions(rows, language),
        )

    def close(self) -> None:
        """Finish the calls and commits that run, and stop."""
        self.catalogue.close()
        self._shadow.close()
        for coalescer in (self._looks, self._replays, self._balances, self._till, self._jobs):
            coalescer.close()

    async def _resolve(self, reference: str, user_id: str) -> Offer:
        if self.catalogue.is_stale():
            # This process was held up for longer than changes are announced: it looks first.
            await self._looks.ask(None)
        return self.catalogue.resolve(reference, user_id)

    def _look(self, askers: list[None]) -> list[bool]:
        changed = self.catalogue.refresh()
        return [changed] * len(askers)

    async def _recall(
        self, user_id: str, request: PredictionRequest, key: str | None
    ) -> tuple[str | None, str | None, Sold | None]:
        """Return the key and the fingerprint to store, and the replay if both are known."""
        if not check_key(key):
            return None, None, None
        key, fingerprint = f"prediction:{key}", _fingerprint(request)
        return key, fingerprint, await self._replays.ask((user_id, key, fingerprint))

    async def _find(self, user_id: str, request: PredictionRequest) -> _Item:
        """Return what is asked for, or raise a `Refusal`."""
        offer = await self._resolve(request.model, user_id)
        lane = _lane_of(offer)
        rows = lane.model.read(request.inputs)
        return _Item(offer, lane, rows, price_of_row(offer, explain=request.explain) * len(rows))

    def _hand_to_shadow(
        self, offer: Offer, lane: AnyLane, trial: Trial, order: Order, rows: Any
    ) -> None:
        """Let the challenger score what was sold, when it comes to it; tables only."""
        if not isinstance(lane, Lane):
            return
        name = offer.version.manifest.outputs.probability
        given = [output[name] for output in msgspec.json.decode(order.outputs)]
        self._shadow.offer(
            order.id,
            order.model,
            order.version,
            lane.model,
            trial.version,
            trial.lane.model,
            rows,
            np.array(given),
        )

    async def _refuse_if_poor(self, user_id: str, price: int) -> None:
        balance = await self._balances.ask(user_id)
        if balance.available < price:
            raise InsufficientCredits(required=price, available=balance.available)
        self._poor.pop(user_id, None)

    def _remember_poor(self, user_id: str) -> None:
        self._poor[user_id] = None
        if len(self._poor) > _MOST_POOR_REMEMBERED:
            self._poor.popitem(last=False)

    def _find_balances(self, user_ids: list[str]) -> list[Balance]:
        with self._db.read() as tx:
            found = ledger.balances(tx, set(user_ids))
        return [found.get(user_id, Balance()) for user_id in user_ids]

    def _find_replays(self, asked: list[_Keyed]) -> list[Sold | Exception | None]:
        with self._db.read() as tx:
            found = ledger.replays(tx, asked)
            references = [one.reference for one in found if isinstance(one, Replayed)]
            stored = history.answers(tx, references) if references else {}
        results: list[Sold | Exception | None] = []
        for verdict in found:
            if isinstance(verdict, Replayed):
                results.append((stored[verdict.reference], True))
            else:
                results.append(None if verdict is None else IdempotencyConflict())
        return results


def _lane_of(offer: Offer) -> AnyLane:
    if offer.lane is None:
        raise unavailable(offer.version.model)
    return offer.lane


async def outputs_of(lane: AnyLane, asked: Asked[Any]) -> str:
    """Return a model's outputs as JSON; `ModelUnavailable` when it has none to give."""
    try:
        outputs = await lane.answer(asked)
    except Refusal:
        raise
    except NoAnswer as error:  # once for each process, it has been logged who does not answer
        raise unavailable(lane.model.manifest.name) from error
    except Exception as error:
        # Whatever a runtime throws, the customer pays nothing and may try again.
        name = lane.model.manifest.name
        logger("predictions").exception("model_failed", model=name)
        raise unavailable(name) from error
    return msgspec.json.encode(outputs).decode()


def price_of_row(offer: Offer, *, explain: bool) -> int:
    """Return what one row costs, with its reasons if they are asked for; raises `InvalidInput`."""
    if not explain:
        return offer.price
    if offer.explain_price is None:
        raise invalid("/explain", "fault.explain_not_offered")
    return offer.price + offer.explain_price


def _warnings(lane: AnyLane, rows: Any, language: str) -> str:
    return msgspec.json.encode(lane.model.cautions(rows, language)).decode()


def _compact(request: PredictionRequest) -> str:
    return msgspec.json.format(bytes(request.inputs), indent=-1).decode()


def unavailable(model: str) -> ModelUnavailable:
    """Return the refusal of a model that cannot answer at the moment."""
    return ModelUnavailable(model=model, retry_after_seconds=_RETRY_AFTER_SECONDS)


def _fingerprint(request: PredictionRequest) -> str:
    """Return what makes two requests the same: their meaning, not their spelling."""
    try:
        meaning = [request.model, msgspec.json.decode(request.inputs)]
        if request.explain:
            meaning.append("explain")
        spelling = msgspec.json.encode(meaning, order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        spelling = bytes(request.inputs)  # it will be refused, but not here
    return hashlib.sha256(spelling).hexdigest()
