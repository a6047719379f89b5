"""API keys: what programs sign in with, each with its scopes, its end and its credit limit."""

import hashlib
import secrets
import string
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from augury.audit_log.service import Actor, record
from augury.kit.clock import now, rfc3339
from augury.kit.db import Database, Given, Id, Int64, ReadTx, WriteTx
from augury.kit.errors import NotFound, Refusal, invalid
from augury.kit.ids import is_id, new_id
from augury.users.gate import bump
from augury.users.tables import api_keys, users
from augury.users.tokens import KEY_PREFIX, START_LETTERS, Unauthenticated

MOST_KEYS = 50
_LETTERS = string.ascii_letters + string.digits
# 238 bits in all, of which the 71 of the start are shown.
_SECRET_LETTERS = START_LETTERS + 28

_SPEND = Given(
    """
    UPDATE api_keys SET credits_used = api_keys.credits_used + given.amount
    FROM {given}
    WHERE api_keys.id = given.id AND api_keys.revoked_at IS NULL
      AND (api_keys.expires_at IS NULL OR api_keys.expires_at > :moment)
      AND (api_keys.credit_limit IS NULL
        OR api_keys.credits_used + given.amount <= api_keys.credit_limit)
      AND EXISTS (
        SELECT 1 FROM users WHERE users.id = api_keys.user_id AND users.status = 'active')
    RETURNING api_keys.id
    """,
    id=Id,
    amount=Int64,
)
_GIVE_BACK = Given(
    """
    UPDATE api_keys SET credits_used = api_keys.credits_used - given.amount
    FROM {given} WHERE api_keys.id = given.id
    """,
    id=Id,
    amount=Int64,
)


class Scope(StrEnum):
    """What a key may be used for."""

    PREDICT = "predict"
    READ = "read"


class KeyLimitReached(Refusal):
    """The API key may not spend so many credits more; nothing was charged."""

    code = "key_limit_reached"
    status = 402


class TooManyKeys(Refusal):
    """The user has as many API keys as anybody may have."""

    code = "too_many_keys"
    status = 409


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner sees it: how it begins, never the rest."""

    id: str
    name: str
    start: str
    scopes: tuple[Scope, ...]
    credit_limit: int | None
    credits_used: int
    created_at: int
    expires_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a new key is to be."""

    name: str
    scopes: Sequence[Scope]
    credit_limit: int | None = None
    expires_at: int | None = None


def create(db: Database, user_id: str, wish: Wish, actor: Actor) -> tuple[ApiKey, str]:
    """Return a new key, and its text, which nobody is shown again.

    Raises `InvalidInput` when it would have expired already, and `TooManyKeys`.
    """
    moment = now()
    if wish.expires_at is not None and wish.expires_at <= moment:
        raise invalid("/expires_at", "fault.moment_past")
    whole = KEY_PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS))
    scopes = tuple(scope for scope in Scope if scope in wish.scopes)
    key = ApiKey(
        new_id(),
        wish.name,
        start_of(whole),
        scopes,
        wish.credit_limit,
        0,
        moment,
        wish.expires_at,
        None,
    )
    row = {name: getattr(key, name) for name in ApiKey.__slots__}
    row |= {"scopes": " ".join(scopes), "user_id": user_id, "digest": digest_of(whole)}
    details = {
        "user": user_id,
        "scopes": scopes,
        "credit_limit": key.credit_limit,
        "expires_at": None if key.expires_at is None else rfc3339(key.expires_at),
    }
    with db.write() as tx:
        # Whoever adds a key for the same user at this moment waits, and is counted then.
        tx.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
        mine = api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None)
        if tx.execute(select(func.count()).where(*mine)).scalar_one() >= MOST_KEYS:
            raise TooManyKeys(most=MOST_KEYS)
        tx.execute(insert(api_keys).values(**row))
        record(tx, actor, "api_key.created", f"api_key:{key.id}", details)
    return key, whole


