"""Links to artefacts: good for a minute, for one artefact, and made with the house's key only."""

import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from augury.bootstrap import House
from augury.kit.clock import SECOND, now
from augury.registry import artifact_links
from augury.registry.artifact_links import VALID_SECONDS, ArtifactLinks
from support.houses import SECRET

CONTENT = b"an artefact"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(house: House) -> Path:
    """An artefact in its place."""
    folder = house.settings.artifacts_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{SHA256}.77.draft").write_bytes(b"half of")
    path = folder / f"{SHA256}.onnx"
    path.write_bytes(CONTENT)
    return path


def parts(house: House, sha256: str = SHA256) -> tuple[str, dict[str, str]]:
    link = urlsplit(house.artifact_links.link_of(sha256))
    return link.path, {name: values[0] for name, values in parse_qs(link.query).items()}


def test_a_link_gives_the_artefact_to_whoever_has_it(
    client: TestClient, house: House, place: Path
) -> None:
    path, query = parts(house)
    answer = client.get(path, params=query)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "0" * 64},
        {"expires": "99999999999"},
        {"expires": "0"},
    ],
)
def test_a_link_that_was_changed_leads_nowhere(
    client: TestClient, house: House, place: Path, change: dict[str, str]
) -> None:
    path, query = parts(house)
    answer = client.get(path, params=query | change)
    assert (answer.status_code, answer.json()["code"]) == (403, "invalid_link")


@pytest.mark.parametrize("query", [{}, {"expires": "-1"}, {"expires": "x"}, {"signature": "é"}])
def test_a_link_that_is_none_is_refused(
    client: TestClient, house: House, place: Path, query: dict[str, str]
) -> None:
    path, good = parts(house)
    assert client.get(path, params=query and good | query).status_code == 422


def test_a_signature_is_for_one_artefact(client: TestClient, house: House, place: Path) -> None:
    _, query = parts(house)
    other = "1" * 64
    (house.settings.artifacts_dir / f"{other}.cbm").write_bytes(b"another")
    assert client.get(f"/v1/artifacts/{other}", params=query).status_code == 403


def test_a_link_expires(
    client: TestClient, house: House, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, query = parts(house)
    later = now() + (VALID_SECONDS + 1) * SECOND
    monkeypatch.setattr(artifact_links, "now", lambda: later)
    assert client.get(path, params=query).status_code == 403


@pytest.mark.parametrize("name", ["secret_key", "..%2fsecret_key", "*", "?" * 64, SHA256[:8]])
def test_only_an_artefact_can_be_named(
    client: TestClient, house: House, place: Path, name: str
) -> None:
    """Even with a signature for the name, which nobody gets."""
    _, query = parts(house, name)
    assert client.get(f"/v1/artifacts/{name}", params=query).status_code in {403, 404}


def test_an_artefact_that_is_gone_is_not_found(client: TestClient, house: House) -> None:
    path, query = parts(house)
    assert client.get(path, params=query).status_code == 404


def test_the_key_is_derived_and_the_previous_one_is_still_good(tmp_path: Path) -> None:
    before = ArtifactLinks([SECRET], "http://a", tmp_path)
    query = parse_qs(urlsplit(before.link_of(SHA256)).query)
    after = ArtifactLinks(["another secret", SECRET], "http://a", tmp_path)
    (tmp_path / f"{SHA256}.onnx").write_bytes(CONTENT)
    found = after.follow(SHA256, int(query["expires"][0]), query["signature"][0])
    assert found.read_bytes() == CONTENT
