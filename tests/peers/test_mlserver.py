"""MLServer from PyPI serves a model that Augury sells: nobody here wrote a line of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from augury import bootstrap
from augury.client import ApiError, Client, Patience
from peers.mlserver import MODEL, MLServer
from publishing.counter import typed
from support.databases import sqlite_database
from support.houses import PASSWORD, Server, findings, fund, settings_for
from support.tiny_models import ROWS, proven, save_remote


@dataclass(frozen=True)
class Shop:
    """An API that may ask an MLServer, and a customer with 1000 credits."""

    peer: MLServer
    api: Server
    customer: Client


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[MLServer]:
    """A running MLServer with its model."""
    folder = tmp_path / "mlserver"
    folder.mkdir()
    server = MLServer(folder).start()
    yield server
    server.kill()


@pytest.fixture
def shop(peer: MLServer, tmp_path: Path) -> Iterator[Shop]:
    """A real API process that sells nothing yet; its books are right in the end."""
    (tmp_path / "none").mkdir()
    url = sqlite_database(tmp_path)
    bootstrap.prepare(settings_for(url, tmp_path, models_dir=tmp_path / "none"))
    api = Server(url, tmp_path, remote_hosts=f"127.0.0.1:{peer.port}").ready()
    try:
        with Client(api.address, patience=Patience(attempts=1)) as customer:
            customer.register("anna", "anna@example.com", PASSWORD)
            customer.sign_in("anna", PASSWORD)
            fund(url, customer.me().id, 1000)
            yield Shop(peer, api, customer)
    finally:
        api.kill()
    assert findings(url) == []


def parcel(folder: Path, peer: MLServer) -> Path:
    """Return a folder that `augury publish` takes as it is: a manifest, and where the model stands."""
    folder.mkdir()
    # A busy machine is no reason to fail.
    there = {"model": MODEL, "version": "v1", "timeout_ms": 30_000}
    place = save_remote(folder / "address.json", peer.url, **there)
    ready = proven(place, "remote", raw={"tensor": "predict_proba", "column": 1})
    (folder / "manifest.json").write_bytes(msgspec.json.encode(ready.manifest))
    return folder


def test_a_model_of_mlserver_is_published_sold_refused_while_it_is_down_and_sold_again(
    shop: Shop, tmp_path: Path
) -> None:
    """What is sold is what scikit-learn says; while the server is dead, nothing is charged."""
    told = typed(parcel(tmp_path / "parcel", shop.peer), url=shop.api.address)
    assert told.exit_code == 0, told.output
    bought = shop.customer.predict("tiny", ROWS)
    assert bought.outputs is not None
    sold = [output["default_probability"] for output in bought.outputs]
    np.testing.assert_allclose(sold, shop.peer.expected, atol=1e-6)
    assert shop.customer.me().balance.available == 1000 - 3 * len(ROWS)

    shop.peer.kill()
    with pytest.raises(ApiError) as refused:
        shop.customer.predict("tiny", ROWS)
    assert (refused.value.status, refused.value.code) == (503, "model_unavailable")
    assert shop.customer.me().balance.available == 1000 - 3 * len(ROWS)

    shop.peer.start()
    again = shop.customer.predict("tiny", ROWS)
    assert again.outputs == bought.outputs
    assert shop.customer.me().balance.available == 1000 - 6 * len(ROWS)