def start_of(whole: str) -> str:
    """Return the part of a key that may be shown, and finds it."""
    return whole[: len(KEY_PREFIX) + START_LETTERS]


def digest_of(whole: str) -> str:
    """Return what is kept of a key. A slow hash is for what people can remember."""
    return hashlib.sha256(whole.encode()).hexdigest()


def listed(tx: ReadTx, user_id: str, *, limit: int, before: str | None = None) -> list[ApiKey]:
    """Return a user's keys that are not revoked, newest first, older than the one `before`."""
    found = (
        select(api_keys)
        .where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        .order_by(api_keys.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        found = found.where(api_keys.c.id < before)
    return [_key(row) for row in tx.execute(found)]


def _key(row: Row[Any]) -> ApiKey:
    told = {name: getattr(row, name) for name in ApiKey.__slots__}
    return ApiKey(**told | {"scopes": tuple(map(Scope, row.scopes.split()))})


def revoke(db: Database, user_id: str, key_id: str, actor: Actor) -> None:
    """Make a user's key useless: no sale with it commits from now on. Raises `NotFound`."""
    if not is_id(key_id):
        raise NotFound
    with db.write() as tx:
        revoked = tx.execute(
            update(api_keys)
            .where(
                api_keys.c.id == key_id,
                api_keys.c.user_id == user_id,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=now())
            .returning(api_keys.c.credits_used)
        ).first()
        if revoked is None:
            raise NotFound
        details = {"user": user_id, "credits_used": revoked.credits_used}
        record(tx, actor, "api_key.revoked", f"api_key:{key_id}", details)
        bump(tx)


def spend(tx: WriteTx, asked: Sequence[tuple[str | None, int]]) -> list[Refusal | None]:
    """Count credits against the limits of keys; return why not, or nothing, for each in order.

    Who asks without a key is not refused. The accounts of the keys' owners must be locked: that
    keeps two transactions from waiting for each other's keys in a circle.
    """
    verdicts: list[Refusal | None] = [None] * len(asked)
    places: dict[str, list[int]] = defaultdict(list)
    for place, (key_id, _) in enumerate(asked):
        if key_id is not None:
            places[key_id].append(place)
    sums = [(id_, sum(asked[place][1] for place in mine)) for id_, mine in places.items()]
    allowed = _allowed(tx, sums)
    for key_id, mine in places.items():
        if key_id not in allowed:
            _spend_in_turn(tx, key_id, [(place, asked[place][1]) for place in mine], verdicts)
    return verdicts


def _allowed(tx: WriteTx, amounts: Sequence[tuple[str, int]]) -> set[str]:
    return {id_ for (id_,) in _SPEND.run(tx, amounts, moment=now())}


def _spend_in_turn(
    tx: WriteTx, key_id: str, amounts: Sequence[tuple[int, int]], verdicts: list[Refusal | None]
) -> None:
    least_refused = None
    for place, amount in amounts:
        # Nothing comes back meanwhile, so what was too much is too much still.
        hopeless = least_refused is not None and amount >= least_refused
        if len(amounts) > 1 and not hopeless and _allowed(tx, [(key_id, amount)]):
            continue
        least_refused = amount if least_refused is None else min(amount, least_refused)
        verdicts[place] = _refusal(tx, key_id, amount)


def _refusal(tx: WriteTx, key_id: str, amount: int) -> Refusal:
    row = tx.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    limit = None if row is None else row.credit_limit
    if row is None or limit is None or row.revoked_at is not None:
        return Unauthenticated()
    left = limit - row.credits_used
    return KeyLimitReached(required=amount, left=left) if amount > left else Unauthenticated()


def give_back(tx: WriteTx, unspent: Iterable[tuple[str | None, int]]) -> None:
    """Take back what was counted against the limits of keys and not spent in the end."""
    sums: dict[str, int] = defaultdict(int)
    for key_id, amount in unspent:
        if key_id is not None and amount:
            sums[key_id] += amount
    _GIVE_BACK.run(tx, list(sums.items()))
