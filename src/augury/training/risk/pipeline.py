"""From the installed packages to a model folder, with the record of how good it was."""

import hashlib
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np
import typer

from augury.inference.documents import DOCUMENTS
from augury.inference.manifest import Artifact, Manifest, OutputNames, SelfTest, Training
from augury.risk.forecast import read
from augury.risk.series import NO_MARKETS
from augury.training.metrics import measure
from augury.training.risk import pictures, selftest
from augury.training.risk.backtest import MONTH, Plan, Record, backtest, final, numbered
from augury.training.risk.cards import ABOUT, card, record_text
from augury.training.risk.data import Data, load
from augury.training.risk.walk import MODEL

Say = Callable[[str], None]

NAME = "investment-risk"
ARTIFACT = "forecast.json"
CARDS = {"en": "card.md", "ru": "card.ru.md"}
RECORDS = {"en": "backtest.md", "ru": "backtest.ru.md"}


class Product(NamedTuple):
    """What is sold of the forecast: under which name, at which price, and how it is asked."""

    name: str
    runtime: str
    price: int
    card: str
    questions: Callable[[int], list[dict[str, Any]]]


PRODUCTS = (
    Product(NAME, "risk", 100, "card", selftest.questions),
    Product("investment-portfolio", "portfolio", 200, "portfolio", selftest.portfolios),
)
# Of the events; the manifest tells how good the middle one was.
_LOSS = 1
_LIBRARIES = ("arch", "numpy", "pandas", "scipy", "skfolio")


def train(
    out: Path,
    *,
    seed: int = 7,
    plan: Plan | None = None,
    say: Say = typer.echo,
    data: Data | None = None,
) -> list[Manifest]:
    """Write `out/investment-risk/` and `out/investment-portfolio/`; return their manifests.

    Both have the same artefact: a portfolio is asked of the same forecast as an asset.

    The same packages and seed give the same files to the byte.
    """
    plan, data = plan or Plan(), data or load()
    step = numbered(say, plan.steps + 2)
    record = backtest(data, plan, seed, step)
    step("learn from everything there is")
    content = final(data)
    read(content)
    step("pictures, cards and manifests")
    out.mkdir(parents=True, exist_ok=True)
    manifests = []
    for product in PRODUCTS:
        manifest = _manifest(product, content, record, data, seed)
        with TemporaryDirectory(dir=out, prefix=".training-") as draft:
            folder = Path(draft)
            (folder / ARTIFACT).write_bytes(content)
            proven = _proven(manifest, folder / ARTIFACT, product.questions(seed))
            encoded = msgspec.json.format(msgspec.json.encode(proven), indent=2)
            (folder / "manifest.json").write_bytes(encoded + b"\n")
            pictures.draw(record, folder)
            for language, name in CARDS.items():
                told = card(manifest, record, seed, language, product.card)
                (folder / name).write_text(told, encoding="utf-8")
            _publish(folder, out / manifest.name)
        manifests.append(proven)
    return manifests


def _proven(manifest: Manifest, artifact: Path, questions: list[dict[str, Any]]) -> Manifest:
    """Return the manifest with what the artefact answers, which every load will ask again."""
    family = DOCUMENTS[manifest.runtime]
    found = family.asked(manifest, artifact, msgspec.json.encode(questions))
    whole = msgspec.structs.replace(manifest, self_test=selftest.passed(questions, found))
    family(whole, artifact, NO_MARKETS)
    return whole


def write_backtest(
    out: Path,
    *,
    seed: int = 7,
    plan: Plan | None = None,
    say: Say = typer.echo,
    data: Data | None = None,
) -> Record:
    """Write the record alone, as Markdown in both languages with its pictures, and return it."""
    plan, data = plan or Plan(), data or load()
    step = numbered(say, plan.steps + 1)
    record = backtest(data, plan, seed, step)
    step("pictures and tables")
    out.mkdir(parents=True, exist_ok=True)
    pictures.draw(record, out)
    for language, name in RECORDS.items():
        (out / name).write_text(record_text(record, seed, language), encoding="utf-8")
    return record


def _manifest(product: Product, content: bytes, record: Record, data: Data, seed: int) -> Manifest:
    judged = record.judged[MONTH]
    years = record.plan.years
    happened = judged.events[:, _LOSS].astype(np.int64)
    method = f"walk-forward {years.start}-{years.stop - 1}, loss over 5 % in 21 days"
    return Manifest(
        manifest_version=1,
        name=product.name,
        title=ABOUT[product.card].title,
        description=ABOUT[product.card].description,
        task=product.name,
        price=product.price,
        runtime=product.runtime,
        artifact=Artifact(ARTIFACT, hashlib.sha256(content).hexdigest(), len(content)),
        inputs=[],
        outputs=OutputNames("probability_of_loss"),
        metrics=measure(judged.answers[MODEL].chances[:, _LOSS], happened, method),
        training=Training(
            recipe="augury train risk",
            seed=seed,
            data_sha256=data.sha256,
            rows_read=data.rows_read,
            rows_used=data.rows_read,
            libraries={"python": platform.python_version()} | {n: version(n) for n in _LIBRARIES},
        ),
        self_test=SelfTest(tolerance=1e-9, inputs=[], probabilities=[]),
    )


def _publish(draft: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in sorted(draft.iterdir()):
        file.replace(folder / file.name)
