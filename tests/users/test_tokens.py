"""Access tokens: only those that this house signed, for this purpose, for a quarter of an hour."""

import base64
import json
import warnings
from typing import Any

import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from augury.kit import clock
from augury.kit.clock import SECOND
from augury.kit.ids import new_id
from augury.users import tokens as module
from augury.users.tokens import ACCESS_SECONDS, Identity, Tokens, Unauthenticated

SECRET = "the secret of today, long enough for anybody"
OLDER = "the secret of yesterday, long enough as well"
ANNA = Identity(new_id(), new_id(), "customer")


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token without checking anything."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def key_of(tokens: Tokens) -> bytes:
    """Return the key that signs access tokens, to sign wrong ones with the right key."""
    return tokens._keys[tokens._key_id]


def forged(
    tokens: Tokens, *, key: Any = None, algorithm: str = "HS256", kid: Any = ..., **claims: Any
) -> str:
    """Return a token with other claims, signed with the genuine key unless told otherwise."""
    header, told = parts_of(tokens.issue(ANNA))
    told |= claims
    told = {name: value for name, value in told.items() if value is not None}
    headers = {} if kid is None else {"kid": header["kid"] if kid is ... else kid}
    key = key_of(tokens) if key is None else key
    with warnings.catch_warnings():
        # The right key is short for another algorithm; that is not what must keep it out.
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        return jwt.encode(told, key, algorithm=algorithm, headers=headers)


@pytest.fixture
def tokens() -> Tokens:
    """The tokens of a house."""
    return Tokens(SECRET)


def test_a_token_speaks_for_its_owner(tokens: Tokens) -> None:
    """A token that was issued here is understood, again and again."""
    token = tokens.issue(ANNA)
    assert [tokens.verify(token) for _ in range(3)] == [ANNA] * 3


def test_a_token_says_who_issued_it_for_whom_and_until_when(tokens: Tokens) -> None:
    """Issuer, audience, expiry and key id are in every token, and nothing secret."""
    header, claims = parts_of(tokens.issue(ANNA))
    assert header["alg"] == "HS256"
    assert header["kid"]
    assert (claims["iss"], claims["aud"]) == ("augury", "augury-api")
    assert claims["exp"] - claims["iat"] == ACCESS_SECONDS == 900
    assert claims.keys() == {"iss", "aud", "sub", "sid", "role", "iat", "exp"}


def test_a_token_expires_also_when_it_was_seen_before(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of an hour later a token is worth nothing, remembered or not."""
    seen, unseen = tokens.issue(ANNA), Tokens(SECRET).issue(Identity(new_id(), new_id(), "admin"))
    tokens.verify(seen)
    late = clock.now() + (ACCESS_SECONDS + 1) * SECOND
    monkeypatch.setattr(module, "now", lambda: late)
    for token in (seen, seen, unseen):
        with pytest.raises(Unauthenticated):
            tokens.verify(token)


def test_a_machine_whose_clock_is_ahead_issues_good_tokens(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever signed in at one machine is known at the next, and for no longer than elsewhere."""
    with monkeypatch.context() as ahead:
        ahead.setattr(module, "now", lambda: clock.now() + 30 * SECOND)
        token = tokens.issue(ANNA)
    assert tokens.verify(token) == ANNA
    over = forged(tokens, exp=clock.now() // SECOND - 1)
    with pytest.raises(Unauthenticated):
        tokens.verify(over)


_WRONG: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1},
    "no expiry": {"exp": None},
    "issued in the future": {"iat": 2**33},
    "another issuer": {"iss": "somebody"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-api"},
    "no audience": {"aud": None},
    "nobody": {"sub": None},
    "no session": {"sid": None},
    "no role": {"role": None},
    "a number for a subject": {"sub": 7},
    "another secret": {"key": b"another secret that is long enough for it"},
    "the secret itself": {"key": SECRET.encode()},
    "another algorithm": {"algorithm": "HS384"},
    "no signature": {"algorithm": "none", "key": ""},
    "no key id": {"kid": None},
    "an unknown key id": {"kid": "000000000000"},
    "a path for a key id": {"kid": "../../dev/null"},
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_wrong_token_is_refused(tokens: Tokens, wrong: str) -> None:
    """One wrong thing is enough, and a refused token stays refused."""
    token = forged(tokens, **_WRONG[wrong])
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            tokens.verify(token)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "\x00",
        "ёё.ёё.ёё",
        "\xff\xfe",
        _encoded("[" * 50_000) + ".e30.AA",
        _encoded(json.dumps({"alg": "HS256", "kid": ["list"]})) + ".e30.AA",
        _encoded(json.dumps({"alg": "HS256", "kid": {"a": 1}})) + ".e30.AA",
        _encoded('{"alg": "HS256", "kid": ' + "1" * 5000 + "}") + ".e30.AA",
        _encoded(json.dumps({"alg": "none", "kid": "x"})) + ".e30.",
        _encoded("null") + ".e30.AA",
    ],
)
def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    """Garbage of every kind is an unknown caller and not an error."""
    with pytest.raises(Unauthenticated):
        tokens.verify(token)


def test_a_changed_claim_breaks_the_signature(tokens: Tokens) -> None:
    """A customer who writes "admin" into the token has no token any more."""
    header, payload, signature = tokens.issue(ANNA).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged_payload = _encoded(json.dumps(claims | {"role": "admin"}))
    with pytest.raises(Unauthenticated):
        tokens.verify(f"{header}.{forged_payload}.{signature}")


def test_the_key_before_this_one_still_opens() -> None:
    """After a change of the key, tokens of the previous one work and new ones are of the new key."""
    before = Tokens(OLDER)
    access, refresh_token = before.issue(ANNA), before.issue_refresh(ANNA.session_id, 3)
    after = Tokens(SECRET, OLDER)
    assert after.verify(access) == ANNA
    assert after.read_refresh(refresh_token) == (ANNA.session_id, 3)
    assert parts_of(after.issue(ANNA))[0]["kid"] != parts_of(access)[0]["kid"]
    with pytest.raises(Unauthenticated):
        before.verify(after.issue(ANNA))
    assert before.read_refresh(after.issue_refresh(ANNA.session_id, 3)) is None
    without = Tokens(SECRET)
    with pytest.raises(Unauthenticated):
        without.verify(access)
    assert without.read_refresh(refresh_token) is None


def test_a_refresh_token_names_its_generation(tokens: Tokens) -> None:
    """Session and generation come back from a genuine token; a token for one is not for another."""
    for generation in (0, 1, 77):
        given = tokens.issue_refresh("s.with.dots", generation)
        assert tokens.read_refresh(given) == ("s.with.dots", generation)
    assert tokens.read_refresh(tokens.issue_refresh("a", 1).replace("1", "2", 1)) is None


def test_memory_for_verified_tokens_is_bounded(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest remembered tokens make room; forgetting one does not make it invalid."""
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 5)
    made = [tokens.issue(Identity(new_id(), new_id(), "customer")) for _ in range(20)]
    for token in made:
        tokens.verify(token)
    assert len(tokens._verified) <= 6
    assert all(tokens.verify(token) for token in made)
