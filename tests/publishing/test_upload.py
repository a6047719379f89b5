"""From a file to the first paid prediction with one command, against a real server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import catboost
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from augury import bootstrap
from augury.client import ApiError, Client
from publishing.counter import typed
from publishing.offers import NUMBERS, applicants, dumped, outcomes, pool, sampled
from support.databases import sqlite_database
from support.houses import PASSWORD, Server, findings, fund, settings_for
from support.quick import quicken_passwords

TRAINED = applicants()
FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Market:
    """A server whose administrator has credits."""

    address: str
    admin: Client


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A real `augury api` without models, whose books are right in the end."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "none").mkdir()
    url = sqlite_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        quicken_passwords(patch)
        bootstrap.prepare(settings_for(url, folder, models_dir=folder / "none"))
    server = Server(url, folder)
    try:
        server.ready()
        with Client(server.address) as admin:
            admin.sign_in("admin", PASSWORD)
            fund(url, admin.me().id, 10_000)
            yield Market(server.address, admin)
    finally:
        server.kill()
    assert findings(url) == []


def pipeline(folder: Path) -> Path:
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["age", "income"]), ("c", OneHotEncoder(), ["home"])]
    )
    model = make_pipeline(columns, LogisticRegression())
    return dumped(model.fit(TRAINED.drop(columns="rate"), outcomes(TRAINED)), folder)


def xgboost(folder: Path) -> Path:
    path = folder / "model.ubj"
    XGBClassifier(n_estimators=9).fit(TRAINED[NUMBERS], outcomes(TRAINED)).save_model(path)
    return path


def lightgbm(folder: Path) -> Path:
    frame = TRAINED.assign(home=pd.Categorical(TRAINED["home"]))
    model = LGBMClassifier(n_estimators=9, verbose=-1).fit(frame, outcomes(TRAINED))
    model.booster_.save_model(folder / "model.txt")
    return folder / "model.txt"


def native(folder: Path) -> Path:
    model = catboost.CatBoostClassifier(iterations=9, verbose=0, allow_writing_files=False)
    model.fit(pool(TRAINED, outcomes(TRAINED))).save_model(str(folder / "model.cbm"))
    return folder / "model.cbm"


def pytorch(folder: Path) -> Path:
    told = json.loads((FIXTURES / "pytorch.json").read_text())
    pd.DataFrame(told["rows"], columns=["a", "b", "c", "d"]).to_csv(folder / "sample.csv")
    (folder / "model.onnx").write_bytes((FIXTURES / "pytorch.onnx").read_bytes())
    return folder / "model.onnx"


def mlflow(folder: Path) -> Path:
    path = xgboost(folder)
    (folder / "mlflow").mkdir()
    path.rename(folder / "mlflow/model.ubj")
    (folder / "mlflow/MLmodel").write_text("flavors:\n  xgboost:\n    data: model.ubj\n")
    return folder / "mlflow"


KINDS: dict[str, Callable[[Path], Path]] = {
    "pipeline": pipeline,
    "xgboost": xgboost,
    "lightgbm": lightgbm,
    "catboost": native,
    "pytorch": pytorch,
    "mlflow": mlflow,
}


def told(output: str) -> Any:
    """Return the prediction that stands at the end of what was said."""
    return json.loads(output[output.index("\n{") :])


@pytest.mark.parametrize("kind", KINDS)
def test_one_command_leads_from_a_file_to_the_first_paid_prediction(
    kind: str, market: Market, tmp_path: Path
) -> None:
    frame, target = TRAINED, outcomes(TRAINED)
    sample = sampled(tmp_path, frame, target)
    path = KINDS[kind](tmp_path)
    wishes = ["--name", f"scoring-{kind}", "--price", 7, "--explain-price", 3, "--try"]
    if kind == "pytorch":
        table = pd.read_csv(tmp_path / "sample.csv", index_col=0)
        sample = sampled(tmp_path, table)
    else:
        wishes += ["--target", "defaulted", "--approve-below", 0.2, "--decline-from", 0.6]
    before = market.admin.me().balance.available
    result = typed(path, "--sample", sample, *wishes, url=market.address)
    assert result.exit_code == 0, result.output
    bought = told(result.output)
    assert bought["status"] == "succeeded"
    assert bought["charge"]["amount"] == 7
    assert before - market.admin.me().balance.available == 7
    (output,) = bought["outputs"]
    assert 0 < output["probability"] < 1
    assert ("decision" in output) == (kind != "pytorch")
    model = market.admin.model(f"scoring-{kind}")
    assert (model.price, model.explain and model.explain.price) == (7, 3)
    explained = market.admin.predict(model.name, model.input_schema["examples"], explain=True)
    assert explained.outputs is not None
    assert explained.outputs[0]["reasons"]


def test_the_stages_are_told_one_after_the_other(market: Market, tmp_path: Path) -> None:
    sample = sampled(tmp_path, TRAINED)
    options = ["--sample", sample, "--name", "stages", "--price", 1]
    result = typed(xgboost(tmp_path), *options, url=market.address)
    stages = [line.partition(":")[0] for line in result.output.splitlines()]
    assert stages == ["read", "convert", "prove", "upload", "check", "sell"]


def test_a_new_version_is_sold_to_all_once_it_is_the_champion(
    market: Market, tmp_path: Path
) -> None:
    first = ["--sample", sampled(tmp_path, TRAINED), "--name", "growing", "--price", 2]
    assert typed(xgboost(tmp_path), *first, url=market.address).exit_code == 0
    better = lightgbm(tmp_path)
    beside = typed(better, *first, "--try", url=market.address)
    assert told(beside.output)["version"] == 2
    assert "version 2 is for those who ask for growing@2" in beside.output
    assert market.admin.model("growing").version == 1
    again = typed(better, *first, "--champion", url=market.address)
    assert again.exit_code == 1
    assert "The server refused" in again.stderr
    other = typed(better, *first, "--title", "Better", "--champion", url=market.address)
    assert other.exit_code == 0, other.output
    assert market.admin.model("growing").version == 3


def test_a_draft_is_on_no_shelf(market: Market, tmp_path: Path) -> None:
    options = ["--sample", sampled(tmp_path, TRAINED), "--name", "quiet", "--price", 2, "--draft"]
    assert typed(xgboost(tmp_path), *options, url=market.address).exit_code == 0
    with pytest.raises(ApiError, match="model_not_found"):
        market.admin.model("quiet")
    shelf = market.admin.registry.model("quiet")
    assert shelf is not None
    assert shelf.status == "draft"


def test_a_folder_that_was_written_is_published_as_it_is(market: Market, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--sample", sampled(tmp_path, TRAINED), "--name", "folder", "--price", 2]
    assert typed(lightgbm(tmp_path), *options, "--out", out).exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        "manifest.json",
        "model.onnx",
        "card.md",
        "card.ru.md",
    }
    result = typed(out, "--price", 5, "--title", "Scoring", "--try", url=market.address)
    assert result.exit_code == 0, result.output
    model = market.admin.model("folder")
    assert (model.price, model.title["en"]) == (5, "Scoring")
    assert model.card == {
        "en": (out / "card.md").read_text(),
        "ru": (out / "card.ru.md").read_text(),
    }


def test_a_shipped_model_is_published_under_another_name(market: Market) -> None:
    shipped = Path(__file__).parents[2] / "models/credit-logistic-regression"
    result = typed(shipped, "--name", "credit-again", "--price", 9, "--try", url=market.address)
    assert result.exit_code == 0, result.output
    assert told(result.output)["charge"]["amount"] == 9
    card = (shipped / "card.ru.md").read_text()
    assert market.admin.model("credit-again").card["ru"] == card


def test_a_wrong_password_a_customer_and_a_server_that_is_down_are_told_apart(
    market: Market, tmp_path: Path
) -> None:
    options = ["--sample", sampled(tmp_path, TRAINED), "--name", "nobody-s", "--price", 2]
    path = xgboost(tmp_path)
    market.admin.acting_as(None).register("customer", "customer@example.com", PASSWORD)
    wrong = typed(path, *options, url=market.address, password="not it at all")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    customer = typed(path, *options, "--user", "customer", url=market.address)
    assert customer.exit_code == 1
    assert "administrator" in customer.stderr
    nobody = typed(path, *options)
    assert nobody.exit_code == 1
    assert "The server could not be asked" in nobody.stderr
    assert market.admin.registry.model("nobody-s") is None
